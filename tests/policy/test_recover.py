"""Restarts, gaps, silence: policy and sip agree again, and every limit goes on from the age."""

from __future__ import annotations

from typing import Any

import pytest
from tests.policy.story import Story, code, document

from doorbus.contract.calls import CallSnapshot, CallState, Direction, EndReason, LegSnapshot, Limits
from doorbus_policy.core import door
from doorbus_policy.core import events as ev
from doorbus_policy.core.effects import Adopt, Answer, Dial, HangUp, Refuse, TakeSnapshot
from doorbus_policy.core.state import Stage


def seen(call: str, **more: Any) -> CallSnapshot:
    """Returns an answered outgoing call as sip shows it, 50 s old."""
    fields = {
        "direction": Direction.OUTGOING,
        "state": CallState.ANSWERED,
        "account": "pbx",
        "peer": "sip:101@pbx.example.com",
        "age_s": 60,
        "answered_age_s": 50,
    }
    return CallSnapshot(call=call, **{**fields, **more})


def test_the_call_limit_counts_from_the_answer() -> None:
    """duration.max_call: exactly max_call_s after the fact, whenever it was heard."""
    story = Story(document(max_call_s=100, warn_s=0))
    call = story.press()
    story.wait(10).tell(ev.CallAnswered(call, age_s=2)).take(object)
    assert story.wait(97.9).orders() == []
    assert [HangUp(call, EndReason.MAX_DURATION)] == story.wait(0.2).orders()


def test_zero_is_no_limit() -> None:
    """duration.max_call: 0 = unlimited."""
    story = Story(document(max_call_s=0, warn_s=0))
    story.press()
    story.answered().take(object)
    assert story.wait(1e6).orders() == []
    assert door.deadline(story.state) is None


def test_the_limit_goes_on_after_a_restart() -> None:
    """duration.max_call_restart: adopted, and ended at the same moment as without the restart."""
    story = Story(document(max_call_s=100, warn_s=0))
    call = story.press()
    story.answered().wait(50)
    story = story.restart(away_s=5)
    story.snapshot(seen(call, answered_age_s=55))
    assert [Adopt(call, Limits(ring_s=60, max_call_s=100, warn_s=0))] == story.orders()
    assert story.wait(44.9).orders() == []
    assert [HangUp(call, EndReason.MAX_DURATION)] == story.wait(0.2).orders()


def test_a_limit_that_passed_during_the_restart_ends_the_call_at_once() -> None:
    """No second life for a call whose time was over."""
    story = Story(document(max_call_s=60, warn_s=0))
    call = story.press()
    story.answered().wait(50)
    story = story.restart(away_s=20).snapshot(seen(call, answered_age_s=70))
    assert [HangUp(call, EndReason.MAX_DURATION)] == story.wait(0.0).orders()[-1:]


def test_a_hunt_goes_on_after_a_restart() -> None:
    """The sequence knows who was called, and until when it rings."""
    story = Story(document(("101", "102"), {"type": "sequence", "timeout_s": 20}))
    call = story.press()
    story.wait(5)
    story = story.restart(away_s=5)
    story.snapshot(seen(call, state=CallState.DIALING, answered_age_s=None, age_s=10)).take(object)
    assert story.wait(9.9).take(Dial) == []
    assert story.wait(0.2).rings() == ["sip:102@pbx.example.com"]


def test_an_answer_and_lost_legs_that_were_missed_are_made_good() -> None:
    """The snapshot after a gap says who picked up; a sequence moves on where its phone is gone."""
    story = Story(document(("101", "102")))
    call = story.press()
    legs = (
        LegSnapshot(leg=f"{call}-0", uri="sip:101@pbx.example.com", state="ended"),
        LegSnapshot(leg=f"{call}-1", uri="sip:102@pbx.example.com", state="answered"),
    )
    story.tell(ev.EventsMissed()).snapshot(seen(call, legs=legs, answered_age_s=1))
    assert (Stage.ANSWERED, "102", story.now - 1) == (
        story.call.stage,
        story.call.far_side.user,
        story.call.answered_at,
    )
    story = Story(document(("101", "102"), {"type": "sequence"}))
    gone = LegSnapshot(leg=f"{story.press()}-0", uri="sip:101@pbx.example.com", state="ended")
    story.snapshot(seen(story.call.id, state=CallState.DIALING, answered_age_s=None, legs=(gone,)))
    assert story.rings() == ["sip:102@pbx.example.com"]


def test_the_code_of_a_call_before_the_restart_still_opens() -> None:
    """The far side is known again, so the code's callers are too."""
    story = Story(codes=(code(callers=("101",)),))
    call = story.press()
    story.answered().wait(5)
    story = story.restart((code(callers=("101",)),)).snapshot(seen(call))
    story.take(object)
    assert len(story.typed("1234").orders()) == 1


def test_the_hang_up_after_unlock_survives_a_restart() -> None:
    """The door was opened, policy died: the call still ends then."""
    story = Story()
    call = story.press()
    story.answered().opened()
    story = story.restart(away_s=1).snapshot(seen(call, answered_age_s=1))
    story.take(object)
    assert story.wait(3.9).orders() == []
    assert [HangUp(call, EndReason.UNLOCKED)] == story.wait(0.2).orders()


def test_the_hold_of_the_press_survives_a_restart() -> None:
    """A press that made the call still is the one that made it."""
    story = Story()
    call = story.press()
    story = story.restart(away_s=1).snapshot(seen(call, answered_age_s=1))
    assert story.call.pressed == "button1"


def test_a_call_that_sip_lost_is_over() -> None:
    """A missed end, found by the snapshot; a dial that sip has not confirmed is looked at again instead."""
    story = Story()
    story.press()
    story.answered().wait(1).snapshot()
    assert story.idle
    story.press()
    story.take(object)
    story.snapshot()
    assert not story.idle
    assert [TakeSnapshot()] == story.wait(2.1).take(TakeSnapshot)


def test_a_snapshot_older_than_the_call_says_nothing_of_it() -> None:
    """Sip was asked, then came the call; the snapshot without it is old."""
    story = Story()
    asked_at = story.now
    story.wait(0.1).asked()
    story.snapshot(asked_at=asked_at)
    assert story.call.id == "in1"


def test_what_nobody_owns_is_ended_once_it_is_old() -> None:
    """A second call, and a dialed one of which nobody knows; a young one is looked at again."""
    story = Story()
    call = story.press()
    story.answered().take(object)
    story.snapshot(seen(call), seen("other", age_s=1.0))
    assert story.orders() == []
    assert [TakeSnapshot()] == story.wait(2.1).take(TakeSnapshot)
    story.snapshot(seen(call), seen("other", age_s=3.0))
    assert [HangUp("other", EndReason.LOCAL_HANGUP)] == story.orders()
    story = Story().snapshot(seen("dialing", state=CallState.DIALING, answered_age_s=None))
    assert [HangUp("dialing", EndReason.LOCAL_HANGUP)] == story.orders()


def test_a_talk_that_nobody_here_knows_is_adopted_with_its_limits() -> None:
    """The store was lost: the person goes on talking, as long as the call was allowed to."""
    story = Story(document(max_call_s=300))
    story.snapshot(seen("old", limits=Limits(max_call_s=60)))
    assert story.call.id == "old"
    assert [HangUp("old", EndReason.MAX_DURATION)] == story.wait(10.1).orders()[1:]


@pytest.mark.parametrize(
    ("calls", "order"),
    [
        ({"dnd": {"enabled": True}}, Refuse),
        ({"auto_answer": {"sip": {"enabled": True}}}, Answer),
    ],
)
def test_a_call_that_rings_meanwhile_is_decided_about(calls: dict[str, Any], order: type) -> None:
    """It rang by default while policy was away."""
    ringing = {"direction": Direction.INCOMING, "state": CallState.RINGING, "answered_age_s": None, "age_s": 3}
    story = Story(document(**calls)).snapshot(seen("in1", caller="101", **ringing))
    assert [order] == [type(each) for each in story.orders()]


def test_a_question_on_its_way_is_not_decided_twice() -> None:
    """A call that sip is asking about right now is left to its question."""
    asking = {"direction": Direction.INCOMING, "state": CallState.DECIDING, "answered_age_s": None, "age_s": 0.1}
    story = Story(document(dnd={"enabled": True})).snapshot(seen("in1", **asking))
    assert story.orders() == []


def test_a_code_call_is_not_the_doors() -> None:
    """A call that only tells a server a code is neither adopted nor ended."""
    story = Story().snapshot(seen("code", purpose="code"))
    assert story.idle
    assert story.orders() == []


def test_a_silent_sip_ends_the_session_and_its_snapshot_brings_it_back() -> None:
    """Nothing is told on sip's behalf; what was known of the call is known again."""
    story = Story()
    call = story.press()
    story.answered().wait(10).take(object)
    story.tell(ev.CallLeaseLost())
    assert story.idle
    assert [TakeSnapshot()] == story.take(object)
    story.tell(ev.SnapshotFailed())
    assert [TakeSnapshot()] == story.wait(2.1).take(TakeSnapshot)
    story.snapshot(seen(call))
    assert (call, "button1", Stage.ANSWERED) == (story.call.id, story.call.pressed, story.call.stage)


@pytest.mark.parametrize("answer", ["a call rings", "no call", "no answer", "nothing at all"])
def test_a_press_after_a_gap_waits_for_what_sip_says(answer: str) -> None:
    """It answers the call that nobody here had heard of, or dials once it is known that there is none; not for ever."""
    story = Story().tell(ev.EventsMissed())
    story.press()
    assert story.orders() == []
    match answer:
        case "a call rings":
            rings = {"direction": Direction.INCOMING, "state": CallState.RINGING, "answered_age_s": None}
            found = seen("in1", age_s=5, caller="101", **rings)
            assert [type(each) for each in story.snapshot(found).orders()] == [Answer]
        case "no call":
            assert [type(each) for each in story.snapshot().orders()] == [Dial]
        case "no answer":
            assert [type(each) for each in story.tell(ev.SnapshotFailed()).orders()] == [Dial]
        case _:
            assert [type(each) for each in story.wait(1.6).orders()] == [Dial]


def test_a_sip_that_says_nothing_is_asked_less_and_less_often() -> None:
    """After 2, 4, 8, 16 and at most 32 s; what sip tells makes policy look at once, and its answer begins anew."""
    story = Story()
    for pause_s in (2, 4, 8, 16, 32, 32):
        story.tell(ev.SnapshotFailed()).take(object)
        assert story.wait(pause_s - 0.1).take(TakeSnapshot) == []
        assert [TakeSnapshot()] == story.wait(0.2).take(TakeSnapshot)
    assert [TakeSnapshot()] == story.tell(ev.EventsMissed()).take(TakeSnapshot)
    story.tell(ev.SnapshotFailed()).take(object)
    assert [TakeSnapshot()] == story.tell(ev.CallLeaseTold(None)).take(TakeSnapshot)
    story.snapshot().tell(ev.SnapshotFailed()).take(object)
    assert [TakeSnapshot()] == story.wait(2.1).take(TakeSnapshot)


def test_a_lease_for_another_call_makes_policy_look() -> None:
    """A little later, as events may be on their way; and once, not each second."""
    story = Story().tell(ev.CallLeaseTold("unknown")).tell(ev.CallLeaseTold("unknown"))
    assert story.take(TakeSnapshot) == []
    assert [TakeSnapshot()] == story.wait(2.1).take(TakeSnapshot)


def test_a_lease_for_the_lost_call_makes_policy_look_at_once() -> None:
    """After sip's silence its first sign of the very call is enough: codes and limits shall work again at once."""
    story = Story()
    call = story.press()
    story.answered().tell(ev.CallLeaseLost()).take(object)
    assert [TakeSnapshot()] == story.tell(ev.CallLeaseTold(call)).take(TakeSnapshot)


def test_a_call_keeps_the_rules_it_began_with() -> None:
    """A new document is for the next call; an account that it removes ends its call in order."""
    story = Story(document(max_call_s=100, warn_s=0))
    call = story.press()
    story.answered().tell(
        ev.DocumentTaken(document(max_call_s=20, warn_s=0), 2, new_call="dnd", fingerprint="doc11")
    ).take(object)
    assert story.wait(99.9).orders() == []
    story = Story()
    call = story.press()
    without = document().model_copy(update={"sip": document().sip.model_copy(update={"accounts": ()})})
    story.take(object)
    assert [HangUp(call, EndReason.SHUTDOWN)] == story.tell(
        ev.DocumentTaken(without, 2, new_call="dnd", fingerprint="doc12")
    ).orders()
