"""The outbox: events on their way to the bus.

An event is sent at once to live readers, and counts as kept when the stream acknowledged it. Until then it is sent
again with the same id, and the stream and the readers drop the repeat. While the bus is gone events wait, bounded, and
a moment longer when it is back: who reconnects first would tell live readers that are not there yet.
Nobody who tells an event ever waits for it.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import nats.errors
import structlog
from nats.aio.msg import Msg

from doorbus.contract.base import TRIGGER_FRESH_S
from doorbus.contract.envelope import Envelope
from doorbus.runtime import metrics
from doorbus.runtime.connection import Connection
from doorbus.runtime.logs import CALL

CAPACITY = 10_000
"""Events that wait at most: about 5 MB, and hours of a normal door's day."""

ACK_WAIT_S = 1.0
RETRY_MOST_S = 10.0
ATTEMPTS = 12
"""After so many transmissions (about 90 s, within the stream's duplicate window) an event is given up as not kept."""

READERS_RETURN_S = 0.5
"""After a reconnect; the others try each 0.25 s."""

log = structlog.get_logger()


@dataclass
class Outgoing:
    """An event with its way through the outbox."""

    subject: str
    envelope: Envelope
    body: bytes
    happened: float
    trigger: bool
    call: str | None = None
    attempts: int = 0
    due: float = 0.0

    @property
    def named(self) -> dict[str, str]:
        """What a log line says of the call that the event is about."""
        return {} if self.call is None else {CALL: self.call}


class Outbox:
    """Sends events and sees that the stream keeps them.

    Args:
        connection: where to.
        on_store: called with False and why when the stream stops keeping events, with True when it does again.
    """

    def __init__(self, connection: Connection, on_store: Callable[[bool, str], None]) -> None:
        self._connection = connection
        self._on_store = on_store
        self._waiting: deque[Outgoing] = deque()
        self._unacknowledged: dict[str, Outgoing] = {}
        self._wake = asyncio.Event()
        self._prefix = ""
        self._token = 0
        self._store_ok = True
        self._hold_until = 0.0
        self._connected_before = False

    def put(self, item: Outgoing) -> None:
        """Takes an event; the oldest waiting one is given up when there are too many."""
        while len(self._waiting) + len(self._unacknowledged) >= CAPACITY and self._waiting:
            self._give_up(self._waiting.popleft(), "overflow")
        self._waiting.append(item)
        self._wake.set()

    @property
    def empty(self) -> bool:
        """Whether everything is kept (or given up)."""
        return not self._waiting and not self._unacknowledged

    async def subscribe(self) -> None:
        """Subscribes for the acknowledgements; once, after the first connection."""
        self._prefix = self._connection.client.new_inbox()
        await self._connection.client.subscribe(f"{self._prefix}.*", cb=self._on_ack)

    async def resend(self) -> None:
        """Sends all that was not acknowledged again, first and in order: after a reconnect."""
        again = sorted(self._unacknowledged.values(), key=lambda item: item.envelope.sequence)
        self._unacknowledged.clear()
        self._waiting.extendleft(reversed(again))
        now = self._connection.clock.monotonic()
        first, self._connected_before = not self._connected_before, True
        waited_s = now - self._waiting[0].happened if self._waiting else 0.0
        if not first or waited_s > READERS_RETURN_S:  # at a start with the bus there, nobody has been away
            self._hold_until = now + READERS_RETURN_S
        self._wake.set()

    async def run(self) -> None:
        """Sends until cancelled."""
        clock = self._connection.clock.monotonic
        while True:
            self._wake.clear()
            held = clock() < self._hold_until
            if self._connection.connected and self._prefix and not held:
                while self._waiting:
                    item = self._waiting.popleft()
                    if not await self._send(item):
                        self._waiting.appendleft(item)
                        break
                self._requeue_overdue(clock())
            metrics.OUTBOX_WAITING.set(len(self._waiting) + len(self._unacknowledged))
            try:
                async with asyncio.timeout(0.25 if self._unacknowledged or self._waiting else None):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def flush(self, within_s: float) -> bool:
        """Waits until everything is kept; False when that took longer than `within_s`."""
        try:
            async with asyncio.timeout(within_s):
                while not self.empty:  # noqa: ASYNC110  # two collections to watch, once in a life
                    await asyncio.sleep(0.01)  # two collections to watch, once in a life
        except TimeoutError:
            return False
        return True

    async def _send(self, item: Outgoing) -> bool:
        clock = self._connection.clock
        now = clock.monotonic()
        if item.attempts == 0:
            if item.trigger and now - item.happened > TRIGGER_FRESH_S:
                log.info("a trigger waited too long for the bus", subject=item.subject, **item.named)
            bus_time = clock.at(item.happened)
            kind: Literal["bus", "local"] = "local" if bus_time is None else "bus"
            item.envelope = replace(
                item.envelope,
                time=bus_time or clock.wall_at(item.happened),
                clock=kind,
                age_ms=max(0, round((now - item.happened) * 1000)),
            )
        self._token += 1
        token = str(self._token)
        try:
            await self._connection.client.publish(
                item.subject, item.body, reply=f"{self._prefix}.{token}", headers=item.envelope.to_headers()
            )
        except nats.errors.MaxPayloadError:
            self._give_up(item, "too_large")
            return True
        except (nats.errors.Error, OSError):
            return False
        item.attempts += 1
        item.due = now + min(ACK_WAIT_S * 2 ** (item.attempts - 1), RETRY_MOST_S)
        self._unacknowledged[token] = item
        return True

    async def _on_ack(self, message: Msg) -> None:
        item = self._unacknowledged.get(message.subject.rsplit(".", 1)[-1])
        try:
            answer = json.loads(message.data) if message.data else {"error": {"description": "no stream"}}
        except ValueError:
            answer = {"error": {"description": "unreadable acknowledgement"}}
        error = answer.get("error")
        if error is None and "stream" in answer:
            self._unacknowledged.pop(message.subject.rsplit(".", 1)[-1], None)
            self._note_store(True, "")
            if self.empty:
                metrics.OUTBOX_WAITING.set(0)
        elif item is not None:  # stays unacknowledged: it is due again later
            self._note_store(False, str((error or {}).get("description", "not kept")))

    def _requeue_overdue(self, now: float) -> None:
        for token, item in list(self._unacknowledged.items()):
            if item.due > now:
                continue
            del self._unacknowledged[token]
            if item.attempts >= ATTEMPTS:
                self._give_up(item, "no_acknowledgement")
            else:
                self._waiting.append(item)
        if self._waiting:
            self._wake.set()

    def _note_store(self, ok: bool, why: str) -> None:
        if ok != self._store_ok:
            self._store_ok = ok
            self._on_store(ok, why)

    def _give_up(self, item: Outgoing, why: str) -> None:
        metrics.EVENTS_NOT_KEPT.labels(why).inc()
        log.warning("an event is not kept", subject=item.subject, id=item.envelope.id, why=why, **item.named)
