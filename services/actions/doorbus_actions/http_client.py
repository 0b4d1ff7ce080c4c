"""Sends a message by HTTP.

GET has the message in the URL, POST carries it as JSON. The message's id is in `Idempotency-Key` at each try. A
redirect is followed on the same host only, never from https back to http, and not for POST: a URL may hold a hub's
token, and no other host shall see it. Cookies and the environment's proxies are not used.

This is the standard library's client, in a thread (docs/decisions/0009).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit
from zoneinfo import ZoneInfo

from doorbus.contract.document.actions import HttpAction
from doorbus_actions.delivery import End, Result
from doorbus_actions.note import Note, in_url
from doorbus_actions.threads import Sockets, in_thread
from doorbus_actions.tools import Tools, unreached
from doorbus_actions.verdicts import http_end

REDIRECTS = 3
REDIRECTED = frozenset({301, 302, 303, 307, 308})
BODY_MOST = 64 * 1024
BODY_S = 2.0
"""Of the answer so much is read, so that the server ends in order; it is dropped. The status alone counts."""


@dataclass(frozen=True)
class Asking:
    """A request; the URL may change on the way."""

    method: str
    headers: dict[str, str]
    body: bytes | None


@dataclass(frozen=True)
class _Moved:
    """The server names another place."""

    url: str


async def send(action: HttpAction, note: Note, zone: ZoneInfo, tools: Tools) -> End:
    """Tries once."""
    url, asking = in_url(action.url, note.values(zone)), asking_of(action, note, zone)
    return await in_thread(lambda sockets: _ask(url, asking, tools, sockets))


def asking_of(action: HttpAction, note: Note, zone: ZoneInfo) -> Asking:
    """Returns what a message asks. Pure: two tries of a message are the same to the letter."""
    headers = {"Idempotency-Key": note.id, "User-Agent": "doorbus", "Connection": "close"}
    if action.method == "GET":
        return Asking("GET", headers, None)
    fields = {
        "id": note.id,
        "door": note.door,
        "input": note.input,
        "time": note.time(zone),
        "call": note.call,
        "press": note.press,
        "does": note.does,
    }
    return Asking("POST", {**headers, "Content-Type": "application/json"}, json.dumps(fields).encode())


def _ask(url: str, asking: Asking, tools: Tools, sockets: Sockets) -> End:
    host = _host(url)
    try:
        for _ in range(1 + REDIRECTS):
            end = _once(urlsplit(url), asking, tools, sockets)
            if isinstance(end, End):
                return end
            there = urljoin(url, end.url)
            if not _may_follow(urlsplit(url), urlsplit(there)):
                return End(Result.REFUSED, f"{host} sends us to another place")
            url = there
    except http.client.RemoteDisconnected:
        return unreached(host, ConnectionResetError())
    except http.client.HTTPException:
        return End(Result.UNREACHED, f"{host}: its answer is no HTTP, or breaks off")
    except (OSError, ValueError) as error:
        return unreached(host, error)
    return End(Result.REFUSED, f"{host} sends us in circles")


def _once(url: SplitResult, asking: Asking, tools: Tools, sockets: Sockets) -> End | _Moved:
    connection = (
        http.client.HTTPSConnection(url.netloc, timeout=tools.connect_s, context=tools.tls)
        if url.scheme == "https"
        else http.client.HTTPConnection(url.netloc, timeout=tools.connect_s)
    )
    with contextlib.closing(connection):
        connection.connect()
        sockets.watch(connection.sock).settimeout(tools.try_s)
        target = f"{url.path or '/'}{f'?{url.query}' if url.query else ''}"
        connection.request(asking.method, target, asking.body, asking.headers)
        answer = connection.getresponse()
        if answer.headers.defects:  # http.client takes a head that breaks off as a whole one
            raise http.client.IncompleteRead(b"")
        with contextlib.suppress(OSError, http.client.HTTPException):
            _drop_body(answer)
        place = answer.headers.get("Location")
        if asking.method == "GET" and answer.status in REDIRECTED and place is not None:
            return _Moved(place)
        return http_end(url.hostname or "", answer.status)


def _drop_body(answer: http.client.HTTPResponse) -> None:
    until, left = time.monotonic() + BODY_S, BODY_MOST
    while left > 0 and time.monotonic() < until and (some := answer.read1(left)):
        left -= len(some)


def _may_follow(old: SplitResult, new: SplitResult) -> bool:
    """Tells whether a redirect stays: the same host and port, or the same host by https in place of http."""
    if new.scheme not in ("http", "https") or new.hostname != old.hostname or "@" in new.netloc:
        return False
    return (new.scheme, new.port) == (old.scheme, old.port) or (old.scheme, new.scheme) == ("http", "https")


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
