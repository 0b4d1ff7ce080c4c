"""Sends a message by mail (RFC 5321), each try with the same Message-ID.

A password goes over TLS only where the document asks for TLS: a server that does not offer STARTTLS then gets nothing.
A mail that some of its recipients are refused for is sent: another try would reach the others twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from email.message import EmailMessage
from email.policy import SMTP as SMTP_LINES
from email.utils import format_datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import aiosmtplib
import structlog

from doorbus.contract.document.actions import EmailAction
from doorbus_actions.delivery import End, Result
from doorbus_actions.note import Note, in_line, in_text
from doorbus_actions.tools import Tools, unreached
from doorbus_actions.verdicts import smtp_end

PORTS = {"starttls": 587, "implicit": 465, "none": 25}
"""Where the document names none: RFC 6409, RFC 8314, RFC 5321."""

QUIT_S = 1.0
"""The server has taken the mail by then."""

log = structlog.get_logger()


def mail(action: EmailAction, note: Note, zone: ZoneInfo) -> EmailMessage:
    """Returns the mail. Pure: two tries of a message are the same to the letter."""
    values = note.values(zone)
    message = EmailMessage()
    message["From"] = action.sender
    message["To"] = ", ".join(action.to)
    message["Subject"] = in_line(action.subject, values)
    message["Date"] = format_datetime(note.pressed_at.astimezone(zone))
    message["Message-ID"] = f"<{note.id}@{action.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers to a door
    message.set_content(in_text(action.body, values))
    return message


async def send(action: EmailAction, note: Note, zone: ZoneInfo, tools: Tools) -> End:
    """Tries once. Raises SecretError when the password is not there."""
    parts = urlsplit(action.server)
    host = parts.hostname or ""
    password = tools.password(action.password)
    client = aiosmtplib.SMTP(
        hostname=host,
        port=parts.port or PORTS[action.tls],
        use_tls=action.tls == "implicit",
        start_tls=False,  # done below, where it is told apart from a connection that fails
        tls_context=tools.tls if action.tls != "none" else None,
        timeout=tools.try_s,
        local_hostname=_own_name(),
    )
    try:
        async with asyncio.timeout(tools.connect_s):
            await client.connect()
        if action.tls == "starttls":
            await client.starttls()
        if action.username is not None:
            await client.login(action.username, password)
        content = mail(action, note, zone).as_bytes(policy=SMTP_LINES)
        refused, _ = await client.sendmail(action.sender, action.to, content)
        if refused:
            log.warning("some recipients were refused", action=action.id, count=len(refused), of=len(action.to))
        with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
            async with asyncio.timeout(QUIT_S):
                await client.quit()
    except (aiosmtplib.SMTPException, OSError) as error:
        return _end(host, error)
    finally:
        client.close()
    return End(Result.TAKEN)


def _end(host: str, error: Exception) -> End:
    match error:
        case aiosmtplib.SMTPAuthenticationError():
            return End(Result.REFUSED, f"{host} refuses the login: {error.code}")
        case aiosmtplib.SMTPSenderRefused():
            return smtp_end(host, "the sender", (error.code,))
        case aiosmtplib.SMTPRecipientsRefused():
            return smtp_end(host, "the recipients", [each.code for each in error.recipients])
        case aiosmtplib.SMTPDataError():
            return smtp_end(host, "the mail", (error.code,))
        case aiosmtplib.SMTPResponseException():
            return End(Result.REFUSED, f"{host} refuses us: {error.code}")
        case aiosmtplib.SMTPServerDisconnected():
            return unreached(host, ConnectionResetError())
        case aiosmtplib.SMTPTimeoutError():
            return unreached(host, TimeoutError())
        case aiosmtplib.SMTPConnectError():
            return unreached(host, _beneath(error))
        case aiosmtplib.SMTPException():
            return End(Result.REFUSED, f"{host} does not offer what the document asks for (TLS, or a way to log in)")
        case _:
            return unreached(host, error)


def _beneath(error: BaseException) -> BaseException:
    """Returns the first error of a chain, whose kind says more than the library's text."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _own_name() -> str:
    """Returns what EHLO says: this host's full name, else an address literal (RFC 5321, section 4.1.3)."""
    name = socket.gethostname()
    return name if "." in name else "[127.0.0.1]"
