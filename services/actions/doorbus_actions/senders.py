"""Which client sends what. One is imported when the first document needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import structlog

from doorbus.contract.document.actions import Action, EmailAction, FtpAction, HttpAction
from doorbus.runtime.secrets import SecretError
from doorbus_actions.delivery import End, Result
from doorbus_actions.note import Note
from doorbus_actions.tools import Tools

MessageAction = HttpAction | EmailAction | FtpAction
"""Actions that send a message; a relay action is policy's."""

Sender = Callable[[Any, Note, ZoneInfo, Tools], Awaitable[End]]

log = structlog.get_logger()


def message_actions(actions: tuple[Action, ...]) -> dict[str, MessageAction]:
    """Returns a document's actions that send a message, by id."""
    return {action.id: action for action in actions if isinstance(action, MessageAction)}


def sender_of(action: MessageAction) -> Sender:
    """Returns what sends an action's messages."""
    match action:
        case HttpAction():
            from doorbus_actions import http_client

            return http_client.send
        case EmailAction():
            from doorbus_actions import smtp_client

            return smtp_client.send
        case FtpAction():
            from doorbus_actions import ftp_client

            return ftp_client.send


def _host_of(action: MessageAction) -> str:
    return urlsplit(action.server if isinstance(action, EmailAction) else action.url).hostname or ""


async def try_once(action: MessageAction, note: Note, zone: ZoneInfo, tools: Tools) -> End:
    """Tries to deliver a message, for `tools.try_s` at most. Says how that ended, whatever happens."""
    try:
        async with asyncio.timeout(tools.try_s):
            return await sender_of(action)(action, note, zone, tools)
    except TimeoutError:
        return End(Result.UNREACHED, f"{_host_of(action)}: no answer within {tools.try_s:g} s")
    except SecretError as error:
        return End(Result.NO_SECRET, str(error))
    except Exception as error:  # an error of ours must not lose the message
        log.exception("a try broke", door=note.door, action=note.action, error=type(error).__name__)
        return End(Result.BROKEN, f"an error of ours, {type(error).__name__}; the log has it")
