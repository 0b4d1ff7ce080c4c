"""200 live viewers of one door on one web process: how long a fact takes from the bus to all of them.

Rules
- Viewers are plain sockets in this process that read as fast as they can. All of them follow the door's stream with a
  token; as many follow the bare program.
- A fact is published on the bus, as policy tells it, and reaches each viewer as bytes that hold its mark. Facts for the
  door and for the bare program come in turns, `PAUSE_S` apart, so noise hits both alike.
- "The slowest viewer" is the time until the last one of all has a fact.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import nats
from nats.aio.client import Client
from tests.features.console import Console

from bench.doors import document, memory
from bench.figures import Figure, Result, latencies, percentile
from bench.scale import Amount, Scale
from doorbus_testkit.polling import eventually
from doorbus_testkit.processes import Process
from doorbus_testkit.stack import Options, Stack

VIEWERS = Amount(200, 200, 5)
FACTS = Amount(50, 20, 2)
PAUSE_S = 0.1
AIM_S = 1.0
READ_BYTES = 64 * 1024


@dataclass
class Crowd:
    """Viewers of one server, and when each of them had which fact."""

    had: dict[str, list[float]] = field(default_factory=dict)
    joined: int = 0

    async def follow(self, port: int, request: bytes) -> None:
        """Follows one stream until cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        rest = b""
        try:
            while data := await reader.read(READ_BYTES):
                at = time.monotonic()
                rest += data
                if b"event: state" in rest and not rest.startswith(b"~"):
                    self.joined += 1
                    rest = b"~"
                for mark in [mark for mark in self.had if mark.encode() in rest]:
                    self.had[mark].append(at)
                    rest = b"~"
        finally:
            writer.close()


@asynccontextmanager
async def _crowd(count: int, port: int, request: bytes) -> AsyncIterator[Crowd]:
    crowd = Crowd()
    tasks = [asyncio.create_task(crowd.follow(port, request)) for _ in range(count)]
    try:
        await eventually(lambda: crowd.joined == count, 60, what=f"{count} viewers have joined")
        yield crowd
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def viewers(scale: Scale) -> Result:
    """A fact on its way to 200 live viewers."""
    count, facts = VIEWERS.count(scale), FACTS.count(scale)
    async with Stack(document(), Options(web=True)) as door, Console(door) as console, _teller(door) as teller:
        token = await console.token("read")
        request = f"GET /api/v1/doors/front/stream HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer {token}\r\n\r\n"
        bare_process = _bare(door)
        try:
            port = int(await eventually(bare_process.log_text, 20, what="the bare program serves"))
            async with (
                _crowd(count, urlsplit(console.url).port or 80, request.encode()) as ours,
                _crowd(count, port, b"GET / HTTP/1.1\r\nHost: bare\r\n\r\n") as bare,
            ):
                web = door.process("web")
                before, began = web.cpu_times(), time.monotonic()
                door_s, bare_s = [], []
                for number in range(facts):
                    door_s.append(await _tell(teller, "door.front.event.dnd.changed", ours, number, count))
                    bare_s.append(await _tell(teller, BARE, bare, number, count))
                after, took = web.cpu_times(), time.monotonic() - began
                cpu = (after.user + after.system - before.user - before.system) / facts * 1000
                held = memory([web]).rss
        finally:
            await bare_process.end(5)
    slowest = [max(each) for each in door_s]
    aim = Figure("slowest viewer of the slowest fact, s", max(slowest), max(max(each) for each in bare_s))
    return Result(
        "viewers",
        f"a fact on the bus to the sockets of {count} live viewers of one web process",
        "bare asyncio that writes each message to every socket",
        (
            *latencies("fact to a viewer", _flat(door_s), _flat(bare_s)),
            Figure(
                "fact to the slowest viewer, p50, ms",
                percentile(slowest, 0.5) * 1000,
                percentile([max(each) for each in bare_s], 0.5) * 1000,
            ),
            Figure(aim.label, aim.door, aim.bare, f"at most {AIM_S:g} s", max(slowest) <= AIM_S),
            Figure("web's processor time for one fact, ms", cpu),
            Figure("web's memory, MB resident", held),
        ),
        (f"{facts} facts each, {count} viewers each, in turns within {took:.1f} s; none was lost",),
    )


BARE = "door.front.event.dnd.server_code_sent"
"""A subject that policy may publish on; without an event's headers it is nothing to the web service."""


def _flat(times: Sequence[Sequence[float]]) -> list[float]:
    return [each for some in times for each in some]


async def _tell(teller: Client, subject: str, crowd: Crowd, number: int, count: int) -> list[float]:
    """Publishes one fact; returns the seconds until each viewer had it."""
    mark = f"bench-{uuid.uuid4().hex}"
    crowd.had = {mark: []}
    headers = {
        "ce-specversion": "1.0",
        "ce-id": mark,
        "ce-source": "/door/front/policy",
        "ce-type": "doorbus.dnd.changed.v1",
        "ce-time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "ce-epoch": "1",
        "ce-sequence": str(number + 1),
    }
    body = json.dumps({"enabled": number % 2 == 0, "by": mark}).encode()
    began = time.monotonic()
    await teller.publish(subject, body, headers=None if subject == BARE else headers)
    await eventually(lambda: len(crowd.had[mark]) >= count, 30, 0.01, "every viewer has the fact")
    await asyncio.sleep(PAUSE_S)
    return [at - began for at in crowd.had[mark]]


@asynccontextmanager
async def _teller(door: Stack) -> AsyncIterator[Client]:
    """A connection with policy's own password: what it publishes is what policy tells."""
    url, user, password = _policy(door)
    client = await nats.connect(url, user=user, password=password, inbox_prefix=f"_INBOX.{user}")
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):
            await client.close()


def _policy(door: Stack) -> tuple[str, str, str]:
    context = json.loads((door.run_dir / "client.json").read_text())
    return context["url"], "policy", Path(context["password_file"]).with_name("policy").read_text().strip()


def _bare(door: Stack) -> Process:
    argv = [sys.executable, "-m", "bench.bare_sse", *_policy(door), BARE]
    return Process(argv, log=door.folder / "bare.log")
