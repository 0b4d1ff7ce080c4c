"""The NATS server is killed, and stays away for a while."""

from __future__ import annotations

import time

import pytest
from tests.faults.house import EXIT, GATE, LAMP, House

from doorbus_testkit.polling import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUSE = {"max_call_s": 8, "dial_in_s": 5, "lamp_s": 3}
BACKSTOP_S = 2.0


async def test_call_goes_on_and_its_limit_ends_it(house: House) -> None:
    """Without a bus a call has sound each way, nobody hangs up, the exit button opens, a running pulse ends in time.

    sip ends the call itself 2 s after policy would have, and all of it is told when the bus is back.
    """
    async with house.phone() as phone:
        call = await house.talk(phone)
        answered = call.times["acknowledged"]
        assert (await house.stack.wish("unlock", relay="lamp"))["ok"]
        lit = await house.chip.wait_level(LAMP, 1)
        async with house.without_bus():
            opened = house.opened()
            await house.chip.press(EXIT)
            await house.chip.wait_level(GATE, 1, 1.0)
            await house.chip.wait_level(GATE, 0, 3.0)
            assert opened + 1 == house.opened()
            rested = await house.chip.wait_level(LAMP, 0, 5.0)
            assert 2.5 < rested - lit < 4.5
            await house.both_ways(call, 2.0)
            ended = await call.wait("ended", 12.0)
            assert call.ended_by == "bye"
            assert 8 + BACKSTOP_S - 0.5 < ended - answered < 8 + BACKSTOP_S + 2.0
        told = await house.stack.event("call.ended", 20.0, since=answered)
        assert told.data["reason"] == "max_duration"
        by_exit = await house.stack.event("door.unlocked", 20.0, since=answered, method="input")
        assert by_exit.data["by"] == "exit1"
    await house.bus_is_back()


async def test_new_call_rings_by_default_and_policy_takes_it_over(house: House) -> None:
    """An INVITE without a bus rings; the event says that nobody decided, and a press answers it with the bus back."""
    async with house.caller() as friend:
        began = time.monotonic()
        async with house.without_bus():
            call = await friend.invite(house.stack.uri)
            await call.wait("ringing", 3.0)
        told = await house.stack.event("call.incoming", 20.0, since=began)
        assert (told.data["decision"], told.data["decided_by"]) == ("ring", "default")
        await house.bus_is_back()

        async def pressed() -> bool:
            reply = await house.stack.wish("press", input="button1")
            return reply["ok"] and call.final is not None

        await eventually(pressed, 4.0, 0.3, "a press answers the call")
        assert call.final is not None
        assert call.final.status == 200


async def test_ringing_without_bus_ends_with_its_limit(house: House) -> None:
    """A call that rings with the bus away all the time ends by sip's own backstop, 2 s after the document's limit."""
    async with house.caller() as friend, house.without_bus():
        began = time.monotonic()
        call = await friend.invite(house.stack.uri)
        final = await call.wait_final(12.0)
        assert final.status >= 400
        assert 5 + BACKSTOP_S - 0.5 < time.monotonic() - began < 5 + BACKSTOP_S + 5.0
    await house.bus_is_back()


async def test_everything_reconnects_and_works(house: House) -> None:
    """After outages a press rings, an unlock opens, the states of all three services are there, a press hangs up."""
    await house.kill("nats")
    await house.bus_is_back()
    async with house.phone() as phone:
        call = await house.talk(phone)
        await house.unlock()
        for service in ("sip", "io", "policy"):
            assert await house.stack.state(service) is not None
        sip = await house.stack.state("sip")
        assert [each["state"] for each in sip["calls"]] == ["answered"]
        await house.press()
        await call.wait("ended", 5.0)
        assert call.ended_by == "bye"
