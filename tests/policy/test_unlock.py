"""Opening the door: codes by DTMF, clients' wishes, the lock, and hanging up afterwards."""

from __future__ import annotations

import pytest
from tests.policy.story import Story, code, document

from doorbus.contract.calls import EndReason
from doorbus.contract.doors import UnlockDenied, UnlockLocked
from doorbus.contract.lines import UnlockMethod
from doorbus_policy.core import events as ev
from doorbus_policy.core.effects import AnswerWish, HangUp, Pulse
from doorbus_policy.core.events import Code


def talking(codes: tuple[Code, ...] = (code(),)) -> Story:
    """Returns a story whose door talks to 101."""
    story = Story(codes=codes)
    story.press()
    story.answered().take(object)
    return story


def relays(story: Story) -> list[str]:
    """Returns the relays that were ordered since the last look, and has io accept; forgets everything."""
    pulses = story.take(Pulse)
    for pulse in pulses:
        story.finished(pulse)
    return [each.relay for each in pulses]


def denials(story: Story) -> list[str]:
    """Returns why unlocks were denied since the last look; forgets nothing."""
    return [each.why for each in story.told(UnlockDenied)]


def test_a_code_opens_with_its_last_digit() -> None:
    """unlock.dtmf: not a digit earlier, and each code its own relay."""
    story = talking((code("12#", "gate"), code("*99", "lamp")))
    assert relays(story.typed("12")) == []
    assert relays(story.typed("#")) == ["gate"]
    assert relays(story.typed("*99")) == ["lamp"]


def test_the_buffer_closes_at_the_length_of_the_longest_code() -> None:
    """Then it was one wrong code, and the next digit begins anew."""
    story = talking((code("12"), code("3456")))
    story.typed("9999")
    assert denials(story) == ["wrong_code"]
    assert relays(story.typed("12")) == ["gate"]


def test_the_buffer_closes_three_seconds_after_the_last_digit() -> None:
    """A slow finger types on within 3 s; after that it is one wrong code."""
    story = talking()
    assert relays(story.typed("1").wait(2.8).typed("2").wait(2.8).typed("34")) == ["gate"]
    story.typed("12").wait(3.1)
    assert denials(story) == ["wrong_code"]
    assert relays(story.typed("34")) == []


def test_the_end_of_the_call_closes_the_buffer() -> None:
    """Otherwise codes could be tried for nothing by hanging up in time."""
    story = talking()
    story.typed("99").ended()
    assert denials(story) == ["wrong_code"]


def test_only_the_first_way_of_typing_counts() -> None:
    """A phone that sends each digit as an RTP event and as INFO types it once."""
    story = talking()
    for digit in "1234":
        story.typed(digit, "rfc4733").typed(digit, "info_relay")
    assert relays(story) == ["gate"]


def test_a_code_counts_from_those_it_names() -> None:
    """The phone that was dialed is who types; for others it is a wrong code."""
    assert relays(talking((code(callers=("10*",)),)).typed("1234")) == ["gate"]
    story = talking((code(callers=("102",)),)).typed("1234")
    assert denials(story) == ["caller_not_allowed"]
    assert relays(story) == []


def test_digits_mean_nothing_before_the_answer_and_without_codes() -> None:
    """A ringing phone cannot open, and a door without codes counts no wrong ones."""
    story = Story()
    story.press()
    story.typed("1234")
    assert relays(story) == []
    story = talking(())
    story.typed("1234").wait(10).ended()
    assert denials(story) == []


def test_ten_wrong_codes_lock_across_calls_and_restarts() -> None:
    """Within 10 minutes; the lock holds 10 minutes, even for the right code, and is told once."""
    story = Story()
    for count in range(10):
        story.press()
        story.answered().typed("9999").ended().wait(30)
        assert (count == 9) == bool(story.told(UnlockLocked))
    assert [UnlockLocked(for_s=600, wrong_codes=10)] == story.told(UnlockLocked)
    story = story.restart().snapshot()
    story.press()
    story.answered().take(object)
    story.typed("1234")
    assert denials(story) == ["locked"]
    assert relays(story) == []
    story.ended().wait(570)
    story.press()
    story.answered()
    assert relays(story.typed("1234")) == ["gate"]


def test_wrong_codes_are_forgotten_after_ten_minutes() -> None:
    """Nine wrong codes now and one an hour later lock nobody out."""
    story = talking()
    story.typed("9999" * 9).ended().wait(601)
    story.press()
    story.answered().typed("9999")
    assert story.told(UnlockLocked) == []
    assert relays(story.typed("1234")) == ["gate"]


def test_codes_of_a_new_document_count_at_once() -> None:
    """Also in a call that began before; the old ones open no more."""
    story = talking()
    story.tell(ev.DocumentTaken(document(), 2, (code("77"),), new_call="dnd", fingerprint="doc5"))
    assert relays(story.typed("77")) == ["gate"]
    story.typed("1234")
    assert relays(story) == []


def test_no_digit_shows_anywhere() -> None:
    """Neither in the state, nor in what is done, nor in an event's repr."""
    story = talking((code("739461", callers=("102",)),)).typed("73946")
    shown = repr(story.state) + repr(story.done) + repr(ev.DigitTyped("h", "c", "7", "rfc4733"))
    shown += repr(story.typed("1").done) + repr(story.state)
    assert "73946" not in shown
    assert "digit=" not in shown


@pytest.mark.parametrize(
    ("ok", "code_", "why", "answer"),
    [
        (True, None, [], None),
        (False, "not_ready", ["io_refused"], "not_ready"),
        (False, "timeout", ["io_silent"], "timeout"),
    ],
)
def test_a_wish_to_unlock_is_answered_after_io(ok: bool, code_: str | None, why: list[str], answer: str | None) -> None:
    """Not before; and with io's own refusal."""
    story = Story().tell(ev.UnlockWished("h", "web", "gate", UnlockMethod.HTTP))
    assert [each for each in story.done if isinstance(each, AnswerWish)] == []
    story.finished(Pulse(1, "gate", UnlockMethod.HTTP, "web", None), ok, code_)
    assert why == denials(story)
    assert (ok, answer) == (story.reply().reply.ok, story.reply().reply.code)


def test_a_silent_io_is_an_answer_after_a_second() -> None:
    """And what io says later changes nothing."""
    story = Story().tell(ev.UnlockWished("h", "web", "gate")).wait(1.1)
    assert story.reply().reply.code == "timeout"
    assert denials(story) == ["io_silent"]
    before = story.state
    story.finished(Pulse(1, "gate", UnlockMethod.BUS, "web", None), False, "timeout")
    assert before == story.state


@pytest.mark.parametrize("method", list(UnlockMethod))
def test_only_the_methods_named_end_the_call(method: UnlockMethod) -> None:
    """unlock.hang_up: the named ones do, timeout_s after the opening; others leave the call alone."""
    for methods, ends in (([method.value], True), ([each.value for each in UnlockMethod if each != method], False)):
        story = Story(document(hang_up_after_unlock={"methods": methods, "timeout_s": 7}))
        call = story.press()
        story.answered().take(object)
        story.opened(method).wait(6.9)
        assert story.orders() == []
        assert ([HangUp(call, EndReason.UNLOCKED)] if ends else []) == story.wait(0.2).orders()


def test_hanging_up_counts_from_the_opening() -> None:
    """Not from the news of it; a second opening does not prolong; another call's opening is nothing to this one."""
    story = talking()
    story.opened(age_s=2).wait(1).opened().wait(1.9)
    assert story.orders() == []
    assert len(story.wait(0.2).orders()) == 1
    story = talking()
    story.opened(call="another").wait(10)
    assert story.orders() == []


def test_an_exit_button_does_not_end_a_call_that_rings_at_the_door() -> None:
    """Who comes out has not answered it."""
    story = Story(document(hang_up_after_unlock={"methods": ["input"]}))
    story.asked()
    story.take(object)
    story.opened(UnlockMethod.INPUT).wait(10)
    assert story.orders() == []
