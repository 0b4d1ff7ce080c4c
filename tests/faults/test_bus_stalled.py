"""The NATS server stands still for seconds (SIGSTOP): nothing answers, and then all comes at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

import pytest
from tests.faults.house import CODE, EXIT, GATE, LAMP, House, for_a_while, stalled

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUSE = {"max_call_s": 60, "lamp_s": 3}
STALL_S = 6.5
"""Twice as long as a command lives."""


async def test_call_and_relays_go_on(house: House) -> None:
    """In the stall a call has sound each way, the exit button opens, a running pulse ends in time; then all works."""
    async with house.phone() as phone:
        call = await house.talk(phone)
        assert (await house.stack.wish("unlock", relay="lamp"))["ok"]
        lit = await house.chip.wait_level(LAMP, 1)
        with stalled(house.process("nats")):
            await house.chip.press(EXIT)
            await house.chip.wait_level(GATE, 1, 1.0)
            await house.chip.wait_level(GATE, 0, 3.0)
            rested = await house.chip.wait_level(LAMP, 0, 5.0)
            assert 2.5 < rested - lit < 4.5
            await house.both_ways(call, 4.0)
        await house.bus_is_back()
        await house.both_ways(call, 1.0)
        await house.stack.event("door.unlocked", since=lit, method="input")
        await house.unlock()
        await house.press()
        await call.wait("ended", 5.0)
        assert call.ended_by == "bye"


async def test_unlock_asked_for_during_the_stall_never_happens(house: House) -> None:
    """A wish sent and a code typed while the bus stands still move nothing when it goes on, though both arrive then."""
    async with house.phone() as phone:
        call = await house.talk(phone)
        await house.unlock()
        opened, began = house.opened(), time.monotonic()
        with stalled(house.process("nats")):
            waiting = asyncio.create_task(_wish_unlock(house))
            call.rtp.send_digits(CODE)
            await for_a_while(STALL_S, lambda: house.opened() == opened, "it opened during the stall")
        await house.bus_is_back()
        wished = "door.front.cmd.policy.unlock.gate.operator"
        await house.stack.event("message.rejected", since=began, code="expired", subject=wished)
        await for_a_while(3.0, lambda: house.opened() == opened, "it opened after the stall")
        await waiting
        await house.stack.event("call.dtmf_received", since=began)
        await house.policy_has_the_call()
        call.rtp.send_digits(CODE)
        await house.chip.wait_level(GATE, 1, 5.0)
        assert opened + 1 == house.opened()
        await house.chip.wait_level(GATE, 0, 5.0)


async def test_code_typed_across_the_end_of_the_stall_opens_nothing(house: House) -> None:
    """The first half of a code typed during the stall is lost, so the second half after it is no code."""
    async with house.phone() as phone:
        call = await house.talk(phone)
        opened = house.opened()
        with stalled(house.process("nats")):
            call.rtp.send_digits(CODE[:2])
            await for_a_while(STALL_S, lambda: house.opened() == opened, "it opened during the stall")
        await house.bus_is_back()
        await house.policy_has_the_call()
        call.rtp.send_digits(CODE[2:])
        denied = await house.stack.event("door.unlock_denied", 10.0, since=call.times["answered"])
        assert denied.data["why"] == "wrong_code"
        assert opened == house.opened()


async def test_new_call_rings_by_default(house: House) -> None:
    """An INVITE during the stall rings after half a second; afterwards policy takes the call over: a press answers."""
    async with house.caller() as friend:
        began = time.monotonic()
        with stalled(house.process("nats")):
            call = await friend.invite(house.stack.uri)
            await call.wait("ringing", 3.0)
            await for_a_while(2.0, lambda: call.final is None, "it was answered by nobody")
        told = await house.stack.event("call.incoming", since=began)
        assert (told.data["decision"], told.data["decided_by"]) == ("ring", "default")
        await house.bus_is_back()
        await house.stack.wish("press", input="button1")
        assert (await call.wait_final(5.0)).status == 200


async def test_press_during_a_long_stall_is_stale(house: House) -> None:
    """A press that the bus held back for more than 5 s rings nobody; the next one rings once."""
    async with house.phone() as phone:
        began = time.monotonic()
        with stalled(house.process("nats")):
            await house.press()
            await for_a_while(STALL_S, lambda: not phone.calls, "it rang without a bus")
        await house.bus_is_back()
        await house.stack.event("input.pressed", since=began)
        await for_a_while(2.0, lambda: not phone.calls, "a stale press rang")
        call = await house.talk(phone)
        assert [call] == phone.calls


async def _wish_unlock(house: House) -> None:
    """Wishes the gate open; the answer comes too late for anybody."""
    body = house.body(2.0)
    with contextlib.suppress(TimeoutError, Exception):
        await house.stack.client.request(
            "door.front.cmd.policy.unlock.gate.operator", json.dumps(body).encode(), timeout=20
        )
