"""Reading events: live ones from core NATS, in the order of one subscription; recent triggers from the stream.

An id that was seen is dropped, a stale trigger too. A gap in a source's numbers is told, so that the reader takes the
owner's snapshot.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

import structlog
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from pydantic import ValidationError

from doorbus.contract import subjects
from doorbus.contract.base import MESSAGE_LIMIT_BYTES, TRIGGER_FRESH_S, Event
from doorbus.contract.catalog import EVENT_OF_TYPE, event_subject_tail
from doorbus.contract.envelope import Envelope, parse_headers
from doorbus.runtime import logs, metrics
from doorbus.runtime.clock import BusClock
from doorbus.runtime.connection import Connection

SEEN_IDS = 20_000
"""Ids remembered: far more than can be repeated within the outbox's 90 s on a busy bus."""

log = structlog.get_logger()

OnEvent = Callable[[str, Event, Envelope], None]
OnGap = Callable[[str, str], None]
OnBad = Callable[[str, str, str], None]


class EventReader:
    """Turns messages of the bus into events.

    Args:
        clock: judges freshness.
        on_event: called with the door, the event and its envelope.
        on_gap: called with the door and the service whose numbers have a gap, before the event after it.
        on_bad: called with the door, the subject and why for what cannot be read.
        serves: which doors are meant; others are passed over.
        own_service: events of this source are our own and passed over.
    """

    def __init__(
        self,
        clock: BusClock,
        on_event: OnEvent,
        on_gap: OnGap,
        on_bad: OnBad,
        serves: Callable[[str], bool],
        own_service: str,
    ) -> None:
        self._clock = clock
        self._on_event = on_event
        self._on_gap = on_gap
        self._on_bad = on_bad
        self._serves = serves
        self._own = own_service
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._numbers: dict[tuple[str, str], tuple[int, int]] = {}

    async def on_message(self, message: Msg) -> None:
        """Takes one message of a subscription."""
        self.read(message.subject, message.headers or {}, message.data)

    def read(self, subject: str, headers: dict[str, str], data: bytes) -> None:
        """Takes one message."""
        door = subjects.door_of(subject)
        if door is None or not self._serves(door):
            return
        if len(data) > MESSAGE_LIMIT_BYTES:
            self._bad(door, subject, f"larger than {MESSAGE_LIMIT_BYTES} bytes")
            return
        try:
            envelope = parse_headers(headers)
        except ValueError as error:
            self._bad(door, subject, str(error))
            return
        if envelope.service == self._own:
            return
        kind = EVENT_OF_TYPE.get(envelope.type)
        if kind is None or not subject.endswith("." + event_subject_tail(kind)):
            self._bad(door, subject, f"type {envelope.type[:80]!r} does not belong on this subject")
            return
        if envelope.id in self._seen:
            metrics.EVENTS_READ.labels("repeated").inc()
            return
        self._remember(envelope.id)
        if kind.trigger and self._stale(envelope):
            metrics.EVENTS_READ.labels("stale").inc()
            with logs.about(_read(kind, data)):
                log.info("a stale trigger was dropped", subject=subject, id=envelope.id)
            return
        try:
            event = kind.model_validate_json(data)
        except ValidationError as error:
            self._bad(door, subject, describe(error))
            return
        self._count(door, envelope)
        metrics.EVENTS_READ.labels("taken").inc()
        self._on_event(door, event, envelope)

    def _count(self, door: str, envelope: Envelope) -> None:
        key = (door, envelope.service)
        epoch, number = self._numbers.get(key, (None, 0))
        if epoch != envelope.epoch:
            missed = epoch is not None or envelope.sequence > 1
        else:
            missed = envelope.sequence > number + 1
        if epoch != envelope.epoch or envelope.sequence > number:
            self._numbers[key] = (envelope.epoch, envelope.sequence)
        if missed:
            self._on_gap(door, envelope.service)

    def _stale(self, envelope: Envelope) -> bool:
        now = self._clock.now()
        if envelope.clock == "bus" and now is not None:
            return now - envelope.time > timedelta(seconds=TRIGGER_FRESH_S)
        return envelope.age_ms > TRIGGER_FRESH_S * 1000

    def _remember(self, event_id: str) -> None:
        self._seen[event_id] = None
        if len(self._seen) > SEEN_IDS:
            self._seen.popitem(last=False)

    def _bad(self, door: str, subject: str, why: str) -> None:
        metrics.EVENTS_READ.labels("rejected").inc()
        self._on_bad(door, subject, why)


def _read(kind: type[Event], data: bytes) -> Event | None:
    """Returns the event, None when it cannot be read."""
    try:
        return kind.model_validate_json(data)
    except ValidationError:
        return None


async def read_recent_triggers(connection: Connection, reader: EventReader, door: str) -> None:
    """Feeds the triggers of the last `TRIGGER_FRESH_S` from the stream into `reader`: what a restart has missed.

    Raises:
        nats.errors.Error: the stream could not be read.
    """
    now = connection.clock.now()
    if now is None:
        return
    js = connection.client.jetstream(timeout=1.0)
    tails = [event_subject_tail(kind) for kind in EVENT_OF_TYPE.values() if kind.trigger]
    subscription = await js.subscribe(
        "",
        stream=subjects.STREAM_EVENTS,
        config=ConsumerConfig(
            filter_subjects=[f"door.{door}.event.{tail}" for tail in tails],
            deliver_policy=DeliverPolicy.BY_START_TIME,
            opt_start_time=now - timedelta(seconds=TRIGGER_FRESH_S),
            ack_policy=AckPolicy.NONE,
            inactive_threshold=10.0,
            mem_storage=True,
        ),
    )
    try:
        pending = (await subscription.consumer_info()).num_pending or 0
        delivered = (await subscription.consumer_info()).delivered
        waiting = pending + (delivered.consumer_seq if delivered else 0)
        for _ in range(waiting):
            await reader.on_message(await subscription.next_msg(timeout=1.0))
    except TimeoutError:
        log.warning("the recent triggers could not all be read", door=door)
    finally:
        await subscription.unsubscribe()


def describe(error: ValidationError) -> str:
    """Says in one line what is wrong with a message, field by field, without repeating its values."""
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc']) or 'body'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False, include_context=False)[:5]
    )
