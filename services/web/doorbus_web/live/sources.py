"""Where the pictures come from: live events, documents, the kept states, a lease, the recent past, the bus itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import structlog
from nats.aio.msg import Msg
from pydantic import ValidationError

from doorbus.contract import subjects
from doorbus.contract.calls import SipSnapshot
from doorbus.contract.errors import LocalError
from doorbus.contract.leases import Lease
from doorbus.contract.lines import IoSnapshot
from doorbus.contract.schedules import ScheduleState
from doorbus.contract.status import Status
from doorbus.contract.wishes import GATEWAY, WishStatus
from doorbus.runtime.documents import Document
from doorbus.runtime.follow import Follower
from doorbus.runtime.kept import ALL, kept_events
from doorbus.runtime.requests import request
from doorbus.runtime.seen import read_message
from doorbus.runtime.service import Service
from doorbus_web.doors import Doors
from doorbus_web.live.hub import Hub
from doorbus_web.live.inputs import DocumentRead, Input, IoRead, PageIs, SchedulesRead, SipRead, StatusRead, Told

RECENT = timedelta(hours=12)
SAID_OF_SERVICES = timedelta(days=31)
STATUS_S = 1.0
LOOK_AT_ONCE = 10
"""Doors whose past is read at the same time: a thousand at once would run into the bus's time limits."""

log = structlog.get_logger()


async def follow(service: Service, doors: Doors, hub: Hub) -> None:
    """Starts to feed the hub, in the background."""
    await _Sources(service, doors, hub).start()


class _Sources:
    def __init__(self, service: Service, doors: Doors, hub: Hub) -> None:
        self._service = service
        self._bus = service.bus
        self._doors = doors
        self._hub = hub
        self._looked_back: set[str] = set()
        self._looking = asyncio.Semaphore(LOOK_AT_ONCE)

    async def start(self) -> None:
        connection = self._bus.connection
        self._doors.on_document(self._on_document)
        connection.on_lost(lambda: self._hub.bus_is(False))
        await connection.on_first_connect(self._subscribe)
        connection.on_every_connect(self._on_connect)
        self._bus.follow_documents(self._doors.take)
        await self._bus.keep_leases(self._on_lease, lambda door, _: self._hub.put(door, PageIs(None)), "page")
        states = Follower(connection, subjects.KV_STATE, ">", self._on_state)
        self._service.spawn(states.run(), "states")

    async def _subscribe(self) -> None:
        for door in self._service.settings.doors:
            await self._bus.connection.client.subscribe(subjects.events(door), cb=self._on_message)
        await self._bus.connection.settle()

    async def _on_connect(self) -> None:
        self._hub.bus_is(True)
        for door in self._doors.names():
            self._service.spawn(self._ask(door), f"status {door}")

    async def _on_message(self, message: Msg) -> None:
        seen = read_message(message.subject, message.headers, message.data)
        if seen is not None and self._service.settings.serves(seen.door):
            self._hub.put(seen.door, Told(seen))

    def _on_lease(self, door: str, lease: Lease) -> None:
        self._hub.put(door, PageIs(lease))

    def _on_document(self, door: str, document: Document) -> None:
        self._hub.put(door, DocumentRead(document.door, document.revision))
        if door not in self._looked_back:
            self._looked_back.add(door)
            self._service.spawn(self._look_back(door), f"recent events {door}")
            self._service.spawn(self._ask(door), f"status {door}")

    def _on_state(self, key: str, value: bytes, _revision: int) -> None:
        door, _, service = key.partition(".")
        if not self._service.settings.serves(door):
            return
        try:
            event = _read(service, value, self._bus.clock.now() or datetime.now(UTC))
        except ValidationError as error:
            log.warning("a state cannot be read", key=key, errors=error.error_count())
            return
        if event is not None:
            self._hub.put(door, event)

    async def _look_back(self, door: str) -> None:
        """Reads what services said of themselves, and the events of the last hours."""
        try:
            async with self._looking:
                for tails, back in ((("service.*",), SAID_OF_SERVICES), (ALL, RECENT)):
                    async for seen in kept_events(self._bus.connection, door, tails, back=back):
                        self._hub.put(door, Told(seen, old=True))
        except LocalError as error:
            self._looked_back.discard(door)
            log.warning("recent events could not be read", door=door, why=error.message)

    async def _ask(self, door: str) -> None:
        """Asks policy how the door is, for what stands in no kept state."""
        wish, subject = WishStatus(**self._bus.stamps()), subjects.wish(door, WishStatus.verb, GATEWAY)
        try:
            status = await request(self._bus.connection, subject, wish, Status, STATUS_S)
        except LocalError as error:
            log.debug("policy does not say how the door is", door=door, code=error.code)
            return
        if status.ok:
            self._hub.put(door, StatusRead(status))


def _read(service: str, value: bytes, at: datetime) -> Input | None:
    match service:
        case "sip":
            return SipRead(SipSnapshot.model_validate_json(value), at)
        case "io":
            return IoRead(IoSnapshot.model_validate_json(value), at)
        case "scheduler":
            return SchedulesRead(ScheduleState.model_validate_json(value))
        case _:
            return None
