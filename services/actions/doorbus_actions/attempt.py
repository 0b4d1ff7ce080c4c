"""One delivery of one action's consumer, from its arrival to its acknowledgement: the shell around `delivery`.

- While a message is being sent, the consumer is told so; should its delivery be made again all the same (the bus was
  gone), the new one is left to the try that is under way.
- What was done is told before it is acknowledged, and acknowledged when the stream has kept it. A process that dies in
  between sends again, with the same id, and tells it again, with the same id.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import nats.errors
import structlog
from nats.aio.msg import Msg
from pydantic import ValidationError

from doorbus.contract.actions import ActionDelayed, ActionDone, ActionEvent, ActionFailed, DeadLetter
from doorbus.contract.base import Event
from doorbus.contract.catalog import EVENT_OF_TYPE
from doorbus.contract.envelope import Envelope, parse_headers
from doorbus.contract.errors import LocalError
from doorbus.runtime import logs
from doorbus.runtime.bus import Bus
from doorbus.runtime.dead_letters import DeadLetters
from doorbus_actions import metrics
from doorbus_actions.asked import Asked, asked
from doorbus_actions.consumer import ACK_WAIT_S
from doorbus_actions.delivery import Came, Drop, Finish, GiveUp, Later, Pace, Send, arrived, ended
from doorbus_actions.senders import MessageAction, try_once
from doorbus_actions.tools import Tools

REMEMBERED = 10_000
"""Messages that were taken or are late, of one action: more than an hour of presses."""

KEPT_WITHIN_S = 5.0
"""For the stream to keep what is told; within `ACK_WAIT_S`, so that a delivery is not made again meanwhile."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Job:
    """What an action is now: None where the document has it no more."""

    action: MessageAction | None
    zone: ZoneInfo


class Memory:
    """The last ids that were put in."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def add(self, message: str) -> None:
        """Takes an id."""
        self._ids[message] = None
        if len(self._ids) > REMEMBERED:
            self._ids.popitem(last=False)

    def __contains__(self, message: str) -> bool:
        return message in self._ids


class Attempts:
    """Carries out the deliveries of one action.

    Args:
        door: whose.
        action: its id.
        bus: where what becomes of a message is told.
        dead_letters: where one that is given up is kept.
        tools: for the clients.
        pace: of tries.
    """

    def __init__(self, door: str, action: str, bus: Bus, dead_letters: DeadLetters, tools: Tools, pace: Pace) -> None:
        self._door = door
        self._action = action
        self._bus = bus
        self._dead_letters = dead_letters
        self._tools = tools
        self._pace = pace
        self._kind = "gone"
        self._taken, self._late = Memory(), Memory()
        self._under_way: set[str] = set()

    async def take(self, delivery: Msg, job: Job) -> None:
        """Carries a delivery out. Never raises but when cancelled; what is left undone is delivered again."""
        with contextlib.suppress(nats.errors.Error, LocalError, TimeoutError, OSError):
            read = _read(delivery)
            if read is None:
                await delivery.term()
                return
            event, envelope = read
            wish = asked(self._door, self._action, event, envelope, delivery.metadata.timestamp)
            if wish is None:
                await delivery.ack()
            elif wish.note.id not in self._under_way:
                self._under_way.add(wish.note.id)
                try:
                    with logs.about(event):
                        await self._deliver(delivery, wish, job)
                finally:
                    self._under_way.discard(wish.note.id)

    async def _deliver(self, delivery: Msg, wish: Asked, job: Job) -> None:
        self._kind = job.action.type if job.action is not None else self._kind
        tries = delivery.metadata.num_delivered
        came = Came(
            served=job.action is not None,
            taken=wish.note.id in self._taken,
            tries=tries,
            age_s=self._age_s(wish.since),
            told_delayed=wish.note.id in self._late,
        )
        what: object = arrived(came)
        if isinstance(what, Send) and job.action is not None:
            what = await self._send(delivery, wish, job.action, job.zone, came)
        match what:
            case Drop():
                await delivery.ack()
            case Finish():
                await self._finish(delivery, wish, tries)
            case Later(pause_s, tell):
                if tell:
                    self._late.add(wish.note.id)
                await delivery.nak(pause_s)
            case GiveUp(why):
                await self._give_up(delivery, wish, tries, why)

    async def _send(
        self, delivery: Msg, wish: Asked, action: MessageAction, zone: ZoneInfo, came: Came
    ) -> Finish | Later | GiveUp:
        async with _in_progress(delivery):
            with metrics.UNDER_WAY.labels(action.type).track_inprogress():
                end = await try_once(action, wish.note, zone, self._tools)
        metrics.TRIES.labels(action.type, end.result).inc()
        what = ended(came, end, self._pace)
        log.info(
            "tried", door=self._door, action=self._action, message=wish.note.id, result=end.result, why=end.why,
            tries=came.tries,
        )  # fmt: skip
        if isinstance(what, Later) and what.tell:
            self._tell(wish, ActionDelayed(**self._fields(wish, came.tries), why=end.why[:500]))
        return what

    async def _finish(self, delivery: Msg, wish: Asked, tries: int) -> None:
        self._taken.add(wish.note.id)
        after_s = self._age_s(wish.note.pressed_at)
        self._tell(wish, ActionDone(**self._fields(wish, tries), after_s=round(after_s, 3)))
        if tries > 1 or wish.again:
            await self._dead_letters.drop(self._door, wish.note.id)
        if await self._bus.all_told(KEPT_WITHIN_S):
            await delivery.ack()
            metrics.DELIVERED_SECONDS.labels(self._kind).observe(after_s)

    async def _give_up(self, delivery: Msg, wish: Asked, tries: int, why: str) -> None:
        note = wish.note
        letter = DeadLetter(
            action=note.action,
            message=note.id,
            press=note.press,
            input=note.input,
            call=note.call,
            does=note.does,
            pressed_at=note.pressed_at,
            failed_at=self._bus.clock.now() or datetime.now(UTC),
            tries=tries,
            why=why[:500],
        )
        await self._dead_letters.put(self._door, letter)
        self._tell(wish, ActionFailed(**self._fields(wish, tries), why=why[:500]))
        if await self._bus.all_told(KEPT_WITHIN_S):
            await delivery.term()
            metrics.GIVEN_UP.labels(self._kind).inc()

    def _fields(self, wish: Asked, tries: int) -> dict[str, object]:
        note = wish.note
        return {
            "action": note.action,
            "message": note.id,
            "press": note.press,
            "input": note.input,
            "call": note.call,
            "tries": tries,
        }

    def _tell(self, wish: Asked, event: ActionEvent) -> None:
        self._bus.tell(self._door, event, event_id=wish.event_id(event.what))

    def _age_s(self, since: datetime) -> float:
        now = self._bus.clock.now() or datetime.now(UTC)
        return max((now - since).total_seconds(), 0.0)


def _read(delivery: Msg) -> tuple[Event, Envelope] | None:
    """Returns what was delivered; None, with a line in the log, for what cannot be read."""
    try:
        envelope = parse_headers(delivery.headers)
        return EVENT_OF_TYPE[envelope.type].model_validate_json(delivery.data), envelope
    except (ValueError, KeyError, ValidationError) as error:
        log.warning("an event cannot be read", subject=delivery.subject, error=type(error).__name__)
        return None


@asynccontextmanager
async def _in_progress(delivery: Msg) -> AsyncIterator[None]:
    """Tells the consumer during the body that the message is being worked on."""

    async def tell() -> None:
        while True:
            await asyncio.sleep(ACK_WAIT_S / 3)
            with contextlib.suppress(nats.errors.Error, OSError):
                await delivery.in_progress()

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()
