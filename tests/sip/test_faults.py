"""Processes that die or stall in mid-call."""

import asyncio
import os
import signal
import sys
import time

from tests.sip.conftest import Door, MakeDoor

from doorbus_sip import facts
from doorbus_sip.facts import Reason
from doorbus_sip.limits import Limits
from doorbus_testkit.behaviour import Answer
from doorbus_testkit.polling import eventually
from doorbus_testkit.wire import WirePhone

LIMITS = Limits(ring_s=30, max_call_s=60)


async def two_calls(door: Door, phone: WirePhone) -> None:
    """One call on the front, one on a dialer (the front keeps a slot for incoming calls)."""
    for number in range(4):
        await door.engine.dial(f"c{number}", None, ((f"l{number}", phone.uri),), LIMITS)
        await door.wait(facts.CallAnswered, number + 1)


async def test_killed_worker_ends_only_its_own_calls(make_door: MakeDoor) -> None:
    """A killed dialer ends its own call as media_failed; the front's go on, and another dialer stands ready."""
    door = await make_door(spare_dialers=1)
    async with WirePhone(Answer()) as phone:
        await two_calls(door, phone)
        worker = door.engine.worker_of("l3")
        assert worker is not None
        assert worker.startswith("dialer")
        os.kill(door.engine.workers[worker], signal.SIGKILL)
        lost = await door.wait(facts.WorkerLost)
        assert facts.WorkerLost(worker, ("c3",)) == lost
        (ended,) = door.told(facts.CallEnded)
        assert (ended.call, ended.reason) == ("c3", Reason.MEDIA_FAILED)
        assert {"c0", "c1", "c2"} == {call.call for call in door.engine.snapshot()}


async def test_killed_front_listens_again_on_the_same_port(make_door: MakeDoor) -> None:
    """The front is back within a second or so, on its port; a call on a dialer has not noticed."""
    door = await make_door(spare_dialers=1)
    async with WirePhone(Answer()) as phone:
        await two_calls(door, phone)
        port = door.engine.ports.udp
        killed = time.monotonic()
        started = len(door.told(facts.WorkerStarted))
        os.kill(door.engine.workers["front"], signal.SIGKILL)
        await door.wait(facts.WorkerStarted, started + 1)
        took_s = time.monotonic() - killed
        assert port == door.engine.ports.udp
        assert [call.call for call in door.engine.snapshot()] == ["c3"]
        call = await phone.invite(door.uri)
        incoming = await door.wait(facts.IncomingCall)
        await door.engine.refuse(incoming.call, 486)
        assert (await call.wait_final()).status == 486
    assert took_s < 5  # a second on an idle machine


async def test_stalled_worker_is_killed_and_replaced(make_door: MakeDoor) -> None:
    """A worker that stands still (SIGSTOP) counts as dead after `stall_s`."""
    door = await make_door(spare_dialers=1, stall_s=1)
    async with WirePhone(Answer()) as phone:
        await two_calls(door, phone)
        worker = door.engine.worker_of("l3")
        assert worker is not None
        os.kill(door.engine.workers[worker], signal.SIGSTOP)
        ended = await door.wait(facts.CallEnded)
        assert (ended.call, ended.reason) == ("c3", Reason.MEDIA_FAILED)
        await eventually(lambda: len(door.engine.workers) >= 2, what="another dialer")


async def test_workers_end_with_their_parent() -> None:
    """When the parent is killed, its workers say BYE and exit within 2 s or so."""
    async with WirePhone(Answer()) as phone:
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.sip.parent", phone.uri, stdout=asyncio.subprocess.PIPE
        )
        assert parent.stdout is not None
        pids = [int(pid) for pid in (await parent.stdout.readline()).split()]
        call = await phone.wait_call()
        await call.wait("acknowledged")
        parent.kill()
        await parent.wait()
        await call.wait("ended")
        await eventually(lambda: not any(is_running(pid) for pid in pids), what="the end of the workers")
    assert len(pids) >= 2
    assert call.ended_by == "bye"


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123 - procfs
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
