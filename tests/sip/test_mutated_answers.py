"""A phone that answers the door's INVITEs with mutated responses: no worker aborts, each call ends, and calls work.

In a network namespace, as `test_mutations`: ACK and BYE go where a mutated Contact says.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator
from typing import cast

import pytest
from tests.sip.attacked import COOL_S, works
from tests.sip.conftest import Door, MakeDoor
from tests.sip.torture.mutate import mutated

from doorbus_sip import facts
from doorbus_sip.config import Listen
from doorbus_sip.engine import UnknownCallError
from doorbus_sip.limits import Limits
from doorbus_testkit.netns import Namespaces
from doorbus_testkit.polling import eventually
from doorbus_testkit.ports import free_tcp_port

pytestmark = [pytest.mark.netns, pytest.mark.timeout(240)]

SEED = os.environ.get("DOORBUS_MUTATION_SEED", "doorbus")
ANSWERS, DOORS = 2_000, 4
REFUSE_AFTER_S = 0.03
RING_S = 1.0
PACE = 10
"""Calls within `COOL_S`: what the worker's sockets allow for good."""
SDP = (
    b"v=0\r\no=phone 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 40000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
)


class Phone(asyncio.DatagramProtocol):
    """Answers INVITE `n` with the mutated response `n` (180, 183 or 200), and refuses it a moment later."""

    def __init__(self) -> None:
        self.invites: set[bytes] = set()
        self.acknowledged = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answers one request."""
        head = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
        method = head[0].split(b" ")[0]
        if method == b"ACK":
            self.acknowledged += 1
        elif method == b"INVITE" and head[1] not in self.invites:
            self.invites.add(head[1])
            number = int(head[0].partition(b"sip:n")[2].partition(b"@")[0])
            status = (b"180 Ringing", b"183 Progress", b"200 OK")[number % 3]
            self._put(mutated(f"{SEED}/answer", number, self._response(head, status, SDP)).data, addr)
            refusal = self._response(head, b"486 Busy Here", b"")
            asyncio.get_running_loop().call_later(REFUSE_AFTER_S, self._put, refusal, addr)
        elif method in (b"BYE", b"CANCEL"):
            self._put(self._response(head, b"200 OK", b""), addr)

    def _response(self, head: list[bytes], status: bytes, body: bytes) -> bytes:
        assert self._transport is not None
        port = self._transport.get_extra_info("sockname")[1]
        copied = [line for line in head[1:] if line.split(b":")[0].lower() in (b"via", b"from", b"call-id", b"cseq")]
        to = next(line for line in head if line.lower().startswith(b"to:"))
        tagged = to if b";tag=" in to else to + b";tag=phone"
        own = [tagged, b"Contact: <sip:phone@127.0.0.1:%d>" % port]
        typed = [b"Content-Type: application/sdp"] if body else []
        length = [b"Content-Length: %d" % len(body), b"", b""]
        return b"\r\n".join([b"SIP/2.0 " + status, *copied, *own, *typed, *length]) + body

    def _put(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, addr)


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """A network namespace without a way out."""
    with Namespaces(1) as (here,), here.entered():
        yield


def check(door: Door, last: int) -> None:
    """No worker died but those that gave slots back (`worker.held`), and no callback failed."""
    failed = [each for each in door.told(facts.CallbackFailed) if each.where != "slots"]
    ended = len(door.told(facts.CallbackFailed)) - len(failed)
    lost = door.told(facts.WorkerLost)
    assert len(lost) <= ended, f"seed {SEED}, answer {last} or one before: {lost}"
    assert failed == [], f"seed {SEED}, answer {last} or one before"


async def dial(door: Door, port: int, numbers: range) -> None:
    """Calls the phone once for each number, at the pace that the worker's sockets allow, and ends what it answers."""
    recent: list[float] = []

    def has_room() -> bool:
        now = time.monotonic()
        recent[:] = [at for at in recent if at > now - COOL_S]
        return len(recent) < PACE and len(door.engine.snapshot()) < 3

    seen = 0
    for number in numbers:
        await eventually(has_room, 40, 0.002, "room for a call")
        check(door, number)
        call = f"c{number}"
        await door.engine.dial(call, None, ((f"l{number}", f"sip:n{number}@127.0.0.1:{port}"),), Limits(ring_s=RING_S))
        recent.append(time.monotonic())
        for fact in door.facts[seen:]:
            seen += 1
            if isinstance(fact, facts.CallAnswered):
                with contextlib.suppress(UnknownCallError):
                    await door.engine.hangup(fact.call)
    for left in door.engine.snapshot():
        if left.answered_age_s is not None:
            await door.engine.hangup(left.call)
    await eventually(lambda: not door.engine.snapshot(), 20, what="the end of all calls")
    assert len(door.told(facts.CallEnded)) == len(numbers)


async def test_mutated_answers(make_door: MakeDoor) -> None:
    """2,000 mutated 180, 183 and 200 responses, four doors."""
    transport, phone = await asyncio.get_running_loop().create_datagram_endpoint(Phone, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    doors = [
        await make_door(listen=Listen(host="127.0.0.1", udp=free_tcp_port(), tcp=None), max_dialers=0)
        for _ in range(DOORS)
    ]
    try:
        async with asyncio.TaskGroup() as group:
            for index, door in enumerate(doors):
                group.create_task(dial(door, port, range(index, ANSWERS, DOORS)))
    finally:
        transport.close()
    answered = sum(len(door.told(facts.CallAnswered)) for door in doors)
    early = sum(len(door.told(facts.LegRinging)) for door in doors)
    print(f"measured: {len(phone.invites)} INVITEs, {early} ringing, {answered} answered")  # noqa: T201  # captured by pytest
    for door in doors:
        await works(door)
        check(door, ANSWERS)
    assert len(phone.invites) > ANSWERS * 0.8
    assert answered > ANSWERS // 40
    assert early > ANSWERS // 20
