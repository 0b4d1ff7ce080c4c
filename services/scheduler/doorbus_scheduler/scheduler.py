"""The doors of this process: looked at with each document, at each boundary, and when a clock has moved.

One task waits for the earliest boundary of all doors. It looks at the clocks each second, so that a host that slept, or
whose clock was set, is right again within that second.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import nats.errors
import structlog
from pydantic import ValidationError

from doorbus.contract.document import fingerprint
from doorbus.contract.schedules import ScheduleState
from doorbus.runtime.documents import Document
from doorbus.runtime.service import Service
from doorbus_scheduler import metrics
from doorbus_scheduler.alarms import Alarms
from doorbus_scheduler.clocks import Clocks
from doorbus_scheduler.keeper import Keeper
from doorbus_scheduler.review import review

LOOK_EVERY_S = 1.0
"""A boundary takes effect within a second, also after a sleep."""

SHORTEST_WAIT_S = 0.001
"""A timer may be a little early; then it waits once more, and never spins."""

RECALL_AGAIN_S = 1.0
STARTS_AT_ONCE = 50
"""A thousand doors that ask the bus for everything at once would run into its time limits."""

IN_A_ROW = 50
"""Doors looked at before others have their turn: about 10 ms."""

READY = "schedules"
Cause = Literal["document", "boundary", "clock"]

log = structlog.get_logger()


@dataclass
class Known:
    """A door.

    Attributes:
        document: the newest.
        fingerprint: of it.
        told: the state that was told last, by this life or an earlier one; None where there is none.
        recalled: whether it is known what an earlier life has told.
        counted: how many schedules and templates the metric has as active.
    """

    document: Document
    fingerprint: str
    told: ScheduleState | None = None
    recalled: bool = False
    counted: tuple[int, int] = (0, 0)


class Scheduler:
    """Keeps and tells what is active.

    Args:
        service: the process.
        clocks: the time.
        keeper: of the states.
    """

    def __init__(self, service: Service, clocks: Clocks, keeper: Keeper) -> None:
        self._service = service
        self._bus = service.bus
        self._clocks = clocks
        self._keeper = keeper
        self._doors: dict[str, Known] = {}
        self._alarms = Alarms()
        self._wake = asyncio.Event()
        self._starting = asyncio.Semaphore(STARTS_AT_ONCE)
        self._measuring: asyncio.Task[None] | None = None

    def take_document(self, door: str, document: Document) -> None:
        """Takes a door's document, the first or a new one."""
        known = self._doors.get(door)
        if known is None:
            self._doors[door] = Known(document, fingerprint(document.door))
            self._note_ready()
            self._service.spawn(self._begin(door), f"door {door}")
            return
        known.document, known.fingerprint = document, fingerprint(document.door)
        if known.recalled:
            self._look(door, "document")

    async def run(self) -> None:
        """Waits for boundaries and looks at the clocks, until cancelled."""
        while True:
            self._wake.clear()
            if self._clocks.wall_moved():
                self._note_moved("wall")
                self._measure()
            if self._clocks.time_moved():
                self._note_moved("bus")
                await self._look_at_all()
            await self._look_at_due()
            try:
                async with asyncio.timeout(self._wait_s()):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _begin(self, door: str) -> None:
        """Looks at a door for the first time, once it is known what an earlier life has told of it."""
        known = self._doors[door]
        async with self._starting:
            kept = await self._recall(door)
        known.recalled = True
        if kept is not None:  # put also where nothing is new: a store that comes back empty gets it again
            known.told = kept.model_copy(update={"telling": ()})
            self._keeper.put(door, known.told, kept.telling)
        self._look(door, "document")
        self._note_ready()
        log.info("door is looked after", door=door, revision=known.document.revision)

    async def _recall(self, door: str) -> ScheduleState | None:
        """Reads the state of an earlier life, for as long as it takes: without it, everything would be told anew."""
        while True:
            try:
                data = await self._bus.state.recall(door)
            except (nats.errors.Error, TimeoutError, OSError) as error:
                log.warning("the kept state could not be read, trying on", door=door, why=repr(error))
                await asyncio.sleep(RECALL_AGAIN_S)
                continue
            try:
                return None if data is None else ScheduleState.model_validate_json(data)
            except ValidationError:
                log.exception("the kept state is unreadable and left behind", door=door)
                return None

    def _look(self, door: str, cause: Cause) -> None:
        known = self._doors[door]
        boundary = known.told.valid_until if known.told is not None and cause == "boundary" else None
        now = self._clocks.now()
        outcome = review(known.document.door, known.document.revision, known.told, now, known.fingerprint)
        if outcome.is_news:
            known.told = outcome.state
            self._keeper.put(door, outcome.state, outcome.changes)
        self._alarms.set(door, outcome.state.valid_until)
        self._wake.set()
        metrics.REVIEWS.labels(cause).inc()
        _count(known, outcome.state)
        if boundary is not None and boundary <= now:
            metrics.BOUNDARY_SECONDS.observe((now - boundary).total_seconds())

    async def _look_at_due(self) -> None:
        for number, door in enumerate(self._alarms.due(self._clocks.now())):
            self._look(door, "boundary")
            await _give_way(number)

    async def _look_at_all(self) -> None:
        for number, door in enumerate([door for door, known in self._doors.items() if known.recalled]):
            self._look(door, "clock")
            await _give_way(number)

    def _wait_s(self) -> float:
        """Returns how long nothing is due, a second at most."""
        boundary: datetime | None = self._alarms.next
        if boundary is None:
            return LOOK_EVERY_S
        return min(max((boundary - self._clocks.now()).total_seconds(), SHORTEST_WAIT_S), LOOK_EVERY_S)

    def _measure(self) -> None:
        """Measures bus time anew, as the bus is often on the host whose clock moved. The next look sees the result."""
        if self._measuring is None or self._measuring.done():
            self._measuring = self._service.spawn(self._measure_and_wake(), "measure")

    async def _measure_and_wake(self) -> None:
        if self._bus.connected:
            await self._bus.connection.measure()
        self._wake.set()

    def _note_moved(self, clock: Literal["wall", "bus"]) -> None:
        metrics.CLOCK_JUMPS.labels(clock).inc()
        log.warning("a clock has moved", clock=clock, now=self._clocks.now().isoformat())

    def _note_ready(self) -> None:
        metrics.DOORS.set(len(self._doors))
        self._service.health.set(READY, all(known.recalled for known in self._doors.values()))


def _count(known: Known, state: ScheduleState) -> None:
    counted = sum(state.schedules.values()), sum(state.templates.values())
    for kind, before, now in zip(("schedule", "template"), known.counted, counted, strict=True):
        metrics.ACTIVE.labels(kind).inc(now - before)
    known.counted = counted


async def _give_way(number: int) -> None:
    if number % IN_A_ROW == IN_A_ROW - 1:
        await asyncio.sleep(0)
