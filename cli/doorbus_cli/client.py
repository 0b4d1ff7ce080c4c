"""The short connection of a command: connect, know the time on the bus, ask, leave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import nats
import nats.errors
import structlog
from pydantic import ConfigDict

from doorbus.contract import subjects
from doorbus.contract.actions import ActionsCommand
from doorbus.contract.base import COMMAND_LIFETIME_S, Command, Reply, Wish
from doorbus.contract.errors import ErrorCode, LocalError
from doorbus.runtime import requests
from doorbus.runtime.clock import BusClock
from doorbus.runtime.connection import Connection
from doorbus.runtime.requests import request
from doorbus.runtime.settings import ServiceSettings
from doorbus.runtime.tasks import end_tasks
from doorbus_cli.context import Context

CONNECT_S = 4.0
"""A person waits no longer; a bus on the same box takes 5 ms."""

WHY_S = 1.0

ANSWER_S = COMMAND_LIFETIME_S
"""After that the wish has expired anyway."""


class Answer(Reply):
    """A reply with whatever else policy says in it."""

    model_config = ConfigDict(frozen=True, extra="allow")


def be_quiet() -> None:
    """Keeps the libraries' logs off the terminal: a command says itself what went wrong."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("nats").setLevel(logging.CRITICAL)


def settings_of(context: Context) -> ServiceSettings:
    """Returns a context as settings of a connection."""
    return ServiceSettings(
        nats_url=context.url,
        nats_user=context.user,
        nats_password=context.password,
        nats_credentials=None,
    )


@asynccontextmanager
async def connected(context: Context, within_s: float = CONNECT_S) -> AsyncIterator[Connection]:
    """Connects for the body.

    Raises:
        LocalError: no connection within `within_s`; the message says why.
    """
    settings = settings_of(context)
    connection = Connection(context.user, settings, BusClock())
    running = asyncio.create_task(connection.run())
    try:
        try:
            async with asyncio.timeout(within_s):
                await connection.wait_connected()
        except TimeoutError:
            why = await _why_not(settings)
            raise LocalError(ErrorCode.NOT_CONNECTED, f"no bus at {context.url}: {why}") from None
        yield connection
    finally:
        await end_tasks((running,))
        await connection.close()


async def send_wish(connection: Connection, door: str, wish: Wish, relay: str | None = None) -> Answer:
    """Sends a wish to policy and returns its answer.

    Raises:
        LocalError: nobody there, or no answer in time (it may have been done or not).
    """
    user = connection.user
    subject = subjects.wish(door, wish.verb, user) if relay is None else subjects.unlock_wish(door, relay, user)
    return await _ask(connection, subject, wish, f"nobody decides for door {door}: is policy running?")


async def send_actions_command(connection: Connection, door: str, command: ActionsCommand) -> Answer:
    """Sends a command to actions and returns its answer.

    Raises:
        LocalError: nobody there, or no answer in time (it may have been done or not).
    """
    subject = subjects.actions_command(door, command.verb, connection.user)
    return await _ask(connection, subject, command, f"nobody sends for door {door}: is actions running?")


async def _ask(connection: Connection, subject: str, command: Command, nobody: str) -> Answer:
    try:
        return await request(connection, subject, command, Answer, ANSWER_S)
    except LocalError as error:
        if error.code == ErrorCode.NOT_READY:
            raise LocalError(error.code, nobody) from None
        if error.code == ErrorCode.TIMEOUT:
            unsure = f"it may have been done or not, or {connection.user} may not ask for it"
            text = f"no answer within {ANSWER_S:g} s: {unsure}"
            raise LocalError(error.code, text) from None
        raise


def stamps(connection: Connection) -> dict[str, Any]:
    """Returns `id`, `issued_at` and `expires_at` for a wish."""
    return requests.stamps(connection.clock)


async def _why_not(settings: ServiceSettings) -> str:
    """Tries once more, for the reason."""
    reasons: list[str] = []

    async def on_error(error: Exception) -> None:
        reasons.append(str(error) or type(error).__name__)

    try:
        async with asyncio.timeout(WHY_S):  # nats-py tries a dead address on and on
            client = await nats.connect(
                settings.nats_url,
                user=settings.nats_user,
                password=settings.nats_password.get_secret_value() if settings.nats_password else None,
                allow_reconnect=False,
                error_cb=on_error,
            )
            await client.close()
    except (nats.errors.Error, OSError, TimeoutError) as error:
        reasons.append(str(error) or type(error).__name__)
    return reasons[0] if reasons else "too slow"
