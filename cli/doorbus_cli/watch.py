"""`doorbus watch`: the live timeline of a door, or the story of one of its calls."""

from __future__ import annotations

import asyncio
import re
import sys
from collections import OrderedDict
from datetime import timedelta
from typing import Annotated

import typer
from nats.aio.msg import Msg
from rich.console import Console

from doorbus.contract import subjects
from doorbus.contract.errors import LocalError
from doorbus.runtime.connection import Connection
from doorbus.runtime.kept import kept_events
from doorbus.runtime.seen import Seen, read_message
from doorbus_cli.client import connected
from doorbus_cli.context import Context
from doorbus_cli.options import Where, on_the_bus, token
from doorbus_cli.seen import show
from doorbus_cli.timeline import Place, Timeline
from doorbus_cli.watch_call import find_last_call, watch_call

SEEN_IDS = 10_000
CallId = Annotated[
    str | None,
    typer.Option(callback=token, help="The story of this call, until it is over; the first 8 of its id do."),
]
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Screen:
    """Shows events, each once.

    Args:
        console: where to.
        as_json: one JSON object a line.
    """

    def __init__(self, console: Console, *, as_json: bool) -> None:
        self._console = console
        self._as_json = as_json
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._timelines: dict[str, Timeline] = {}

    def show(self, seen: Seen) -> None:
        """Shows an event, unless it was shown before."""
        if seen.envelope.id in self._seen:
            return
        self._seen[seen.envelope.id] = None
        if len(self._seen) > SEEN_IDS:
            self._seen.popitem(last=False)
        place = Place(None, None, begins=False)
        if seen.event is not None:
            place = self._timelines.setdefault(seen.door, Timeline()).place(seen.event, seen.envelope.time)
        if place.begins and not self._as_json:
            self._console.print()
        show(self._console, seen, place.since_start_ms, as_json=self._as_json)


def parse_since(text: str) -> timedelta:
    """Reads `90s`, `10m`, `2h` or `1d`. Raises ValueError with what is allowed."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if match is None:
        raise ValueError("a whole number with s, m, h or d: 90s, 10m, 2h, 1d")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


@on_the_bus
def watch(
    where: Where,
    call: CallId = None,
    last: Annotated[bool, typer.Option("--last", help="The story of the last call, until it is over.")] = False,
    since: Annotated[str | None, typer.Option(help="Begin so long ago: 90s, 10m, 2h, 1d.")] = None,
) -> None:
    """Shows what happens at a door, as it happens; or all of one call, also of one that is long over."""
    if call is not None and last:
        raise typer.BadParameter("--call or --last, not both", param_hint="--call")
    try:
        back = parse_since(since) if since is not None else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from None
    console, as_json = Console(highlight=False, file=sys.stdout), where.as_json

    async def work(context: Context) -> None:
        name = context.need_door()
        async with connected(context) as connection:
            lost = Console(stderr=True, style="bright_black", highlight=False)
            connection.on_lost(lambda: lost.print("the bus is gone, waiting for it"))
            which = await find_last_call(connection, name, as_json=as_json) if last else call
            if which is not None:
                await watch_call(connection, name, which, console, back, as_json=as_json)
            else:
                await follow(connection, name, Screen(console, as_json=as_json), back)

    try:
        where.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except BrokenPipeError:  # `| head` has what it wanted
        sys.stderr.close()
        raise typer.Exit(0) from None


async def follow(connection: Connection, door: str, screen: Screen, back: timedelta | None) -> None:
    """Shows a door's events until cancelled: first the kept ones as far `back` as told, then live ones."""
    live: asyncio.Queue[Seen] = asyncio.Queue()

    async def on_message(message: Msg) -> None:
        seen = read_message(message.subject, message.headers, message.data)
        if seen is not None:
            live.put_nowait(seen)

    await connection.client.subscribe(subjects.events(door), cb=on_message)
    await connection.settle()
    typer.echo(f"watching door {door}, Ctrl-C ends", err=True)
    if back is not None:
        try:
            async for seen in kept_events(connection, door, back=back):
                screen.show(seen)
        except LocalError as error:
            typer.echo(error.message, err=True)
    while True:
        screen.show(await live.get())
