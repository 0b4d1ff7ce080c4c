"""Group call: many phones, one winner, on the wire."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from tests.features.conftest import NewPhone
from tests.features.doors import SOON_S, document, idle, press, show, stays

from doorbus_testkit.behaviour import Answer, Refuse, Ring, Silent
from doorbus_testkit.polling import eventually
from doorbus_testkit.sip_message import SipMessage, response_to
from doorbus_testkit.stack import Stack
from doorbus_testkit.wire import WirePhone
from doorbus_testkit.wire_call import WireCall

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMPLETED_ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
SAME_TIME_S = 0.5
"""The bound on "at the same time": nobody hears less, and a dialer that had to be started first takes longer."""


def _uris(phones: list[WirePhone]) -> list[str]:
    return [phone.uri for phone in phones]


async def _dialers_ready(door: Stack, count: int) -> None:
    """Waits for the dialers that the document asks for: a door is not pressed in the second of its configuration."""

    def started() -> bool:
        return door.log_of("sip").count('"worker started"') >= count + 1

    await eventually(started, what=f"{count} dialers are ready")


def _reason(header: str | None) -> str:
    """Returns a Reason header without the blanks that RFC 3326 allows around its semicolons."""
    return ";".join(part.strip() for part in (header or "").split(";"))


def _spread(phones: list[WirePhone], count: int = 1) -> float:
    """Returns the seconds between the first and the last phone's `count`-th INVITE."""
    at = [phone.received("INVITE")[count - 1].at for phone in phones]
    return max(at) - min(at)


@pytest.mark.feature("group.ring_all")
async def test_sixteen_phones_ring_at_the_same_time(door: Stack, phone: NewPhone) -> None:
    """A press sends INVITE to all 16 numbers at once, while none answers; all ring together; then all are cancelled."""
    phones = [await phone(Ring(), user=f"p{number}") for number in range(16)]
    await door.apply(document(_uris(phones)))
    await _dialers_ready(door, 4)
    edge = await press(door)
    calls = [await each.wait_call() for each in phones]
    show("edge to the first INVITE", min(each.received("INVITE")[0].at for each in phones) - edge)
    show("first to last of 16 INVITEs", _spread(phones))
    assert _spread(phones) < SAME_TIME_S
    await eventually(lambda: len(door.told("leg.ringing")) == 16, what="16 legs ring")
    assert all(call.state == "ringing" for call in calls)
    assert (await door.wish("hangup"))["ok"]
    for call in calls:
        await call.wait("ended")
    assert {call.ended_by for call in calls} == {"cancel"}
    assert all(len(each.received("INVITE")) == 1 for each in phones)


@pytest.mark.feature("group.first_wins")
async def test_the_first_to_answer_gets_the_call(door: Stack, phone: NewPhone) -> None:
    """One of six answers: it keeps the call, the five others get CANCEL that says who ended it."""
    others = [await phone(Ring()) for _ in range(5)]
    winner = await phone(Ring())
    await door.apply(document(_uris([*others[:2], winner, *others[2:]])))
    await press(door)
    calls = [await each.wait_call() for each in others]
    won = await winner.wait_call()
    await eventually(lambda: len(door.told("leg.ringing")) == 6, what="all legs ring")
    won.respond(200)
    await won.wait("acknowledged")
    ends = [await call.wait("ended") for call in calls]
    show("answer to the last CANCEL", max(ends) - won.times["answered"])
    assert {call.ended_by for call in calls} == {"cancel"}
    assert {_reason(call.end_reason) for call in calls} == {COMPLETED_ELSEWHERE}
    assert (await door.event("call.answered")).data["peer"] == winner.uri
    await stays(lambda: won.state == "answered", what="the winner keeps the call")
    won.bye()
    assert (await door.event("call.ended")).data["reason"] == "remote_hangup"


@pytest.mark.feature("group.first_wins")
@pytest.mark.parametrize("cause", ["hang_up", "push_button", "dial_timeout", "refused"])
async def test_a_group_that_nobody_answers_carries_no_reason(door: Stack, phone: NewPhone, cause: str) -> None:
    """Ended by a wish, a press, the time limit or a refusal, the CANCELs carry none: phones log a missed call."""
    phones = [await phone(Ring()) for _ in range(3)]
    refuser = await phone()
    numbers = _uris([*phones, refuser]) if cause == "refused" else _uris(phones)
    calls_rules = {"dial_out_s": 2 if cause == "dial_timeout" else 60, "push_to_hang_up": {"hold_s": 0}}
    await door.apply(document(numbers, calls=calls_rules, call={"when_refused": "do_not_call_next"}))
    await press(door)
    calls = [await each.wait_call() for each in phones]
    await eventually(lambda: len(door.told("leg.ringing")) == 3, what="all legs ring")
    match cause:
        case "hang_up":
            await door.wish("hangup")
        case "push_button":
            await press(door)
        case "refused":
            (await refuser.wait_call()).respond(486)
    for call in calls:
        await call.wait("ended")
    assert [(call.ended_by, call.end_reason) for call in calls] == [("cancel", None)] * 3
    reason = "local_hangup" if cause == "hang_up" else cause
    assert (await door.event("call.ended")).data["reason"] == reason


ORDERS = [(first, gap_s) for gap_s in (0.0, 0.0, 0.001, 0.003, 0.008, 0.02) for first in (0, 1, 2)]
"""Who answers first, and how long before the others."""


@pytest.mark.feature("group.race")
async def test_of_three_that_answer_at_once_exactly_one_stays(door: Stack, phone: NewPhone) -> None:
    """18 rounds of three phones answering together, in each order, at several gaps: one stays, two get BYE."""
    phones = [await phone(Ring()) for _ in range(3)]
    await door.apply(document(_uris(phones)))
    worst = 0.0
    for number, (first, gap_s) in enumerate(ORDERS, 1):
        door.events.clear()
        await press(door)
        calls = [await each.wait_call(number) for each in phones]
        await eventually(lambda: len(door.told("leg.ringing")) == 3, what="all legs ring")
        order = calls[first:] + calls[:first]
        for call in order:
            _answer_unless_cancelled(call)
            await asyncio.sleep(gap_s)
        worst = max(worst, await _one_stays(door, calls))
        await idle(door)
    show("2xx to BYE of a loser, worst", worst)
    assert worst < SOON_S


def _answer_unless_cancelled(call: WireCall) -> None:
    """Picks up, even where a CANCEL has come in the meantime: that is the race."""
    if call.state != "ended":
        call.respond(200)


async def _one_stays(door: Stack, calls: list[WireCall]) -> float:
    """Waits until one call is left and watches that it stays; returns the longest time from a 2xx to its BYE."""

    def left() -> list[WireCall]:
        return [call for call in calls if call.state == "answered"]

    await eventually(lambda: len(left()) == 1, 5.0, 0.005, "one phone is left")
    winner = left()[0]
    await winner.wait("acknowledged")
    await door.event("call.answered")
    await stays(lambda: left() == [winner], 0.5, "the winner keeps the call")
    assert len(door.told("call.answered")) == 1
    losers = [call for call in calls if call is not winner]
    answered = [call for call in losers if "answered" in call.times]
    assert {call.ended_by for call in answered} <= {"bye"}
    assert all("acknowledged" in call.times for call in answered)
    return max((call.times["ended"] - call.times["answered"] for call in answered), default=0.0)


@pytest.mark.feature("group.race")
async def test_an_answer_that_crosses_the_cancel_gets_bye(door: Stack, phone: NewPhone) -> None:
    """A phone whose 200 crosses the CANCEL of the winner's answer gets ACK and BYE within 100 ms; the winner stays."""
    winner, late = await phone(Ring()), await phone(Ring())

    def answer_all_the_same(cancel: SipMessage) -> SipMessage:
        late.calls[-1].respond(200)
        return response_to(cancel, 200, to_tag=late.calls[-1].dialog.local_tag)

    late.handlers["CANCEL"] = answer_all_the_same
    await door.apply(document(_uris([winner, late])))
    await press(door)
    won, lost = await winner.wait_call(), await late.wait_call()
    await eventually(lambda: len(door.told("leg.ringing")) == 2, what="both legs ring")
    won.respond(200)
    ended = await lost.wait("ended")
    show("2xx to BYE", ended - lost.times["answered"])
    assert lost.ended_by == "bye"
    assert "acknowledged" in lost.times
    assert ended - lost.times["answered"] < SOON_S
    await stays(lambda: won.state == "answered", what="the winner keeps the call")
    assert len(door.told("call.answered")) == 1


async def _press_among_dead(door: Stack, alive: list[WirePhone], number: int) -> float:
    """Presses for the `number`-th time: the reachable phones ring, one talks. Seconds to the last INVITE."""
    edge = await press(door)
    calls = [await each.wait_call(number) for each in alive]
    last = max(each.received("INVITE")[number - 1].at for each in alive)
    show(f"press {number}: edge to the last INVITE of the reachable", last - edge)
    await eventually(lambda: len(door.told("leg.ringing", since=edge)) == len(alive), what="the reachable phones ring")
    winner = calls[number % len(calls)]
    winner.respond(200)
    await winner.wait("acknowledged")
    await door.event("call.answered", since=edge)
    winner.bye()
    await door.event("call.ended", since=edge)
    return last - edge


@pytest.mark.feature("group.unreachable")
async def test_dead_phones_neither_delay_nor_block(door: Stack, phone: NewPhone) -> None:
    """With 13 of 16 phones off, the three others ring at once, and again at a press 3 s after that call ended."""
    alive = [await phone(Ring()) for _ in range(3)]
    dead = [await phone(Silent()) for _ in range(13)]
    await door.apply(document(_uris([*dead[:6], alive[0], *dead[6:11], alive[1], *dead[11:], alive[2]])))
    await _dialers_ready(door, 4)
    assert await _press_among_dead(door, alive, 1) < SAME_TIME_S
    await stays(lambda: len(door.told("call.dialing")) == 1, 3.0, "nothing happens for 3 s")
    assert await _press_among_dead(door, alive, 2) < SAME_TIME_S


async def test_a_third_press_among_dead_phones_still_has_a_slot_for_each(door: Stack, phone: NewPhone) -> None:
    """Three presses 3 s apart: dead legs fill the dialers, and yet no reachable phone is left out of the third."""
    alive = [await phone(Ring()) for _ in range(3)]
    dead = [await phone(Silent()) for _ in range(13)]
    await door.apply(document(_uris([*dead[:13], *alive])))
    await _dialers_ready(door, 4)
    for number in (1, 2, 3):
        await _press_among_dead(door, alive, number)
        assert door.told("leg.failed") == []
        await stays(partial(_are_told, door, "call.dialing", number), 3.0, "nothing happens for 3 s")


def _are_told(door: Stack, what: str, count: int) -> bool:
    return len(door.told(what)) == count


@pytest.mark.feature("group.refused_next")
@pytest.mark.parametrize("code", [486, 600, 603, 607, 404, 408, 480, 500, 503, 302])
async def test_a_refusal_leaves_the_others_ringing(door: Stack, phone: NewPhone, code: int) -> None:
    """With `call_next` neither a refusal nor another failure ends the group: the other phone rings on and answers."""
    other, refuser = await phone(Ring()), await phone(Refuse(code))
    await door.apply(document(_uris([refuser, other]), call={"when_refused": "call_next"}))
    await press(door)
    call = await other.wait_call()
    gone = "leg.refused" if code in (486, 600, 603, 607) else "leg.failed"
    await door.event(gone)
    await stays(lambda: call.state == "ringing", 0.5, "the other rings")
    call.respond(200)
    await call.wait("acknowledged")
    await door.event("call.answered")


@pytest.mark.feature("group.refused_stop")
@pytest.mark.parametrize("code", [486, 600, 603, 607])
async def test_a_refusal_ends_the_group(door: Stack, phone: NewPhone, code: int) -> None:
    """With `do_not_call_next` the first refusal ends all: the others get CANCEL."""
    other, refuser = await phone(Ring()), await phone(Refuse(code, after_s=0.5))
    await door.apply(document(_uris([refuser, other]), call={"when_refused": "do_not_call_next"}))
    await press(door)
    call = await other.wait_call()
    await call.wait("ended")
    assert call.ended_by == "cancel"
    assert (await door.event("call.ended")).data["reason"] == "refused"


@pytest.mark.feature("group.refused_next", "group.refused_stop")
@pytest.mark.parametrize("code", [404, 480, 503])
async def test_another_failure_ends_no_group(door: Stack, phone: NewPhone, code: int) -> None:
    """What is not among `refused_codes` never stops the rest, also with `do_not_call_next`."""
    other, failing = await phone(Answer(1.0)), await phone(Refuse(code))
    await door.apply(document(_uris([failing, other]), call={"when_refused": "do_not_call_next"}))
    await press(door)
    await door.event("leg.failed", code=code)
    await (await other.wait_call()).wait("acknowledged")
    await door.event("call.answered")
