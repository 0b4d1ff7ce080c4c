"""What may be asked of policy for people and programs: whether they may, then the wish, then its answer.

Pages and API both come here, so a right is checked in one place.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from doorbus.contract import wishes
from doorbus.contract.base import COMMAND_LIFETIME_S, Reply, Wish
from doorbus.contract.document import Door
from doorbus.contract.errors import LocalError
from doorbus.contract.lines import UnlockMethod
from doorbus.contract.status import Status
from doorbus.contract.subjects import unlock_wish, wish
from doorbus.runtime.bus import Bus
from doorbus.runtime.requests import request
from doorbus_web.access.model import Principal
from doorbus_web.doors import Doors
from doorbus_web.idempotency import Answers
from doorbus_web.metrics import WISHES
from doorbus_web.problems import FieldProblem, ProblemError
from doorbus_web.refusals import refused

CLIENT = wishes.GATEWAY
ANSWER_S = COMMAND_LIFETIME_S

log = structlog.get_logger()


@dataclass(frozen=True)
class Asked:
    """How somebody asks.

    Attributes:
        who: asks.
        id: chosen by the client: a repeat of it gets the first answer and does nothing. None = never a repeat.
        expires_at: it must not be done after this; None = `COMMAND_LIFETIME_S` from now.
    """

    who: Principal
    id: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Accepted:
    """Policy has accepted it; events tell when it was done.

    Attributes:
        id: of the command on the bus.
        call: the call it made or found.
    """

    id: str
    call: str | None = None


class Wishes:
    """Sends wishes. Every method raises ProblemError where somebody may not, or policy will not.

    Args:
        bus: where policy is.
        doors: which doors there are.
    """

    def __init__(self, bus: Bus, doors: Doors) -> None:
        self._bus = bus
        self._doors = doors
        self._answers = Answers()

    async def unlock(self, door: str, asked: Asked, relay: str | None = None) -> Accepted:
        """Opens a door; `relay` may be left out where there is one."""
        self._may(asked, "unlock", door)
        document = self._document(door)
        which = _relay(document, relay)
        self._may(asked, f"unlock:{which}", door)
        fields = {"method": UnlockMethod.HTTP, "person": asked.who.by[:64]}
        return await self._send(door, asked, lambda stamps: wishes.WishUnlock(**stamps, **fields), which)

    async def call(self, door: str, asked: Asked, to: str, account: str | None = None) -> Accepted:
        """Has the door call somebody."""
        self._may(asked, "call", door)
        return await self._send(door, asked, lambda stamps: wishes.WishCall(**stamps, to=to, account=account))

    async def hang_up(self, door: str, asked: Asked, call: str | None = None) -> Accepted:
        """Ends the door's call, or the one named."""
        self._may(asked, "call", door)
        return await self._send(door, asked, lambda stamps: wishes.WishHangUp(**stamps, call=call))

    async def press(self, door: str, asked: Asked, input_id: str) -> Accepted:
        """Presses a button as a finger would."""
        self._may(asked, "press", door)
        return await self._send(door, asked, lambda stamps: wishes.WishPress(**stamps, input=input_id))

    async def dnd(self, door: str, asked: Asked, enabled: bool, account: str | None = None) -> Accepted:
        """Turns do-not-disturb on or off."""
        self._may(asked, "dnd", door)
        return await self._send(door, asked, lambda stamps: wishes.WishDnd(**stamps, enabled=enabled, account=account))

    async def status(self, door: str, who: Principal) -> Status:
        """Asks policy how the door is."""
        self._may(Asked(who), "read", door)
        self._document(door)
        subject = wish(door, wishes.WishStatus.verb, CLIENT)
        try:
            status = await request(
                self._bus.connection, subject, wishes.WishStatus(**self._bus.stamps()), Status, ANSWER_S
            )
        except LocalError as error:
            raise refused(error.code, error.message) from None
        if not status.ok:
            raise refused(status.code or "internal", status.message or "refused")
        return status

    def _document(self, door: str) -> Door:
        known = self._doors.get(door)
        if known is None:
            names = ", ".join(self._doors.names()) or "none"
            raise ProblemError(404, "unknown_door", f"door: there is no such door; there are: {names}")
        return known.door

    def _may(self, asked: Asked, scope: str, door: str) -> None:
        if not asked.who.may(scope, door):
            raise ProblemError(403, "forbidden", f"this needs {scope} at this door")

    async def _send(
        self, door: str, asked: Asked, make: Callable[[dict[str, Any]], Wish], relay: str | None = None
    ) -> Accepted:
        self._document(door)
        stamps = self._stamps(asked)
        message = make(stamps)
        key = None if asked.id is None else (asked.who.kind, asked.who.name, door, message.verb, relay, asked.id)
        if key is None:
            return await self._ask(door, message, relay)
        body = message.model_dump_json(exclude={"id", "issued_at", "expires_at"})
        return await self._answers.once(key, body, lambda: self._ask(door, message, relay))

    async def _ask(self, door: str, message: Wish, relay: str | None) -> Accepted:
        subject = wish(door, message.verb, CLIENT) if relay is None else unlock_wish(door, relay, CLIENT)
        code: str = "ok"
        try:
            reply = await request(self._bus.connection, subject, message, Reply, ANSWER_S)
            code = reply.code or code
        except LocalError as error:
            code = error.code
            raise refused(error.code, error.message) from None
        finally:
            WISHES.labels(message.verb, code).inc()
            log.info("wished", door=door, verb=message.verb, id=message.id, code=code)
        if not reply.ok:
            raise refused(reply.code or "internal", reply.message or "refused")
        return Accepted(message.id, reply.call)

    def _stamps(self, asked: Asked) -> dict[str, Any]:
        stamps = self._bus.stamps()
        if asked.expires_at is not None:
            if asked.expires_at <= stamps["issued_at"]:
                field = FieldProblem(path="expires_at", message="must lie in the future")
                raise ProblemError(409, "expired", "expires_at: it is over already, nothing was done", (field,))
            latest = stamps["issued_at"] + timedelta(seconds=COMMAND_LIFETIME_S)
            stamps["expires_at"] = min(asked.expires_at, latest)
        if asked.id is not None:
            stamps["id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{asked.who.kind}/{asked.who.name}/{asked.id}"))
        return stamps


def _relay(document: Door, relay: str | None) -> str:
    """Returns the relay meant. Raises ProblemError, with the ones that there are, where that cannot be told."""
    relays = [each.id for each in document.io.relays]
    if relay is None and len(relays) == 1:
        return relays[0]
    if relay is None or relay not in relays:
        known = ", ".join(relays) or "none"
        what = "must be named: this door has" if relay is None else "must be one of"
        message = f"{what} {known}"
        raise ProblemError(422, "unknown_relay", f"relay: {message}", (FieldProblem(path="relay", message=message),))
    return relay
