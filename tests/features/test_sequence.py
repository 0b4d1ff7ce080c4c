"""Sequence call: one number after another, on the wire."""

from __future__ import annotations

from itertools import pairwise

import pytest
from tests.features.conftest import NewPhone
from tests.features.doors import document, press, show, stays

from doorbus_testkit.behaviour import Answer, Refuse, Ring
from doorbus_testkit.stack import Stack
from doorbus_testkit.wire import WirePhone

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMEOUT_S = 1.5


def _document(phones: list[WirePhone], when_refused: str = "call_next", timeout_s: float = TIMEOUT_S) -> str:
    call = {"type": "sequence", "timeout_s": timeout_s, "when_refused": when_refused}
    return document([each.uri for each in phones], call=call)


@pytest.mark.feature("sequence.order")
async def test_numbers_are_called_in_order_until_one_answers(door: Stack, phone: NewPhone) -> None:
    """The first rings alone, then the second, who answers; the third is never called. It is one call all the way."""
    phones = [await phone(Ring()), await phone(Answer(0.5)), await phone(Ring())]
    await door.apply(_document(phones))
    await press(door)
    first = await phones[0].wait_call()
    assert phones[1].received("INVITE") == []
    second = await phones[1].wait_call()
    assert await first.wait("ended") <= phones[1].received("INVITE")[0].at + 0.25
    await second.wait("acknowledged")
    answered = await door.event("call.answered")
    assert answered.data["peer"] == phones[1].uri
    await stays(lambda: second.state == "answered" and phones[2].received("INVITE") == [], TIMEOUT_S + 1)
    assert {told.data["call"] for told in door.events if "call" in told.data} >= {answered.data["call"]}
    assert len({told.data["call"] for told in door.told("call.dialing")}) == 1
    assert door.told("call.ended") == []


@pytest.mark.feature("sequence.timeout")
async def test_each_number_rings_for_its_time(door: Stack, phone: NewPhone) -> None:
    """Between two INVITEs pass `timeout_s`, each number before gets CANCEL then, and the call ends after the last."""
    phones = [await phone(Ring()) for _ in range(3)]
    await door.apply(_document(phones))
    await press(door)
    ended = [await (await each.wait_call()).wait("ended") for each in phones]
    begun = [each.received("INVITE")[0].at for each in phones]
    for number, (begin, end) in enumerate(zip(begun, ended, strict=True), 1):
        show(f"number {number}: CANCEL after its time", end - begin - TIMEOUT_S)
        assert end - begin == pytest.approx(TIMEOUT_S, abs=0.5)
    for before, after in pairwise(begun):
        assert after - before == pytest.approx(TIMEOUT_S, abs=0.5)
    assert (await door.event("call.ended")).data["reason"] == "dial_timeout"


@pytest.mark.feature("sequence.refused_next")
@pytest.mark.parametrize("code", [486, 603, 404, 503])
async def test_a_refusal_moves_on_at_once(door: Stack, phone: NewPhone, code: int) -> None:
    """With `call_next` the next number is called as soon as one refuses or fails, not after its time."""
    refuser, other = await phone(Refuse(code)), await phone(Answer())
    await door.apply(_document([refuser, other], timeout_s=30))
    edge = await press(door)
    call = await other.wait_call()
    show("edge to the second INVITE", other.received("INVITE")[0].at - edge)
    assert other.received("INVITE")[0].at - edge < 2.0
    await call.wait("acknowledged")
    await door.event("call.answered")


@pytest.mark.feature("sequence.refused_stop")
@pytest.mark.parametrize("code", [486, 603])
async def test_a_refusal_ends_the_sequence(door: Stack, phone: NewPhone, code: int) -> None:
    """With `do_not_call_next` a refusal ends it: nobody else is called."""
    refuser, other = await phone(Refuse(code, after_s=0.2, ring=True)), await phone(Answer())
    await door.apply(_document([refuser, other], "do_not_call_next"))
    await press(door)
    assert (await door.event("call.ended")).data["reason"] == "refused"
    await stays(lambda: other.received("INVITE") == [], TIMEOUT_S + 0.5, "nobody else is called")


@pytest.mark.feature("sequence.refused_stop")
async def test_a_failure_moves_on_all_the_same(door: Stack, phone: NewPhone) -> None:
    """What is not a refusal (404) goes on to the next number, also with `do_not_call_next`."""
    failing, other = await phone(Refuse(404)), await phone(Answer())
    await door.apply(_document([failing, other], "do_not_call_next"))
    await press(door)
    await (await other.wait_call()).wait("acknowledged")
    await door.event("call.answered")
