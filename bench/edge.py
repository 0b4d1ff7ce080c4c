"""Edge on a line to its event at a reader of the bus, beside a bare program that reads the line and publishes.

Rules
- The time begins with the edge: on the simulated chip as the process that has it saw it, on a kernel's chip before the
  line is pulled, and ends in the reader's callback.
- io does what it always does: it looks whether the line bounces, tells a typed event, and keeps it in the stream. The
  bare program publishes a few bytes. Both use the same NATS server, which keeps the events on its disk.
- Both are pressed in turns of blocks; the reader is the same connection.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from nats.aio.client import Client
from nats.aio.msg import Msg
from tests.io.io_process import IoProcess
from tests.io.line_bench import Pin
from tests.io.scene import House, Scene, scene_in
from tests.io.simulated_lines import SimulatedLines
from tools.hardware.__main__ import why_not

from bench.bare import Bare
from bench.bare_edge import SUBJECT
from bench.figures import Result, UnavailableError, latencies
from bench.scale import Amount, Scale
from doorbus.runtime.connection import settle
from doorbus_testkit.chip import SimulatedChip
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import SLOWER

PRESSES = Amount(400, 60, 4)
KERNEL_PRESSES = Amount(120, 40, 4)
"""An emulated press takes half a second."""
BLOCK = Amount(20, 10, 2)
PAUSE_S = 0.02
LINE = 0
EVENT_S = 10.0
KERNEL_S = 400.0

Put = Callable[[int], Awaitable[float]]


@dataclass(frozen=True)
class Series:
    """Latencies in seconds, of the door and of the bare program."""

    door: list[float]
    bare: list[float]


async def edge_to_event(scale: Scale) -> Result:
    """On the simulated chip."""
    with tempfile.TemporaryDirectory() as name, NatsServer() as server:
        folder = Path(name)
        io = IoProcess(folder, server.url)
        house = House(server, io, SimulatedLines(io.socket))
        bare_socket = folder / "bare.sock"
        try:
            async with scene_in(house) as scene:
                with Bare("bench.bare_edge", f"{server.url} {bare_socket}"):
                    async with SimulatedChip(bare_socket) as hands:
                        counts = PRESSES.count(scale), BLOCK.count(scale)
                        series = await measure(scene, lambda level: hands.set(LINE, level), *counts)
        finally:
            io.close()
    return _result(
        "edge_to_event", "the simulated chip", "reads its Unix socket and publishes with bare nats-py", series
    )


async def edge_to_event_kernel(scale: Scale) -> Result:
    """On a kernel's chip, in the virtual machine of `make test-hardware`, which measures by itself.

    Raises:
        UnavailableError: there is no such machine here.
    """
    reason = why_not()
    if reason is not None:
        raise UnavailableError(reason)
    words = [sys.executable, "-m", "tools.hardware", "python", "-m", "bench.edge_in_machine", scale]
    done = await asyncio.to_thread(
        subprocess.run, words, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=KERNEL_S
    )
    if done.returncode != 0:
        raise RuntimeError(f"in the machine: {(done.stdout + done.stderr)[-2000:]}")
    series = Series(**json.loads(done.stdout.splitlines()[-1]))
    return _result(
        "edge_to_event_kernel",
        "a gpio-sim line of an emulated machine's kernel",
        "reads its line with gpiod and publishes with bare nats-py, in the same machine",
        series,
        ("every instruction is emulated: the milliseconds are the machine's, the ratio is the door's",),
    )


async def measure(scene: Scene, press_bare: Put, count: int, block: int) -> Series:
    """Presses the door's button and the bare program's in turns.

    Args:
        scene: with an io process that runs.
        press_bare: puts the bare program's line to a level, and returns the edge's monotonic second.
        count: how often each, at least.
        block: how often in a row.
    """
    pin = Pin(scene.bench.chips[0], LINE)
    button = {"id": "button1", "kind": "push_button", "chip": pin.chip, "line": pin.line, "debounce_ms": 5}
    await scene.take(inputs=(button,))
    client = scene.policy.client
    door = await _Side.on(client, "door.front.event.input.*", lambda level: scene.bench.put(pin, level))
    bare = await _Side.on(client, SUBJECT, press_bare)
    series = Series([], [])
    for side in (door, bare):
        await side.presses(block)  # the first ones are slow
    for _ in range(-(-count // block)):
        series.bare.extend(await bare.presses(block))
        series.door.extend(await door.presses(block))
    return series


class _Side:
    """One of the two programs, and what the reader hears of it, each event once."""

    def __init__(self, subject: str, put: Put) -> None:
        self._subject = subject
        self._put = put
        self._seen: set[str] = set()
        self._heard: asyncio.Queue[float] = asyncio.Queue()

    @classmethod
    async def on(cls, client: Client, subject: str, put: Put) -> _Side:
        """Subscribes."""
        made = cls(subject, put)
        await client.subscribe(subject, cb=made._hear)
        await settle(client)
        return made

    async def _hear(self, message: Msg) -> None:
        at = time.monotonic()
        id_ = (message.headers or {}).get("Nats-Msg-Id")
        if id_ is None or id_ not in self._seen:  # a second copy is sent when the stream's ack is late
            self._heard.put_nowait(at)
        if id_ is not None:
            self._seen.add(id_)

    async def presses(self, count: int) -> list[float]:
        """Presses and releases so often; returns the seconds from each press's edge to its event."""
        taken = []
        for _ in range(count):
            edge = await self._put(0)
            taken.append(await self._next() - edge)
            await self._put(1)
            await self._next()
            await asyncio.sleep(PAUSE_S)
        return taken

    async def _next(self) -> float:
        try:
            async with asyncio.timeout(EVENT_S * SLOWER):
                return await self._heard.get()
        except TimeoutError as error:
            raise RuntimeError(f"nothing came on {self._subject}") from error


def _result(name: str, where: str, baseline: str, series: Series, notes: tuple[str, ...] = ()) -> Result:
    return Result(
        name,
        f"edge on {where} to its event at a reader of the bus",
        f"a program that {baseline}",
        latencies("edge to event", series.door, series.bare),
        (
            f"{len(series.door)} presses each, in turns of blocks, {PAUSE_S * 1000:.0f} ms apart and more",
            f"slowest press {max(series.door) * 1000:.1f} ms; load {os.getloadavg()[0]:.1f}",
            *notes,
        ),
    )
