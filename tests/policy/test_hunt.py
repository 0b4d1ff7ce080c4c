"""Who rings, who rings next, and what ends it: single, group and sequence calls."""

from __future__ import annotations

import pytest
from tests.policy.story import Story, document

from doorbus.contract.calls import CallEnded, EndReason
from doorbus_policy.core import events as ev
from doorbus_policy.core.effects import Dial, HangUp, TakeSnapshot

SEQUENCE = {"type": "sequence", "timeout_s": 20}
STOP = {"when_refused": "do_not_call_next"}


def gone(story: Story, number: int, code: int | None = None) -> Story:
    """The phone that was dialed as `number` (from 0) will not answer."""
    return story.tell(ev.LegGone(story.call.id, f"{story.call.id}-{number}", code))


def test_a_group_rings_all_at_once() -> None:
    """group.ring_all: numbers on the account, and SIP URIs, in one final ring set."""
    numbers = tuple(str(number) for number in range(101, 116))
    story = Story(document((*numbers, "sip:hall@192.0.2.8")))
    story.press()
    assert [f"sip:{number}@pbx.example.com" for number in numbers] + ["sip:hall@192.0.2.8"] == story.rings()
    (dial,) = story.take(Dial)
    assert (dial.final, dial.limits.ring_s) == (True, 60)
    assert len({target.leg for target in dial.targets}) == 16


@pytest.mark.parametrize("code", [486, 600, 603, 607])
def test_a_refusal_leaves_the_others_ringing(code: int) -> None:
    """group.refused_next."""
    story = Story(document(("101", "102")))
    story.press()
    story.take(object)
    assert gone(story, 0, code).orders() == []


@pytest.mark.parametrize("code", [486, 600, 603, 607])
def test_a_refusal_ends_the_group(code: int) -> None:
    """group.refused_stop."""
    story = Story(document(("101", "102"), STOP))
    call = story.press()
    story.take(object)
    assert [HangUp(call, EndReason.REFUSED)] == gone(story, 0, code).orders()


@pytest.mark.parametrize("code", [404, 408, 480, 500, 302, None])
@pytest.mark.parametrize("button", [STOP, {**STOP, **SEQUENCE}])
def test_other_failures_never_stop_the_rest(code: int | None, button: dict[str, str]) -> None:
    """Neither in a group nor in a sequence."""
    story = Story(document(("101", "102"), button))
    story.press()
    story.take(object)
    assert gone(story, 0, code).take(HangUp) == []


def test_the_first_to_answer_wins() -> None:
    """What other phones do afterwards changes nothing, not even a second answer."""
    story = Story(document(("101", "102"), STOP))
    story.press()
    story.answered(f"{story.call.id}-1").take(object)
    assert story.call.far_side.user == "102"
    before = story.state
    gone(story, 0, 486).answered(f"{story.call.id}-0")
    assert (before, []) == (story.state, story.orders())


def test_a_group_ends_after_dial_out() -> None:
    """duration.dial_out: as a whole."""
    story = Story(document(("101", "102"), dial_out_s=30))
    call = story.press()
    story.take(object)
    assert story.wait(29.9).orders() == []
    assert [HangUp(call, EndReason.DIAL_TIMEOUT)] == story.wait(0.2).orders()


def test_a_sequence_rings_one_after_another() -> None:
    """sequence.order and sequence.timeout: each for its own time, the last one final."""
    story = Story(document(("101", "102", "103"), SEQUENCE))
    call = story.press()
    dials = story.wait(45).take(Dial)
    assert [dial.targets[0].uri[4:7] for dial in dials] == ["101", "102", "103"]
    assert [dial.final for dial in dials] == [False, False, True]
    assert {20.0} == {dial.limits.ring_s for dial in dials}
    assert [f"{call}-0", f"{call}-1", f"{call}-2"] == [dial.targets[0].leg for dial in dials]
    assert [HangUp(call, EndReason.DIAL_TIMEOUT)] == story.wait(16).orders()


def test_a_sequence_moves_on_when_its_phone_is_gone() -> None:
    """sequence.refused_next: at once, and the next rings its full time."""
    story = Story(document(("101", "102", "103"), SEQUENCE))
    story.press()
    gone(story.wait(5), 0, 486)
    assert story.rings() == ["sip:102@pbx.example.com"]
    assert len(story.wait(19.9).take(Dial)[1:]) == 1
    assert story.wait(0.2).rings() == ["sip:103@pbx.example.com"]


def test_a_refusal_ends_the_sequence() -> None:
    """sequence.refused_stop."""
    story = Story(document(("101", "102"), {**SEQUENCE, **STOP}))
    call = story.press()
    story.take(object)
    assert [HangUp(call, EndReason.REFUSED)] == gone(story, 0, 603).orders()


def test_an_answer_that_crosses_the_next_dial_wins() -> None:
    """The first phone picked up while the second was dialed; sip refuses the dial, policy looks and keeps the call."""
    story = Story(document(("101", "102"), SEQUENCE))
    story.press()
    second = story.wait(20.1).take(Dial)[-1]
    story.answered(f"{story.call.id}-0").finished(second, False, "busy")
    assert [TakeSnapshot()] == story.take(TakeSnapshot)
    assert story.call.far_side.user == "101"


def test_a_dial_that_is_refused_ends_the_call() -> None:
    """And policy tells its end, once."""
    story = Story()
    call = story.press()
    (dial,) = story.take(Dial)
    story.finished(dial, False, "not_ready").finished(dial, False, "not_ready")
    assert story.idle
    assert [(call, EndReason.NO_ROUTE)] == [(each.call, each.reason) for each in story.told(CallEnded)]


def test_a_dial_without_an_answer_is_hung_up() -> None:
    """It may still be on its way, so its end is ordered until sip cannot take it any more; policy tells the end."""
    story = Story()
    call = story.press()
    (dial,) = story.take(Dial)
    story.finished(dial, False, "timeout")
    (hang_up,) = story.orders()
    assert HangUp(call, EndReason.NO_ROUTE) == hang_up
    story.finished(hang_up, False, "unknown_call")
    assert not story.idle
    story.wait(4)
    assert story.orders() == [hang_up] * 2
    story.finished(hang_up, False, "unknown_call")
    assert story.idle
    assert [each.reason for each in story.told(CallEnded)] == [EndReason.NO_ROUTE]


def test_a_hang_up_that_is_lost_is_ordered_again() -> None:
    """Every two seconds, with a look at the snapshot, until the call is over."""
    story = Story()
    call = story.press()
    story.answered().tell(ev.HangUpWished("h", "cli")).take(object)
    story.wait(4.1)
    assert [HangUp(call, EndReason.LOCAL_HANGUP)] * 2 == story.orders()
    story.snapshot(asked_at=story.now)
    assert story.idle


@pytest.mark.parametrize(
    ("to", "account", "uri", "on"),
    [
        ("102", "trunk", "sip:102@trunk.example.com", "trunk"),
        ("#1", "pbx", "sip:%231@pbx.example.com", "pbx"),
        ("192.0.2.8:5070", None, "sip:192.0.2.8:5070", "ip"),
        ("sip:hall@192.0.2.8", None, "sip:hall@192.0.2.8", "ip"),
        ("sip:102@example.com", "pbx", "sip:102@example.com", "pbx"),
    ],
)
def test_a_client_calls_a_number(to: str, account: str | None, uri: str, on: str) -> None:
    """On the account named; addresses and URIs directly where none is."""
    story = Story().tell(ev.CallWished("h", "cli", to, account, "call1"))
    assert ([uri], "call1") == (story.rings(), story.reply().reply.call)
    assert on == story.take(Dial)[0].account


@pytest.mark.parametrize(
    ("to", "account", "code"),
    [
        ("102", None, "unknown_account"),
        ("102", "nobody", "unknown_account"),
        ("102", "ip", "invalid_number"),
        ("front door", "pbx", "invalid_number"),
    ],
)
def test_a_call_that_cannot_be_made_is_refused(to: str, account: str | None, code: str) -> None:
    """With a stable code; the door stays free."""
    story = Story().tell(ev.CallWished("h", "cli", to, account, "call1"))
    assert code == story.reply().reply.code
    assert story.idle


def test_a_door_with_a_call_is_busy() -> None:
    """A second call is refused, naming the first."""
    story = Story()
    call = story.press()
    story.tell(ev.CallWished("h", "cli", "102", "pbx", "call9"))
    assert ("busy", call) == (story.reply().reply.code, story.reply().reply.call)


def test_a_client_hangs_up() -> None:
    """The call, or the one named; nothing, or another one, is refused."""
    story = Story().tell(ev.HangUpWished("h", "cli"))
    assert story.reply().reply.code == "nothing_to_do"
    call = story.press()
    story.tell(ev.HangUpWished("h", "cli", "another"))
    assert story.reply().reply.code == "unknown_call"
    story.take(object)
    story.tell(ev.HangUpWished("h", "cli", call))
    assert story.reply().reply.ok
    assert [HangUp(call, EndReason.LOCAL_HANGUP)] == story.orders()
