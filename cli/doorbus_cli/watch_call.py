"""`doorbus watch --call`: one call's story, what was kept of it and what still comes, until it is over."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

from nats.aio.msg import Msg
from rich.console import Console

from doorbus.contract import subjects
from doorbus.contract.errors import LocalError
from doorbus.runtime.connection import Connection
from doorbus.runtime.kept import kept_events
from doorbus.runtime.seen import Seen, read_message
from doorbus_cli.exits import Exit, fail
from doorbus_cli.seen import show
from doorbus_cli.story import BEGINNINGS, CLOCKS_AGREE, SHORTEST, TAILS, Calls, Story, last_call

JUST_BEGUN_S = 1.0
"""A call that `doorbus press` has just named may not be kept yet; after that nobody knows it."""


async def find_last_call(connection: Connection, door: str, *, as_json: bool) -> str:
    """Returns the id of the door's last call. Ends the command where none is kept."""
    kept = [seen async for seen in kept_events(connection, door, BEGINNINGS, last_only=True)]
    call = last_call(kept)
    if call is None:
        fail(Exit.NOT_FOUND, "unknown_call", f"no call of door {door} is kept", as_json=as_json)
    return call


async def watch_call(
    connection: Connection, door: str, call: str, console: Console, back: timedelta | None = None, *, as_json: bool
) -> None:
    """Tells the story of a call and returns when it is over.

    Args:
        connection: to the bus.
        door: whose call.
        call: its id, or the beginning of it.
        console: where to.
        back: how long ago it began at most: a long history takes its time, some 5,000 events a second.
        as_json: one JSON object a line.

    Raises:
        typer.Exit: no such call, or several.
        LocalError: the stream cannot be read.
    """
    live: asyncio.Queue[Seen | None] = asyncio.Queue()

    async def on_message(message: Msg) -> None:
        seen = read_message(message.subject, message.headers, message.data)
        if seen is not None:
            live.put_nowait(seen)

    async def read_again() -> None:
        live.put_nowait(None)

    await connection.client.subscribe(subjects.events(door), cb=on_message)
    await connection.settle()
    calls = Calls(call)
    async for seen in kept_events(connection, door, TAILS, back=back):
        calls.take(seen)
    story = await _the_one(calls, live, as_json=as_json)
    calls.wanted = story.call
    if not as_json:
        console.print(f"call {story.call} at door {door}, {story.in_order()[0].envelope.time.astimezone():%Y-%m-%d}")
    for seen in story.in_order():
        _show(console, story, seen, as_json=as_json)
    connection.on_every_connect(read_again)  # what happened while the bus was gone; the first time nothing is new
    while not story.ended:
        came = await live.get()
        for seen in [came] if came is not None else await _missed(connection, door, story):
            for each in calls.take(seen):
                _show(console, story, each, as_json=as_json)


async def _missed(connection: Connection, door: str, story: Story) -> list[Seen]:
    """Returns what was kept since the call began; what cannot be read now is read after the next reconnection."""
    age = (connection.clock.now() or datetime.now(UTC)) - story.in_order()[0].envelope.time
    with contextlib.suppress(LocalError):
        return [seen async for seen in kept_events(connection, door, TAILS, back=age + CLOCKS_AGREE)]
    return []


async def _the_one(calls: Calls, live: asyncio.Queue[Seen | None], *, as_json: bool) -> Story:
    """Returns the story that is meant. Ends the command where there is none, or several."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(JUST_BEGUN_S):
            while not calls.found() or not live.empty():
                seen = await live.get()
                if seen is not None:
                    calls.take(seen)
    found = calls.found()
    if not found:
        short = f"; a part of an id needs {SHORTEST} characters or more" if len(calls.wanted) < SHORTEST else ""
        fail(Exit.NOT_FOUND, "unknown_call", f"no call {calls.wanted} is kept{short}", as_json=as_json)
    if len(found) > 1:
        names = sorted(story.call for story in found)
        text = f"{len(names)} calls begin with {calls.wanted}: {', '.join(names[:5])}"
        fail(Exit.INVALID, "ambiguous_call", text, as_json=as_json, calls=names)
    return found[0]


def _show(console: Console, story: Story, seen: Seen, *, as_json: bool) -> None:
    show(console, seen if as_json else story.in_words(seen), story.since_start_ms(seen), as_json=as_json)
