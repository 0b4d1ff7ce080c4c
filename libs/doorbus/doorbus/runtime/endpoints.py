"""Receiving commands and questions: every check of DESIGN.md once, for all services.

A command is done at most once: its answer is remembered by id until it has expired, so a repeat gets the same answer.
It is refused when it cannot be read, comes too late or too early, comes from an earlier life of policy, or wants its
answer sent where answers do not go. An endpoint only starts the handler, so a slow door holds up no other; what a
handler does before its first `await` happens in the order of arrival.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from nats.micro.request import Request
from pydantic import ValidationError

from doorbus.contract import subjects
from doorbus.contract.base import COMMAND_LIFETIME_S, MESSAGE_LIMIT_BYTES, Command, Order, Question, Reply
from doorbus.contract.errors import DoorbusError, ErrorCode
from doorbus.contract.identity import call_of
from doorbus.runtime import logs, metrics
from doorbus.runtime.clock import BusClock
from doorbus.runtime.reader import describe

ANSWERS_REMEMBERED = 10_000
CLOCK_TOLERANCE_S = 0.25
"""What bus time may be off beyond what is known of its error."""

log = structlog.get_logger()
R = TypeVar("R", bound=Reply)


@dataclass(frozen=True)
class Received:
    """A command or question as a handler gets it.

    Attributes:
        door: from the subject.
        message: the model, checked.
        client: who, from the subject of a client's command; else empty.
        relay: from the subject of an unlock.
    """

    door: str
    message: Command | Question
    client: str = ""
    relay: str | None = None


Handler = Callable[[Received], Awaitable[Reply]]
OnRejected = Callable[[str, str, str, str, str], None]


class Gate:
    """Decides whether a command may be done, and sees that it is done once.

    Args:
        clock: bus time.
        serves: which doors this process serves.
        inbox: prefix that reply subjects must have.
        on_rejected: told with door, subject, code, why and client.
    """

    def __init__(self, clock: BusClock, serves: Callable[[str], bool], inbox: str, on_rejected: OnRejected) -> None:
        self._clock = clock
        self._serves = serves
        self._inbox = inbox
        self._on_rejected = on_rejected
        self._answers: OrderedDict[tuple[str, str], tuple[float, asyncio.Future[Reply]]] = OrderedDict()
        self._epochs: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def policy_epoch(self, door: str) -> int:
        """Returns the highest epoch of policy heard for a door."""
        return self._epochs.get(door, 0)

    def endpoint(
        self, kinds: Mapping[str, type[Command | Question]], handler: Handler
    ) -> Callable[[Request], Awaitable[None]]:
        """Returns the handler of a micro endpoint for the verbs in `kinds`."""

        async def on_request(request: Request) -> None:
            task = asyncio.create_task(self._serve(request, kinds, handler))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return on_request

    async def _serve(self, request: Request, kinds: Mapping[str, type[Command | Question]], handler: Handler) -> None:
        started = self._clock.monotonic()
        reply_to: str = request._msg.reply  # nats.micro has no public name for it
        subject = request.subject
        door = subjects.door_of(subject) or ""
        verb, client, relay = _take_apart(subject)
        label = verb if verb in kinds else "unknown"
        message: Command | Question | None = None
        if not door or not self._serves(door):
            return  # another process's door, or nobody's: silence is what an absent door sounds like
        if not reply_to.startswith(self._inbox):
            self._reject(door, subject, ErrorCode.BAD_REPLY_SUBJECT, f"replies go below {self._inbox} only", client)
            metrics.COMMANDS.labels(label, ErrorCode.BAD_REPLY_SUBJECT).inc()
            return
        try:
            message = self._read(verb, request.data, kinds)
            logs.name_call(message)
            reply = await self._answer(subject, message, handler, Received(door, message, client, relay))
        except DoorbusError as error:
            self._reject(door, subject, error.code, error.message, client)
            reply = Reply(ok=False, code=error.code, message=error.message)
        except Exception:
            log.exception("a command failed", subject=subject)
            reply = Reply(ok=False, code=ErrorCode.INTERNAL, message="an error of ours; the log has it")
        call = call_of(message) or reply.call
        metrics.COMMANDS.labels(label, reply.code or "ok").inc(1, metrics.exemplar(call))
        metrics.COMMAND_SECONDS.labels(label).observe(self._clock.monotonic() - started, metrics.exemplar(call))
        try:
            if reply.ok:
                await request.respond(reply.to_bytes())
            else:
                await request.respond_error(str(reply.code), (reply.message or "")[:200], data=reply.to_bytes())
        except Exception as error:  # noqa: BLE001  # the asker is gone, or the bus is: it will time out
            log.debug("an answer could not be sent", subject=subject, why=repr(error))
        if call is not None and message is not None:
            log.info("answered", door=door, verb=verb, id=message.id, code=reply.code or "ok", call=call)

    async def _answer(self, subject: str, message: Command | Question, handler: Handler, received: Received) -> Reply:
        door, key = received.door, (subject, message.id)
        self._forget_old()
        remembered = self._answers.get(key)
        if remembered is not None:
            return await asyncio.shield(remembered[1])
        self._check_time(message)
        if isinstance(message, Order) and not message.reads_only:
            if message.epoch < self._epochs.get(door, 0):
                raise DoorbusError(ErrorCode.OLD_EPOCH, f"epoch {message.epoch} is over: {self._epochs[door]} speaks")
            self._epochs[door] = message.epoch
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._answers[key] = (self._clock.monotonic() + COMMAND_LIFETIME_S + 1.0, future)
        try:
            reply = await handler(received)
        except DoorbusError as error:
            reply = Reply(ok=False, code=error.code, message=error.message)
        except BaseException:
            future.set_result(Reply(ok=False, code=ErrorCode.INTERNAL, message="an error of ours; the log has it"))
            raise
        future.set_result(reply)
        return reply

    def _read(self, verb: str, data: bytes, kinds: Mapping[str, type[Command | Question]]) -> Command | Question:
        if len(data) > MESSAGE_LIMIT_BYTES:
            raise DoorbusError(ErrorCode.TOO_LARGE, f"at most {MESSAGE_LIMIT_BYTES} bytes")
        kind = kinds.get(verb)
        if kind is None:
            raise DoorbusError(ErrorCode.UNKNOWN_COMMAND, f"{verb[:64]!r} is not one of {', '.join(sorted(kinds))}")
        try:
            return kind.model_validate_json(data)
        except ValidationError as error:
            raise DoorbusError(ErrorCode.MALFORMED, describe(error)) from None

    def _check_time(self, message: Command | Question) -> None:
        now = self._clock.now()
        if now is None:
            if isinstance(message, Command) and message.moves_relay:
                raise DoorbusError(ErrorCode.CLOCK_UNKNOWN, "the time on the bus is not known here yet: try again")
            return
        tolerance = timedelta(seconds=CLOCK_TOLERANCE_S)
        lifetime = timedelta(seconds=COMMAND_LIFETIME_S)
        if message.expires_at <= now:
            raise DoorbusError(ErrorCode.EXPIRED, f"expires_at is {_seconds(now - message.expires_at)} s ago")
        if message.expires_at > now + lifetime + tolerance + timedelta(seconds=self._clock.error_s):
            raise DoorbusError(
                ErrorCode.EXPIRES_TOO_LATE,
                f"expires_at is {_seconds(message.expires_at - now)} s ahead of the bus, at most {lifetime.seconds}",
            )
        if isinstance(message, Command):
            started: datetime | None = self._clock.at(self._clock.started)
            issued = message.issued_at or message.expires_at - lifetime
            if started is not None and issued + tolerance < started:
                raise DoorbusError(ErrorCode.ISSUED_BEFORE_START, "issued before this process started: send it anew")

    def _forget_old(self) -> None:
        now = self._clock.monotonic()
        while self._answers:
            key, (until, _) = next(iter(self._answers.items()))
            if until > now and len(self._answers) <= ANSWERS_REMEMBERED:
                return
            del self._answers[key]

    def _reject(self, door: str, subject: str, code: ErrorCode, why: str, client: str) -> None:
        log.info("a message was refused", subject=subject, code=str(code), why=why, client=client)
        self._on_rejected(door, subject, str(code), why, client)


def _take_apart(subject: str) -> tuple[str, str, str | None]:
    """Returns verb, client and relay of a command's or question's subject."""
    command = subjects.parse_client_subject(subject)
    if command is not None:
        return command.verb, command.client, command.relay
    return subject.rsplit(".", 1)[-1], "", None


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.1f}"
