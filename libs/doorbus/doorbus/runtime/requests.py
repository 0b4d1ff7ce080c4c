"""Asking on the bus: one request, one typed reply, and errors that say whether anything was sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import nats.errors
from pydantic import ValidationError

from doorbus.contract.base import COMMAND_LIFETIME_S, Command, Question, Reply, new_id
from doorbus.contract.errors import ErrorCode, LocalError
from doorbus.runtime.clock import BusClock
from doorbus.runtime.connection import Connection

R = TypeVar("R", bound=Reply)


def stamps(clock: BusClock, lifetime_s: float = COMMAND_LIFETIME_S) -> dict[str, Any]:
    """Returns `id`, `issued_at` and `expires_at` for a new command.

    While bus time is unknown the wall clock stands in: receivers that know better refuse what moves a relay. What bus
    time may be off is taken from the lifetime, down to half of it: nothing lives longer than it may.
    """
    now = clock.now() or datetime.now(UTC)
    lifetime = timedelta(seconds=max(lifetime_s - clock.error_s, lifetime_s / 2))
    return {"id": new_id(), "issued_at": now, "expires_at": now + lifetime}


async def request(
    connection: Connection, subject: str, message: Command | Question, reply: type[R], timeout_s: float
) -> R:
    """Sends `message` and returns its reply, accepted or refused.

    Raises:
        LocalError: not connected or nobody there (nothing was done), no answer in time (it may have been done or not),
            or an answer that cannot be read.
    """
    if not connection.connected:
        raise LocalError(ErrorCode.NOT_CONNECTED, "the bus is gone")
    try:
        answer = await connection.client.request(subject, message.to_bytes(), timeout=timeout_s)
    except nats.errors.NoRespondersError:
        raise LocalError(ErrorCode.NOT_READY, f"nobody serves {subject}") from None
    except TimeoutError:
        raise LocalError(ErrorCode.TIMEOUT, f"no answer on {subject} within {timeout_s:g} s") from None
    except (nats.errors.Error, OSError) as error:
        raise LocalError(ErrorCode.NOT_CONNECTED, f"the bus went away: {error!r}") from None
    try:
        return reply.model_validate_json(answer.data)
    except ValidationError:
        raise LocalError(ErrorCode.MALFORMED, f"an unreadable answer on {subject}") from None
