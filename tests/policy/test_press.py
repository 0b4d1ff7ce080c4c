"""What a press does, in each state of the door's call."""

from __future__ import annotations

import pytest
from tests.policy.story import Story, document

from doorbus.contract.buttons import WHY_NOTHING, ButtonActivated
from doorbus.contract.calls import AutoAnswerMode, EndReason, Limits
from doorbus_policy.core import events as ev
from doorbus_policy.core.effects import Answer, HangUp, Refuse
from doorbus_policy.press_table import exit_rows, press_table, rows


def activated(story: Story) -> ButtonActivated:
    """Presses, and returns what was told of the press."""
    story.press()
    return story.told(ButtonActivated)[-1]


def test_the_table_of_presses() -> None:
    """Each state of a call, with push_to_hang_up on and off."""
    run, stay = "run", "do not run"
    assert [
        ("none", "any", "dials", "", run),
        ("none; nothing is said about the button", "any", "nothing", "no_button", run),
        ("none; the button has no call", "any", "nothing", "no_call", run),
        ("none; none of the button's numbers can be called, or it has none", "any", "nothing", "no_numbers", run),
        ("none; nobody has published the button's directory", "any", "nothing", "no_directory", run),
        ("none; no template of the input is active", "any", "nothing", "no_template", run),
        ("none; the scheduler has not spoken yet", "any", "nothing", "no_schedule", run),
        ("none; a page plays that outranks calls", "any", "nothing", "page", run),
        ("unknown: sip is silent, or was", "any", "nothing", "call_unknown", run),
        ("incoming, ringing", "any", "answers it", "", run),
        ("dialing by a press, within hold", "enabled", "nothing", "hold", run),
        ("dialing by a press, within hold", "disabled", "nothing", "push_to_hang_up_off", run),
        ("dialing by a press, after hold", "enabled", "hangs up", "", stay),
        ("dialing by a press, after hold", "disabled", "nothing", "push_to_hang_up_off", run),
        ("dialing by a client", "enabled", "hangs up", "", stay),
        ("dialing by a client", "disabled", "nothing", "push_to_hang_up_off", run),
        ("answered, made by a press, within hold of the press", "enabled", "nothing", "hold", run),
        ("answered, made by a press, within hold of the press", "disabled", "nothing", "push_to_hang_up_off", run),
        ("answered, made by a press, after hold", "enabled", "hangs up", "", stay),
        ("answered, made by a press, after hold", "disabled", "nothing", "push_to_hang_up_off", run),
        ("answered, incoming or by a client, within hold of the answer", "enabled", "nothing", "hold", run),
        (
            "answered, incoming or by a client, within hold of the answer",
            "disabled",
            "nothing",
            "push_to_hang_up_off",
            run,
        ),
        ("answered, incoming or by a client, after hold", "enabled", "hangs up", "", stay),
        ("answered, incoming or by a client, after hold", "disabled", "nothing", "push_to_hang_up_off", run),
        ("its end is ordered", "any", "nothing", "call_ending", run),
    ] == rows()
    opening = [
        ("none", "-"),
        ("incoming, ringing", "is left alone"),
        ("dialing", "ends `timeout_s` later"),
        ("answered", "ends `timeout_s` later"),
        ("its end is ordered", "is left alone"),
    ]
    assert opening == exit_rows()
    headings = 2
    assert len(rows()) + len(opening) + headings == press_table().count("\n| ")


def test_a_press_ends_the_call_and_runs_no_actions() -> None:
    """hangup.press: dialing or answered, once hold_s is over."""
    story = Story()
    call = story.press()
    story.wait(3.1).take(object)
    told = activated(story)
    assert ("hang_up", call, ()) == (told.does, told.call, told.actions)
    assert [HangUp(call, EndReason.PUSH_BUTTON)] == story.orders()


def test_a_press_within_hold_leaves_the_call() -> None:
    """hangup.hold: counted from the press that made the call, also after a quick answer."""
    story = Story()
    story.press()
    story.wait(1).answered().wait(1).take(object)
    told = activated(story)
    assert (told.does, told.why, told.actions) == ("nothing", "hold", ("notify",))
    assert story.orders() == []


def test_hold_counts_from_the_answer_of_other_calls() -> None:
    """An incoming call that rang for long has its hold after the answer."""
    story = Story()
    story.asked()
    story.wait(20).answered().wait(2.9)
    assert activated(story).why == "hold"
    story.wait(0.2)
    assert activated(story).does == "hang_up"


def test_switched_off_a_press_leaves_the_call_and_runs_its_actions() -> None:
    """hangup.off."""
    story = Story(document(push_to_hang_up={"enabled": False}))
    call = story.press()
    story.wait(10).answered().wait(10).take(object)
    told = activated(story)
    assert ("nothing", "push_to_hang_up_off", call, ("notify",)) == (told.does, told.why, told.call, told.actions)
    assert story.orders() == []


def test_a_press_answers_the_ringing_call_once() -> None:
    """answer.button: and a second press before the answer stands orders nothing more."""
    story = Story()
    story.asked()
    story.take(object)
    story.press()
    story.press()
    assert [Answer("in1", AutoAnswerMode.AUDIO, Limits(ring_s=60, max_call_s=300, warn_s=10))] == story.orders()


def test_the_same_press_is_taken_once() -> None:
    """An event that comes twice, or again after a restart, makes no second call."""
    story = Story()
    story.press(press="p")
    again = story.ended().restart()
    again.press(press="p")
    assert again.idle
    assert again.told(ButtonActivated) == []


@pytest.mark.parametrize("input_id", ["exit1", "nowhere"])
def test_only_buttons_are_pressed(input_id: str) -> None:
    """A client that presses something else is told which buttons there are."""
    story = Story()
    story.tell(ev.Pressed("p", input_id, "call", handle="h"))
    assert story.reply().reply.code == "unknown_input"
    assert "button1, button2" in str(story.reply().reply.message)
    assert story.idle


def test_a_press_while_the_end_is_ordered_does_nothing() -> None:
    """A call that is about to end is neither ended again nor dialed over."""
    story = Story()
    story.asked()
    story.wait(60)
    assert [Refuse("in1", 480, EndReason.DIAL_TIMEOUT)] == story.orders()
    assert activated(story).why == "call_ending"


def test_each_reason_has_words() -> None:
    """What a press may say for doing nothing is told to people, too: each reason, and none besides."""
    says = {why for _, _, _, why, _ in rows() if why}
    assert says == WHY_NOTHING.keys()
    story = Story()
    story.tell(ev.Pressed("p", "button2", "call1", handle="h"))
    assert story.reply().reply.message == "nothing is said about the button"
