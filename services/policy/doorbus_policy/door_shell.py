"""One door's core on the bus: its mailbox, its effects, its memory.

Start: the kept state, an epoch, sip's snapshot, then the triggers of the last 5 s; what comes meanwhile waits. So a
press during a restart still rings, and one that the last life took does not ring twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

import nats.errors
import structlog

from doorbus.contract.base import TRIGGER_FRESH_S, Reply, new_id
from doorbus.contract.calls import SipSnapshot, TakeSipSnapshot
from doorbus.contract.errors import ErrorCode, LocalError
from doorbus.contract.lines import IoSnapshot, TakeIoSnapshot
from doorbus.contract.schedules import ScheduleState
from doorbus.contract.services import ServiceDegraded
from doorbus.runtime.documents import Document
from doorbus.runtime.driver import Driver
from doorbus.runtime.logs import name_call
from doorbus.runtime.reader import EventReader
from doorbus.runtime.service import Service
from doorbus_policy import keep, translate
from doorbus_policy.core import door as core
from doorbus_policy.core import effects as do
from doorbus_policy.core import events as ev
from doorbus_policy.core.memory import Kept, kept, restored
from doorbus_policy.core.state import DoorState
from doorbus_policy.sources import Directories, Sources

ORDER_ANSWERS_S = 1.0
"""sip and io accept within milliseconds; a visitor waits no longer."""
ASKED_ANSWERS_S = 2.5
"""Shorter than a wish lives. The core answers at once, or after io did; only a flooded door comes here."""
RECALL_TRIES = 3
EARLY_EVENTS = 1000
"""Remembered at most until the first document; older ones are stale by then."""

log = structlog.get_logger()


class DoorShell:
    """Runs one door's core.

    Args:
        door: its id.
        service: the process.
        secrets_dir: where unlock codes in files are.
        reader: what the triggers of the last seconds are fed into.
        directories: all that are published.
    """

    def __init__(
        self,
        door: str,
        service: Service,
        secrets_dir: Path | None,
        reader: EventReader,
        directories: Directories,
    ) -> None:
        self._door = door
        self._service = service
        self._bus = service.bus
        self._clock = service.bus.clock.monotonic
        self._reader = reader
        self._sources = Sources(door, service.bus, secrets_dir, directories)
        self._scheduled: ScheduleState | None = None
        self.has_document = False
        self._driver: Driver[DoorState, ev.Event, do.Effect] | None = None
        self._early: deque[tuple[float, ev.Event]] = deque(maxlen=EARLY_EVENTS)
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        self._memory = Kept()
        self._epoch = 0
        self._heard_epoch_of: set[str] = set()
        self._outranked = False

    async def run(self, document: Document, starting: asyncio.Semaphore) -> None:
        """Serves the door until cancelled, from `document` on; `starting` bounds how many doors start at once."""
        async with starting:
            driver = await self._start(document)
        self._service.spawn(self._bus.read_recent_triggers(self._reader, self._door), f"triggers {self._door}")
        log.info("door is served", door=self._door, epoch=self._epoch, revision=document.revision)
        self._service.freeze_soon()
        await driver.run()

    async def _start(self, document: Document) -> Driver[DoorState, ev.Event, do.Effect]:
        self._memory = await self._recall()
        self._epoch = await self._bus.state.keep(self._door, self._written(self._memory)) or 0
        driver: Driver[DoorState, ev.Event, do.Effect] = Driver(
            "policy",
            restored(self._door, self._memory),
            core.step,
            core.deadline,
            ev.Tick(),
            self._perform,
            self._keep,
            lambda effect: isinstance(effect, do.AnswerQuestion),  # sip waits, and its snapshot tells of the call
            self._clock,
        )
        first, _ = await asyncio.gather(self._snapshot(), self._ask_io_for_epoch())
        driver.put(self._sources.document(document))
        driver.put(self._sources.directories())
        if self._scheduled is not None:
            driver.put(self._sources.schedule(self._scheduled))
        driver.put(first)
        for came_at, event in self._early:
            if self._clock() - came_at < TRIGGER_FRESH_S:
                driver.put(event)
        self._early.clear()
        self._driver = driver
        return driver

    # --- what comes in -------------------------------------------------------------------------------------------

    def put(self, event: ev.Event) -> bool:
        """Lets the core hear an event; False when the door is flooded and it is lost."""
        if self._driver is None:
            self._early.append((self._clock(), event))
            return True
        return self._driver.put(event)

    def take_document(self, document: Document) -> None:
        """Takes a new document."""
        self.put(self._sources.document(document))
        self.put(self._sources.directories())

    def take_schedules(self, state: ScheduleState) -> None:
        """Takes what the scheduler says."""
        self._scheduled = state
        if self._driver is not None:
            self._driver.put(self._sources.schedule(state))

    def take_directory(self, name: str) -> None:
        """A directory was published anew."""
        if self._sources.names(name):
            self.put(self._sources.directories(name))

    def new_handle(self) -> str:
        """Returns a fresh handle for somebody who waits for an answer."""
        return new_id()

    async def ask(self, event: ev.Event) -> Reply:
        """Lets the core hear a wish or a question, and returns its answer.

        Raises:
            LocalError: the door is flooded, or did not answer.
        """
        handle: str = getattr(event, "handle")  # noqa: B009  # every wish and question has one
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[handle] = future
        try:
            if not self.put(event):
                raise LocalError(ErrorCode.RATE_LIMITED, "too much waits at this door")
            async with asyncio.timeout(ASKED_ANSWERS_S):
                return await future
        except TimeoutError:
            raise LocalError(ErrorCode.TIMEOUT, "the door did not answer in time") from None
        finally:
            del self._waiting[handle]

    # --- what is done --------------------------------------------------------------------------------------------

    def _perform(self, effect: do.Effect) -> None:
        match effect:
            case do.AnswerQuestion(handle, reply) | do.AnswerWish(handle, reply):
                future = self._waiting.get(handle)
                if future is not None and not future.done():
                    future.set_result(reply)
            case do.Tell(event):
                self._bus.tell(self._door, event)
            case do.TakeSnapshot():
                self._service.spawn(self._look(), f"snapshot {self._door}")
            case _:
                self._service.spawn(self._order(effect), f"order {self._door}")

    async def _order(self, effect: do.Order) -> None:
        order = translate.ordered(effect, {**self._bus.stamps(), "epoch": self._epoch})
        name_call(order)
        try:
            reply = await self._bus.order(self._door, order, Reply, ORDER_ANSWERS_S)
        except LocalError as error:
            reply = Reply(ok=False, code=error.code, message=error.message)
        if not reply.ok:
            log.warning(
                "an order was not accepted", door=self._door, verb=order.verb, code=reply.code, why=reply.message
            )
            if reply.code == ErrorCode.OLD_EPOCH:
                self._outranked_at(order.service)
        self.put(ev.CommandFinished(effect, reply.ok, reply.code))

    async def _look(self) -> None:
        self.put(await self._snapshot())

    async def _snapshot(self) -> ev.SnapshotTaken | ev.SnapshotFailed:
        asked_at = self._clock()
        take = TakeSipSnapshot(**self._bus.stamps(), epoch=self._epoch)
        try:
            snapshot = await self._bus.order(self._door, take, SipSnapshot, ORDER_ANSWERS_S)
        except LocalError as error:
            log.info("no snapshot of sip", door=self._door, code=error.code)
            return ev.SnapshotFailed()
        if not snapshot.ok:
            return ev.SnapshotFailed()
        self._learn_epoch("sip", snapshot.policy_epoch)
        return ev.SnapshotTaken(snapshot.calls, asked_at)

    # --- who speaks ----------------------------------------------------------------------------------------------

    async def _ask_io_for_epoch(self) -> None:
        take = TakeIoSnapshot(**self._bus.stamps(), epoch=self._epoch)
        try:
            snapshot = await self._bus.order(self._door, take, IoSnapshot, ORDER_ANSWERS_S)
        except LocalError:
            return
        if snapshot.ok:
            self._learn_epoch("io", snapshot.policy_epoch)

    def _learn_epoch(self, service: str, heard: int) -> None:
        """Outranks earlier lives also when the store came back empty, and its revisions are low again.

        Only what a service had heard before this life spoke counts: a higher one later is a newer life.
        """
        if service not in self._heard_epoch_of:
            self._heard_epoch_of.add(service)
            self._epoch = max(self._epoch, heard + 1 if heard >= self._epoch else self._epoch)

    def _outranked_at(self, service: str) -> None:
        if service not in self._heard_epoch_of:  # its epoch could not be asked for at the start
            self._service.spawn(self._look() if service == "sip" else self._ask_io_for_epoch(), f"epoch {self._door}")
        elif not self._outranked:
            self._outranked = True
            log.error("another policy process owns this door", door=self._door, epoch=self._epoch)
            why = "another policy process owns this door"
            self._bus.tell(self._door, ServiceDegraded(service="policy", part="policy", why=why))

    # --- memory --------------------------------------------------------------------------------------------------

    async def _keep(self, _before: DoorState, after: DoorState) -> None:
        memory = kept(after)
        if memory != self._memory:
            self._memory = memory
            await self._bus.state.keep(self._door, self._written(memory))

    async def _recall(self) -> Kept:
        for left in reversed(range(RECALL_TRIES)):
            try:
                data = await self._bus.state.recall(self._door)
            except (nats.errors.Error, TimeoutError, OSError) as error:
                log.warning("the kept state could not be read", door=self._door, why=repr(error), tries_left=left)
                continue
            if data is None:
                return Kept()
            memory = keep.from_json(data, self._offset_s())
            if memory is not None:
                return memory
            log.error("the kept state is unreadable and left behind", door=self._door)
            return Kept()
        return Kept()

    def _written(self, memory: Kept) -> bytes:
        return keep.to_json(memory, self._offset_s())

    def _offset_s(self) -> float:
        now = self._clock()
        bus_time = self._bus.clock.at(now) or datetime.now(UTC)
        return bus_time.timestamp() - now
