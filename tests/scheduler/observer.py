"""A real NATS server, a scheduler on it, and somebody who sees all that it tells and keeps."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from doorbus.contract.document import Door, to_json
from doorbus.contract.schedules import ScheduleState
from doorbus.contract.subjects import KV_CONFIG, KV_STATE, STREAM_EVENTS
from doorbus.runtime.connection import close_client, settle
from doorbus.runtime.service import Service
from doorbus_scheduler.app import NAME, compose
from doorbus_scheduler.settings import SchedulerSettings
from doorbus_testkit.polling import eventually

DOOR = "front"


@dataclass(frozen=True)
class Told:
    """An event of a schedule.

    Attributes:
        what: `activated` or `deactivated`.
        about: `schedule office`.
        at: the boundary that it tells.
        came: monotonic seconds of its arrival; 0 where it was read from the stream.
    """

    door: str
    what: str
    about: str
    at: datetime
    id: str
    came: float


class Observer:
    """Writes documents, and sees events and states.

    Attributes:
        told: events in the order of their arrival, repeats among them.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self.told: list[Told] = []

    async def start(self) -> None:
        """Begins to listen, and makes the stores, as nobody else here may."""
        await self._client.subscribe("door.*.event.schedule.*", cb=self._on_event)
        await settle(self._client)

    async def apply(self, *doors: Door) -> None:
        """Writes documents."""
        bucket = await self._client.jetstream().key_value(KV_CONFIG)
        for door in doors:
            await bucket.put(door.door, to_json(door))

    async def state(self, door: str = DOOR) -> ScheduleState | None:
        """Returns what is kept of a door."""
        try:
            bucket = await self._client.jetstream(timeout=1.0).key_value(KV_STATE)
            entry = await bucket.get(f"{door}.scheduler")
        except (nats.js.errors.Error, nats.errors.Error, TimeoutError):
            return None
        return ScheduleState.model_validate_json(entry.value or b"")

    async def kept(self, schedules: Mapping[str, bool], within_s: float = 15.0, *, told: bool = True) -> ScheduleState:
        """Waits until the kept state says so of the schedules, and (`told`) that its changes are told."""

        async def found() -> ScheduleState | None:
            state = await self.state()
            return (
                state if state is not None and state.schedules == schedules and not (told and state.telling) else None
            )

        return await eventually(found, within_s, what=f"the state says {schedules}")

    async def hears(self, what: str, about: str, count: int = 1, within_s: float = 15.0) -> Told:
        """Waits for the `count`th such event."""

        def found() -> list[Told]:
            return [told for told in self.told if (told.what, told.about) == (what, about)]

        await eventually(lambda: len(found()) >= count, within_s, every_s=0.005, what=f"{about} {what}, {count} times")
        return found()[count - 1]

    def words(self) -> list[str]:
        """Returns what was told, in short."""
        return [f"{told.what} {told.about}" for told in self.told]

    async def kept_events(self, count: int, within_s: float = 15.0) -> list[Told]:
        """Waits until the stream has kept so many events, and returns all that it has."""

        async def found() -> list[Told] | None:
            kept = await self.in_stream()
            return kept if len(kept) >= count else None

        return await eventually(found, within_s, what=f"the stream keeps {count} events")

    async def in_stream(self) -> list[Told]:
        """Returns what the stream has kept, each id once."""
        js = self._client.jetstream()
        kept: list[Told] = []
        subject = "door.*.event.schedule.*"
        subscription = await js.subscribe(subject, stream=STREAM_EVENTS, ordered_consumer=True)
        try:
            while True:
                kept.append(_read(await subscription.next_msg(timeout=1.0), 0.0))
        except TimeoutError:
            return kept
        finally:
            await subscription.unsubscribe()

    async def _on_event(self, message: Msg) -> None:
        self.told.append(_read(message, time.monotonic()))


class Life:
    """A life of the scheduler in this process, whose bus time a test may set."""

    def __init__(self, url: str) -> None:
        self.service = Service(NAME, "0.1.0", SchedulerSettings(nats_url=url))
        self.running = False
        self._clock = self.service.bus.clock
        self._shift = timedelta()
        self._take = self._clock.take
        self._clock.take = self._take_shifted  # type: ignore[method-assign]

    async def start(self, at: datetime | None = None) -> None:
        """Connects and serves all doors, from a bus time on."""
        self.running = True
        await self.service.bus.start()
        await self.service.bus.connection.wait_connected()
        await eventually(self._measured, what="bus time is known")
        if at is not None:
            self.set_clock(at)
        self._keeper = compose(self.service)

    def set_clock(self, at: datetime) -> None:
        """Sets bus time, as if the server's clock had been set and measured. It goes on from there."""
        now = self._clock.now()
        assert now is not None
        self._shift += at - now
        moment = self._clock.monotonic()
        self._take(moment, moment, at)

    async def stop(self) -> None:
        """Ends in order."""
        self.running = False
        await self._keeper.settle()
        await self.service.close()

    def _take_shifted(self, sent: float, received: float, server_time: datetime) -> None:
        self._take(sent, received, server_time + self._shift)

    async def _measured(self) -> bool:
        if not self._clock.known:
            await self.service.bus.connection.measure()
        return self._clock.known


async def end_client(client: Client) -> None:
    """Closes a client's connection."""
    await close_client(client)


def _read(message: Msg, came: float) -> Told:
    body: dict[str, Any] = json.loads(message.data)
    _, door, _, _, what = message.subject.split(".")
    headers = message.headers or {}
    at = datetime.fromisoformat(body["at"])
    return Told(door, what, f"{body['kind']} {body['id']}", at, headers["ce-id"], came)
