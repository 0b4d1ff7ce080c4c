"""A worker of sip, and sip's parent, die or stand still in the middle of a call."""

from __future__ import annotations

import time

import psutil
import pytest
from tests.faults.house import CODE, GATE, House, for_a_while, stalled

from doorbus_testkit.behaviour import Ring
from doorbus_testkit.polling import eventually
from doorbus_testkit.wire_call import WireCall

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUSE = {"max_call_s": 60}


async def test_killed_worker_takes_only_its_own_calls(house: House) -> None:
    """The worker of the call is killed: the call ends as `media_failed`, and another worker is there in a second or so.

    The next press rings and talks, and a second caller is busy as ever.
    """
    async with house.phone() as phone:
        call = await house.talk(phone)
        began = time.monotonic()
        worker = _worker_of(house, call)
        worker.kill()
        told = await house.stack.event("call.ended", 5.0, since=began)
        assert told.data["reason"] == "media_failed"
        degraded = await house.stack.event("service.degraded", 5.0, since=began, part="sip_worker")
        assert degraded.data["service"] == "sip"
        await eventually(
            lambda: [each for each in house.stack.workers() if _port(house) in _udp_ports(each)],
            4.0,
            what="another front listens",
        )
        await house.stack.event("service.degraded", 5.0, since=degraded.at, part="sip_worker", recovered=True)
        call.rtp.stop_sending()
        again = await house.talk(phone)
        assert again.state == "answered"
        async with house.caller() as friend:
            busy = await friend.invite(house.stack.uri)
            assert (await busy.wait_final(5.0)).status == 486


async def test_another_workers_death_does_not_touch_the_call(house: House) -> None:
    """A worker without a call is killed: the call goes on, and there are as many workers again."""
    async with house.phone() as phone:
        call = await house.talk(phone)
        mine = _worker_of(house, call)
        others = [each for each in house.stack.workers() if each.pid != mine.pid]
        assert others
        count = len(house.stack.workers())
        others[0].kill()
        await house.both_ways(call, 2.0)
        await eventually(lambda: len(house.stack.workers()) == count, 5.0, what="another dialer is there")
        assert not house.stack.told("call.ended", call.times["answered"])


async def test_stalled_worker_is_replaced(house: House) -> None:
    """The worker of the call stands still: after 3 s it is given up, and the next press rings and talks."""
    async with house.phone() as phone:
        call = await house.talk(phone)
        began = time.monotonic()
        with stalled(_worker_of(house, call)):
            told = await house.stack.event("call.ended", 8.0, since=began)
            assert told.data["reason"] == "media_failed"
            again = await house.talk(phone)
            assert again.state == "answered"


async def test_parents_death_ends_calls_in_order(house: House) -> None:
    """Sip's parent is killed: its worker says BYE and exits, policy forgets the call, and the next press rings."""
    async with house.phone() as phone:
        call = await house.talk(phone)
        workers = house.stack.workers()
        began = time.monotonic()
        house.process("sip").kill()
        await call.wait("ended", 3.0)
        assert call.ended_by == "bye"
        await eventually(lambda: not any(each.is_running() for each in workers), 5.0, what="the old workers are gone")

        async def rings() -> bool:
            await house.press()
            return len(phone.calls) > 1

        await eventually(rings, 15.0, 0.5, "a press rings after the restart")
        assert time.monotonic() - began < 15.0
        again = await phone.wait_call(2)
        await again.wait("acknowledged")
        assert len(phone.calls) == 2


async def test_parents_death_while_ringing_stops_the_ringing(house: House) -> None:
    """Sip's parent is killed while a phone rings: the phone stops ringing."""
    async with house.phone(Ring(), rtp=False) as phone:
        await house.press()
        call = await phone.wait_call()
        await call.wait("ringing")
        await house.kill("sip")
        await call.wait("ended", 5.0)
        assert call.ended_by == "cancel"
        await house.bus_is_back()
        await _sip_is_back(house)


async def test_stalled_parent_keeps_the_call(house: House) -> None:
    """The parent stands still for 5 s, longer than its lease: the call has sound each way all the time.

    Afterwards policy has it again, a code opens and a press ends it.
    """
    async with house.phone() as phone:
        call = await house.talk(phone)
        with stalled(house.process("sip")):
            await house.both_ways(call, 5.0)
        await house.both_ways(call, 0.5)
        await house.policy_has_the_call()
        opened = house.opened()
        call.rtp.send_digits(CODE)
        await house.chip.wait_level(GATE, 1, 5.0)
        assert opened + 1 == house.opened()
        await house.press()
        await call.wait("ended", 5.0)
        await for_a_while(1.0, lambda: len(phone.calls) == 1, "the press that hung up rang again")


def _worker_of(house: House, call: WireCall) -> psutil.Process:
    """Returns the worker that talks with the call: the one that holds the RTP port it named."""
    assert call.remote_audio is not None
    port = call.remote_audio.port
    return next(each for each in house.stack.workers() if port in _udp_ports(each))


def _port(house: House) -> int:
    return house.stack.sip_port


def _udp_ports(process: psutil.Process) -> set[int]:
    try:
        return {each.laddr.port for each in process.net_connections("udp") if each.laddr}
    except psutil.Error:
        return set()


async def _sip_is_back(house: House) -> None:
    async def quiet() -> bool:
        state = await house.stack.state("sip")
        return state is not None and not state["calls"] and bool(house.stack.workers())

    await eventually(quiet, 15.0, 0.1, "sip is back without calls")
