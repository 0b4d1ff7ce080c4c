"""The torture messages of RFC 4475 at a real engine: valid ones are understood, others do no harm."""

import asyncio
import contextlib
import functools
import secrets
from collections.abc import AsyncIterator

import pytest
from tests.sip.conftest import Door, MakeDoor
from tests.sip.talker import Talker
from tests.sip.test_nonsense import next_call_works
from tests.sip.torture import meaning, syntax_invalid, syntax_valid
from tests.sip.torture.case import DECIDED, SILENCE, Case, Place, plain

from doorbus_sip import facts
from doorbus_sip.config import Listen
from doorbus_sip.engine import UnknownCallError
from doorbus_sip.facts import Reason
from doorbus_testkit.polling import eventually
from doorbus_testkit.ports import free_tcp_port

CASES: tuple[Case, ...] = (*syntax_valid.CASES, *syntax_invalid.CASES, *meaning.CASES)
MESSAGES_OF_THE_RFC = 49
DEVIATIONS = {
    "clerr": (486, "pjsip takes what there is of the body; on a datagram nothing can be misread"),
    "mcl01": (200, "pjsip takes the last of two lengths, on a datagram only"),
    "mismatch01": (200, "pjsip answers the OPTIONS that the start line names"),
    "mismatch02": (405, "an error, though not 400 or 501"),
    "bext01": (200, "pjsip looks at Require in calls only, and answers OPTIONS itself"),
    "regaut01": (SILENCE, "pjsip's parser drops what it cannot read of Authorization; the door is no registrar"),
    "multi01": (500, "an error, though not 400"),
}
"""What pjsip does instead of what the RFC asks for, and why that may stay so."""


@contextlib.asynccontextmanager
async def refusing(door: Door) -> AsyncIterator[None]:
    """Refuses every call that is handed up, with 486, as do not disturb does."""

    async def refuse_all() -> None:
        seen = 0
        while True:
            for incoming in door.told(facts.IncomingCall)[seen:]:
                seen += 1
                with contextlib.suppress(UnknownCallError):
                    await door.engine.refuse(incoming.call, 486, Reason.DND)
            await asyncio.sleep(0.002)

    task = asyncio.create_task(refuse_all())
    yield
    task.cancel()


async def outcome(door: str, prober: Talker, case: Case) -> int:
    """Sends a message and returns its final status, or `SILENCE`.

    Where silence is right, two OPTIONS answered on another socket end the wait, and what came until then counts.
    The door's guard refuses TCP connections that come too quickly: then it is tried again.
    """
    transport = prober.transport
    async with await eventually(lambda: Talker(door, transport), what="a connection to the door") as talker:
        talker.send(case.build(Place(door, talker.me, transport, secrets.token_hex(6))))
        if SILENCE in case.expected:
            for _ in range(2):
                probe = Place(door, prober.me, transport, secrets.token_hex(6))
                prober.send(plain(probe, "OPTIONS"))
                mark = f"{probe.token}@visitors.example".encode()
                await eventually(functools.partial(prober.finals, mark), 5, 0.002, f"OPTIONS after {case.name}")
        if talker.answers or SILENCE not in case.expected:
            with contextlib.suppress(AssertionError):
                await eventually(lambda: any(a.status >= 200 for a in talker.answers), 5, 0.002)
        return next((answer.status for answer in talker.answers if answer.status >= 200), SILENCE)


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_each_message_of_the_rfc(make_door: MakeDoor, transport: str) -> None:
    """Each message gets an answer that is right for it; no worker dies, nothing fails inside, calls work afterwards."""
    port = free_tcp_port()
    door = await make_door(listen=Listen(host="127.0.0.1", udp=port, tcp=port), questions_per_s=1000)
    pids = door.engine.workers
    wrong: dict[str, tuple[int, list[int]]] = {}
    async with refusing(door), Talker(f"127.0.0.1:{port}", transport) as prober:
        for case in CASES:
            if transport == "TCP" and not case.streams:
                continue
            before = len(door.told(facts.IncomingCall))
            status = await outcome(f"127.0.0.1:{port}", prober, case)
            if status not in case.expected and status != DEVIATIONS.get(case.name, (None,))[0]:
                wrong[case.name] = (status, sorted(case.expected))
            asked = len(door.told(facts.IncomingCall)) - before
            assert asked == (status == DECIDED), f"{case.name} was handed up {asked} times"
            assert pids == door.engine.workers, f"{case.name} killed a worker"
            await eventually(lambda: not door.engine.snapshot(), what=f"no call is left of {case.name}")
    assert wrong == {}
    assert door.told(facts.CallbackFailed) == []
    assert door.told(facts.WorkerLost) == []
    await next_call_works(door)


def test_every_message_of_the_rfc_is_here() -> None:
    """All tests of RFC 4475, 3.1.1 to 3.4, have a message, and each deviation names one."""
    names = {case.name.partition(",")[0] for case in CASES}
    assert len(names) == MESSAGES_OF_THE_RFC
    assert DEVIATIONS.keys() <= {case.name for case in CASES}
