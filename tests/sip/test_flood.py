"""More INVITEs, and more connections, than pjsua2 survives by itself."""

import asyncio
import json
import socket
import sys
from pathlib import Path

import pytest
from tests.sip.conftest import Door, MakeDoor

from doorbus_sip import facts
from doorbus_sip.config import Listen
from doorbus_sip.facts import Reason
from doorbus_testkit.polling import eventually
from doorbus_testkit.ports import free_tcp_port
from doorbus_testkit.wire import WirePhone


def resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0])


async def flood(uri: str, rate: int, seconds: float, *words: str) -> dict[str, object]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.sip.flooder", uri, str(rate), str(seconds), *words, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    result = json.loads(output)
    assert isinstance(result, dict)
    return result


async def friend_gets_through(door: Door) -> None:
    """A call one second after the flood is asked about."""
    await asyncio.sleep(1)
    before = len(door.told(facts.IncomingCall))
    async with WirePhone(user="friend") as phone:
        call = await phone.invite(door.uri)
        incoming = await door.wait(facts.IncomingCall, before + 1)
        assert incoming.from_user == "friend"
        await door.engine.answer(incoming.call)
        await door.wait(facts.CallAnswered)
        call.bye()


@pytest.mark.parametrize("words", [(), ("cancel",)])
async def test_flood_is_answered_and_kills_nothing(make_door: MakeDoor, words: tuple[str, ...]) -> None:
    """900 INVITEs in 3 s, also each with its CANCEL, are all answered by a front that lives on.

    Its memory is flat, the shell is asked at most 20 times a second, the others are told in sums, and a friend gets
    through afterwards.
    """
    door = await make_door()
    refusals: set[asyncio.Task[None]] = set()

    async def refuse_all() -> None:
        seen = 0
        while True:
            for incoming in door.told(facts.IncomingCall)[seen:]:
                seen += 1
                if incoming.from_user == "flood" and any(c.call == incoming.call for c in door.engine.snapshot()):
                    await door.engine.refuse(incoming.call, 486, Reason.DND)
            await asyncio.sleep(0.005)

    refusals.add(asyncio.create_task(refuse_all()))
    pid = door.engine.workers["front"]
    before_kb = resident_kb(pid)
    result = await flood(door.uri, 300, 3, *words)
    asked = len(door.told(facts.IncomingCall))
    assert (result["sent"], result["unanswered"]) == (900, 0)

    def told() -> int:
        return asked + sum(refused.count for refused in door.told(facts.RefusedUnasked))

    await eventually(lambda: told() >= 900, what="every INVITE is asked about or told in a sum")
    assert told() < 1000, "more than there were, with the few that came again"
    await friend_gets_through(door)
    for task in refusals:
        task.cancel()
    assert pid == door.engine.workers["front"]
    assert resident_kb(pid) - before_kb < 20_000  # as of `test_mutations`: 900 transactions live 32 s
    assert 0 < asked < 20 * 5
    assert door.told(facts.CallbackFailed) == []


async def test_quick_tcp_connections_kill_nothing(make_door: MakeDoor) -> None:
    """Connections opened and closed as fast as possible get refused at some point, the front lives on."""
    port = free_tcp_port()
    door = await make_door(listen=Listen(host="127.0.0.1", udp=port, tcp=port))
    pid = door.engine.workers["front"]

    def connect_quickly() -> int:
        refused = 0
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                refused += 1
        return refused

    refused = await asyncio.to_thread(connect_quickly)
    await friend_gets_through(door)
    await asyncio.to_thread(lambda: socket.create_connection(("127.0.0.1", port), timeout=2).close())
    assert pid == door.engine.workers["front"]
    assert refused > 0
