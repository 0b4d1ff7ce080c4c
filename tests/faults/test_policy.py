"""Policy is killed, and stands still, in the middle of a call and of a press."""

from __future__ import annotations

import time
import uuid

import pytest
from tests.faults.house import CODE, GATE, House, for_a_while, stalled

from doorbus_testkit.behaviour import Answer, Ring
from doorbus_testkit.polling import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUSE = {"max_call_s": 10}
BACKSTOP_S = 2.0


async def test_killed_in_a_call_it_counts_on_from_the_answer(house: House) -> None:
    """The call goes on, its code opens, and it ends `max_call_s` after the answer, not after the restart."""
    async with house.phone() as phone:
        call = await house.talk(phone)
        await house.both_ways(call, 1.0)
        await house.kill("policy")
        await house.both_ways(call, 1.0)
        await house.policy_has_the_call()
        opened = house.opened()
        call.rtp.send_digits(CODE)
        await house.chip.wait_level(GATE, 1, 4.0)
        assert opened + 1 == house.opened()
        ended = await call.wait("ended", 12.0)
        assert 9.5 < ended - call.times["acknowledged"] < 10 + BACKSTOP_S - 0.2
        told = await house.stack.event("call.ended", since=call.times["answered"])
        assert told.data["reason"] == "max_duration"


async def test_press_during_the_restart_rings_once(house: House) -> None:
    """A press while no policy runs rings as soon as there is one again, and only once."""
    async with house.phone(Ring()) as phone:
        house.process("policy").kill()
        await house.press()
        await phone.wait_call(1, 8.0)
        await house.bus_is_back()
        await for_a_while(3.0, lambda: len(phone.calls) == 1, "it rang twice")


async def test_press_just_before_the_kill_is_not_taken_twice(house: House) -> None:
    """A press that the last life took, still fresh in the stream, does not ring again nor end its own call."""
    async with house.phone(Answer(0.2)) as phone:
        await house.press()
        call = await phone.wait_call()
        await house.kill("policy")
        await house.bus_is_back()
        await for_a_while(3.0, lambda: len(phone.calls) == 1 and call.state != "ended", "the press was taken twice")


async def test_stalled_in_a_call_its_code_opens_afterwards(house: House) -> None:
    """Policy stands still for 4 s: the call has sound each way meanwhile, and a code typed after it opens."""
    async with house.phone() as phone:
        call = await house.talk(phone)
        with stalled(house.process("policy")):
            await house.both_ways(call, 4.0)
        opened = house.opened()
        await house.policy_has_the_call()
        call.rtp.send_digits(CODE)
        await house.chip.wait_level(GATE, 1, 4.0)
        assert opened + 1 == house.opened()
        ended = await call.wait("ended", 12.0)
        assert 9.5 < ended - call.times["acknowledged"] < 10 + BACKSTOP_S - 0.2


async def test_code_typed_during_the_stall_never_opens(house: House) -> None:
    """Digits of the stall are stale when policy goes on."""
    async with house.phone() as phone:
        call = await house.talk(phone)
        opened = house.opened()
        with stalled(house.process("policy")):
            call.rtp.send_digits(CODE)
            await for_a_while(4.0, lambda: house.opened() == opened, "it opened without policy")
        await house.bus_is_back()
        await for_a_while(3.0, lambda: house.opened() == opened, "it opened after the stall")


async def test_limit_ends_a_call_while_policy_stands_still(house: House) -> None:
    """Over the end of the limit policy stands still: sip ends the call 2 s after it, and policy finds it gone."""
    async with house.phone() as phone:
        call = await house.talk(phone)
        await house.both_ways(call, 4.0)
        with stalled(house.process("policy")):
            ended = await call.wait("ended", 12.0)
            assert 10 + BACKSTOP_S - 0.5 < ended - call.times["acknowledged"] < 10 + BACKSTOP_S + 1.5
        await house.bus_is_back()
        again = await house.talk(phone)
        assert again.state == "answered"


async def test_press_during_a_long_stall_does_not_ring_later(house: House) -> None:
    """A press that policy reads 6 s late rings nobody; the next one rings once."""
    async with house.phone(Ring()) as phone:
        with stalled(house.process("policy")):
            await house.press()
            await for_a_while(6.0, lambda: not phone.calls, "it rang without policy")
        await house.bus_is_back()
        await for_a_while(2.0, lambda: not phone.calls, "a stale press rang")
        await house.press()
        await phone.wait_call()
        await for_a_while(1.0, lambda: len(phone.calls) == 1, "it rang twice")


async def test_call_that_nobody_owns_is_ended(house: House) -> None:
    """A dialed call of which policy knows nothing is ended, not before it is 2 s old."""
    async with house.phone(Ring()) as phone:
        client = await house.connect("policy")
        sip = await house.stack.state("sip")
        began = time.monotonic()
        order = house.body(
            epoch=sip["policy_epoch"],
            call=str(uuid.uuid4()),
            account="ip",
            targets=[{"leg": str(uuid.uuid4()), "uri": phone.uri}],
            limits={"ring_s": 30},
        )
        assert (await house.send(client, "door.front.cmd.sip.dial", order))["ok"] is True
        await client.close()
        call = await phone.wait_call()
        ended = await call.wait("ended", 10.0)
        assert call.ended_by == "cancel"
        assert 2.0 < ended - began < 9.0


async def test_do_not_disturb_outlives_a_kill(house: House) -> None:
    """DND turned on by a wish still refuses after a kill, decided by policy."""
    assert (await house.stack.wish("dnd", enabled=True))["ok"] is True
    try:
        await house.kill("policy")
        await house.bus_is_back()
        async with house.caller() as friend:
            call = await friend.invite(house.stack.uri)
            assert (await call.wait_final(5.0)).status == 486
    finally:
        await eventually(lambda: house.stack.wish("dnd", enabled=False), 5.0, what="DND is off")
