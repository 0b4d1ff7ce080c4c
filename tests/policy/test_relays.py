"""Relays that a press switches: held for the call that it makes, else pulsed; and always reset."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from tests.policy.story import Story, document
from tests.policy.test_recover import seen

from doorbus.contract.actions import ActionFailed, message_id
from doorbus.contract.calls import CallState
from doorbus_policy.core import door, relays
from doorbus_policy.core import events as ev
from doorbus_policy.core.effects import Dial, Energise, HangUp, Order, Origin, Pulse, PulseForAction, Reset
from doorbus_policy.core.state import Stage

ENDED = ("light", "lamp", "call_ended")
CONNECTED = ("chime", "gate", "call_connected")
HOLDING: dict[str, Any] = {"warn_s": 0, "max_call_s": 90, "dial_out_s": 30}


def held(*switches: tuple[str, str, str], taken: bool = True, **calls: Any) -> tuple[Story, str]:
    """A press has made a call and io energises what hangs on the button; returns the story and the call."""
    story = Story(document(switches=switches or (ENDED, CONNECTED), **{**HOLDING, **calls}))
    call = story.press()
    if taken:
        _io_takes(story, *story.orders())
    return story, call


def _io_takes(story: Story, *orders: Order) -> None:
    for order in orders:
        if isinstance(order, Energise | PulseForAction | Reset):
            story.finished(order)


def resets(story: Story) -> list[Reset]:
    """Returns the resets since the last look, all taken by io; forgets everything else."""
    found = [order for order in story.orders() if isinstance(order, Reset)]
    _io_takes(story, *found)
    return found


def test_a_press_that_calls_energises_for_the_call() -> None:
    """After the dial, so that it delays no INVITE; bounded by all ringing, and by max_call_s where it lasts longer."""
    story, call = held(taken=False)
    dial, light, chime = story.orders()
    assert isinstance(dial, Dial)
    assert Energise("lamp", call, 30 + 90 + relays.MARGIN_S, Origin("light", "press2", "button1", "button1")) == light
    assert Energise("gate", call, 30 + relays.MARGIN_S, Origin("chime", "press2", "button1", "button1")) == chime


@pytest.mark.parametrize(
    ("button", "calls", "bound_s"),
    [
        ({"type": "sequence", "timeout_s": 20}, {}, 3 * 20 + 90),
        ({"type": "group", "timeout_s": 20}, {}, 30 + 90),
        ({}, {"max_call_s": 0}, 30 + 86_400),
    ],
    ids=["sequence", "group", "unlimited"],
)
def test_the_bound_of_a_hold(button: dict[str, Any], calls: dict[str, Any], bound_s: float) -> None:
    """A sequence rings its phones one after another; a call without a limit has a bound of a day all the same."""
    story = Story(document(("101", "102", "103"), button, switches=(ENDED,), **{**HOLDING, **calls}))
    story.press()
    assert [bound_s + relays.MARGIN_S] == [order.max_s for order in story.take(Energise)]


@pytest.mark.parametrize("state", ["no call", "rings at the door", "within hold", "sip unknown"])
def test_a_press_that_makes_no_call_pulses(state: str) -> None:
    """The relay's own hold_s; each relay once, and no reset ever."""
    doc = document(() if state == "no call" else ("101",), switches=(ENDED, ("again", "lamp", "call_connected")))
    story = Story(doc)
    call = None
    match state:
        case "rings at the door":
            call = story.asked().reply.call or "in1"
        case "within hold":
            call = story.press()
        case "sip unknown":
            story.asked()
            story.tell(ev.CallLeaseLost())
    before = story.state.holds
    story.take(object)
    story.press()
    pulses = story.take(PulseForAction)
    assert [("lamp", call, "light")] == [(each.relay, each.call, each.origin.action) for each in pulses]
    assert before == story.state.holds


def test_a_press_that_hangs_up_switches_nothing_new() -> None:
    """Hang up with the button: no actions run, and what was held for the call is reset when it is over."""
    story, call = held(ENDED)
    story.wait(5).press()
    assert [HangUp] == [type(order) for order in story.orders()]
    assert [Reset("lamp", call)] == resets(story.ended())


@pytest.mark.parametrize("how", ["hung up", "unanswered", "sip lost it", "never was", "ended by policy"])
def test_call_ended_is_reset_when_the_call_is_over(how: str) -> None:
    """button.relay_reset_ended: however it ends, and not before; call_connected goes with it where nobody answered."""
    story, call = held()
    both = [Reset("lamp", call), Reset("gate", call)]
    match how:
        case "hung up":
            resets(story.wait(5).answered())
            assert resets(story.wait(60)) == []
            assert both[:1] == resets(story.ended())
        case "unanswered":
            assert resets(story.wait(29)) == []
            assert both == resets(story.ended())
        case "sip lost it":
            story.tell(ev.CallProgressed(call)).wait(1)
            assert both == resets(story.snapshot())
        case "never was":
            story, call = held(taken=False)
            dial, light, chime = story.orders()
            story.finished(light).finished(chime)
            assert [Reset("lamp", call), Reset("gate", call)] == resets(story.finished(dial, ok=False, code="busy"))
        case _:
            assert resets(story.wait(30)) == []  # ordered to end, and not over yet
            assert both == resets(story.ended())
    assert story.state.holds == ()


def test_call_connected_is_reset_when_the_call_is_answered() -> None:
    """button.relay_reset_connected: once, at the answer, while the call goes on."""
    story, call = held()
    assert resets(story.wait(5)) == []
    assert [Reset("gate", call)] == resets(story.answered())
    assert resets(story.wait(50)) == []
    assert [Reset("lamp", call)] == resets(story.ended())


def test_two_actions_on_one_relay_are_one_hold() -> None:
    """The later reset wins, whatever their order: the relay goes on after the answer, until the end."""
    for switches in ((ENDED, ("chime", "lamp", "call_connected")), (("chime", "lamp", "call_connected"), ENDED)):
        story, call = held(*switches)
        assert resets(story.answered()) == []
        assert [Reset("lamp", call)] == resets(story.ended())


def test_an_answer_that_was_missed_counts_when_the_snapshot_tells_it() -> None:
    """After a gap in sip's events, and after a restart of policy."""
    story, call = held()
    assert [Reset("gate", call)] == resets(story.tell(ev.EventsMissed()).snapshot(seen(call, answered_age_s=1)))
    story, call = held()
    story = story.restart(away_s=5)
    assert resets(story) == []
    assert [Reset("gate", call)] == resets(story.snapshot(seen(call, answered_age_s=1)))


def test_an_end_during_a_restart_is_made_good() -> None:
    """Policy was dead when the call ended: the snapshot says so. Until then the hold lasts."""
    story, call = held()
    story = story.restart(away_s=20)
    assert resets(story.wait(1)) == []
    assert [Reset("lamp", call), Reset("gate", call)] == resets(story.snapshot())


def test_a_reset_that_was_not_taken_outlives_policy() -> None:
    """The next life orders it again, at once."""
    story, call = held(ENDED)
    story.ended()
    story = story.restart(away_s=5)
    assert [Reset("lamp", call)] == resets(story)
    assert story.state.holds == ()


def test_a_silent_sip_resets_nothing() -> None:
    """While nobody can tell whether the call is up the lamp stays on, and so it does when the call is back."""
    story, call = held()
    resets(story.answered())
    story.tell(ev.CallLeaseLost())
    assert resets(story.wait(20)) == []
    assert resets(story.snapshot(seen(call))) == []
    assert story.call.stage == Stage.ANSWERED


def test_a_reset_that_io_does_not_take_is_ordered_again() -> None:
    """After 2, 4, 8, 16 and then 32 s, until it is taken."""
    story, _call = held(ENDED)
    (reset,) = story.ended().orders()
    ordered_at = [story.now]
    for _ in range(6):
        due = door.deadline(story.finished(reset, ok=False, code="timeout").state)
        assert due is not None
        assert [reset] == story.wait(due - story.now + 1e-6).orders()
        ordered_at.append(due)
    pauses_s = [later - earlier for earlier, later in pairwise(ordered_at)]
    assert pytest.approx([2, 4, 8, 16, 32, 32], abs=1e-3) == pauses_s
    story.finished(reset)
    assert story.state.holds == ()
    assert door.deadline(story.state) is None


def test_a_reset_is_given_up_when_the_hold_is_over_in_io() -> None:
    """The bound ends it there; nothing is pending for ever."""
    story, _ = held(ENDED)
    story.ended().wait(30 + 90 + relays.MARGIN_S)
    assert story.state.holds == ()
    assert door.deadline(story.state) is None


@pytest.mark.parametrize(("code", "kept"), [("unknown_relay", 0), ("not_ready", 1), ("expired", 1)])
def test_a_relay_that_the_document_lost_needs_no_reset(code: str, kept: int) -> None:
    """Io rests a removed relay by itself and does not know it any more; any other refusal is tried again."""
    story, _ = held(ENDED)
    (reset,) = story.ended().orders()
    story.finished(reset, ok=False, code=code)
    assert kept == len(story.state.holds)


def test_a_reset_does_not_overtake_the_order_to_energise() -> None:
    """It waits for io's answer; where none comes, until the order has expired and can do nothing any more."""
    story, call = held(ENDED, taken=False)
    _, energise = story.orders()
    assert story.ended().orders() == []
    assert [Reset("lamp", call)] == story.finished(energise).orders()
    story, call = held(ENDED, taken=False)
    _, energise = story.orders()
    story.ended().wait(1).finished(energise, ok=False, code="timeout")
    assert story.wait(1.9).orders() == []
    assert [Reset("lamp", call)] == story.wait(0.2).orders()


@pytest.mark.parametrize(
    ("code", "why", "holds"),
    [
        ("unknown_relay", "io refused the order: unknown_relay", 0),
        ("not_ready", "io refused the order: not_ready", 0),
        ("timeout", "io did not answer: the relay may have moved or not", 1),
    ],
)
def test_a_relay_that_does_not_move_is_told_and_disturbs_nothing(code: str, why: str, holds: int) -> None:
    """The call goes on; who watches hears which action of which press failed."""
    story, call = held(ENDED, taken=False)
    _, energise = story.orders()
    story.finished(energise, ok=False, code=code)
    told = ActionFailed(
        action="light",
        message=message_id("front", "press2", "light"),
        press="press2",
        input="button1",
        call=call,
        tries=1,
        why=why,
    )
    assert [told] == story.told(ActionFailed)
    assert (Stage.DIALING, holds) == (story.call.stage, len(story.state.holds))
    assert story.orders() == []
    story = Story(document((), switches=(ENDED,)))
    story.press()
    (pulse,) = story.orders()
    assert [why] == [each.why for each in story.finished(pulse, ok=False, code=code).told(ActionFailed)]


def test_the_cause_names_who_pressed() -> None:
    """A finger is the input, a client is itself: the audit of a relay that opens a door shows which it was."""
    story = Story(document(switches=(ENDED,)))
    story.press(client="hub")
    assert [order.origin.by for order in story.take(Energise)] == ["hub"]


def test_the_same_press_switches_once() -> None:
    """A repeat, also in the next life, neither energises again nor pulses; and it is no unlock."""
    story = Story(document(switches=(ENDED,)))
    story.press(press="p")
    assert len(story.take(Energise)) == 1
    again = story.restart()
    again.press(press="p")
    again.snapshot(seen(story.call.id, state=CallState.DIALING, answered_age_s=None))
    assert [order for order in again.orders() if isinstance(order, Energise | PulseForAction | Pulse)] == []


def test_a_new_document_leaves_a_hold_to_its_call() -> None:
    """Action and relay are gone from it: the reset is ordered all the same when the call is over."""
    story, call = held(ENDED)
    story.tell(ev.DocumentTaken(document(**HOLDING), 2, new_call="dnd", fingerprint="doc2"))
    assert resets(story) == []
    assert [Reset("lamp", call)] == resets(story.ended())
