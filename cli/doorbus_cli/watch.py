"""`doorbus watch`: the live timeline of a door."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import OrderedDict
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import nats.errors
import typer
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from doorbus.contract import subjects
from doorbus.contract.base import Event
from doorbus.contract.catalog import EVENT_OF_TYPE
from doorbus.contract.envelope import Envelope, parse_headers
from doorbus.runtime.connection import Connection
from doorbus_cli.client import connected
from doorbus_cli.context import Context
from doorbus_cli.options import AsJson, DoorName, NatsUrl, RunDir, User, run_with_context
from doorbus_cli.sentences import BAD, GOOD, INFO, QUIET, SENTENCES, WARN, sentence
from doorbus_cli.timeline import Place, Timeline, call_of

SEEN_IDS = 10_000
STYLES = {INFO: "default", GOOD: "green", WARN: "yellow", BAD: "red", QUIET: "bright_black"}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Seen:
    """An event as it came; `event` is None when its type is not known here."""

    door: str
    envelope: Envelope
    data: dict[str, Any]
    event: Event | None


def read_message(subject: str, headers: dict[str, str] | None, body: bytes) -> Seen | None:
    """Reads an event of the bus; None when it is none."""
    try:
        envelope = parse_headers(headers)
        data = json.loads(body)
        kind = EVENT_OF_TYPE.get(envelope.type)
        event = kind.model_validate_json(body) if kind is not None else None
    except (ValueError, ValidationError):
        return None
    if not isinstance(data, dict):
        return None
    return Seen(subjects.door_of(subject) or "", envelope, data, event)


class Screen:
    """Shows events, each once.

    Args:
        console: where to.
        as_json: one JSON object a line.
        call: only the events of this call.
    """

    def __init__(self, console: Console, *, as_json: bool, call: str | None = None) -> None:
        self._console = console
        self._as_json = as_json
        self._call = call
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._timelines: dict[str, Timeline] = {}

    def show(self, seen: Seen) -> None:
        """Shows an event, unless it was shown before or is not of the call that is watched."""
        if seen.envelope.id in self._seen:
            return
        self._seen[seen.envelope.id] = None
        if len(self._seen) > SEEN_IDS:
            self._seen.popitem(last=False)
        place = Place(None, None, begins=False)
        if seen.event is not None:
            place = self._timelines.setdefault(seen.door, Timeline()).place(seen.event, seen.envelope.time)
        call = call_of(seen.event) if seen.event is not None else seen.data.get("call")
        if self._call is not None and call != self._call:
            return
        if self._as_json:
            self._console.file.write(json.dumps(as_object(seen, place), ensure_ascii=False) + "\n")
            self._console.file.flush()
        else:
            if place.begins:
                self._console.print()
            self._console.print(as_line(seen, place), soft_wrap=True)


def as_object(seen: Seen, place: Place) -> dict[str, Any]:
    """Returns an event as one JSON object: door, envelope, data, and where it stands in its story."""
    envelope = asdict(seen.envelope) | {"time": seen.envelope.time.isoformat(timespec="milliseconds")}
    return {"door": seen.door, "since_start_ms": place.since_start_ms, "envelope": envelope, "data": seen.data}


def as_line(seen: Seen, place: Place) -> Text:
    """Returns an event as one line: wall clock, milliseconds since the start of its story, what it says."""
    known = SENTENCES.get(type(seen.event)) if seen.event is not None else None
    icon, tone = (known.icon, known.tone) if known is not None else ("?", QUIET)
    words = sentence(seen.event) if seen.event is not None else f"{seen.envelope.type} {json.dumps(seen.data)}"
    since = f"{place.since_start_ms:>8} ms" if place.since_start_ms is not None else " " * 11
    clock = seen.envelope.time.astimezone().strftime("%H:%M:%S.%f")[:-3]
    return Text.assemble((f"{clock} ", "bright_black"), f"{since}  ", (f"{icon} {_plain(words)}", STYLES[tone]))


def parse_since(text: str) -> timedelta:
    """Reads `90s`, `10m`, `2h` or `1d`. Raises ValueError with what is allowed."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if match is None:
        raise ValueError("a whole number with s, m, h or d: 90s, 10m, 2h, 1d")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def watch(
    run_dir: RunDir = None,
    nats_url: NatsUrl = None,
    user: User = None,
    door: DoorName = None,
    call: Annotated[str | None, typer.Option(help="Only what belongs to this call.")] = None,
    since: Annotated[str | None, typer.Option(help="Begin so long ago: 90s, 10m, 2h, 1d.")] = None,
    as_json: AsJson = False,
) -> None:
    """Shows what happens at a door, as it happens."""
    try:
        back = parse_since(since) if since is not None else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from None
    screen = Screen(Console(highlight=False, file=sys.stdout), as_json=as_json, call=call)

    async def work(context: Context) -> None:
        name = context.need_door()
        async with connected(context) as connection:
            lost = Console(stderr=True, style="bright_black", highlight=False)
            connection.on_lost(lambda: lost.print("the bus is gone, waiting for it"))
            await follow(connection, name, screen, back)

    try:
        run_with_context(work, run_dir, nats_url, user, door, as_json=as_json)
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
    await connection.client.flush()
    typer.echo(f"watching door {door}, Ctrl-C ends", err=True)
    if back is not None:
        await _show_kept(connection, door, screen, back)
    while True:
        screen.show(await live.get())


async def _show_kept(connection: Connection, door: str, screen: Screen, back: timedelta) -> None:
    start = (connection.clock.now() or datetime.now(UTC)) - back
    js = connection.client.jetstream(timeout=2.0)
    config = ConsumerConfig(
        filter_subjects=[subjects.events(door)],
        deliver_policy=DeliverPolicy.BY_START_TIME,
        opt_start_time=start,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=10.0,
        mem_storage=True,
    )
    try:
        kept = await js.subscribe("", stream=subjects.STREAM_EVENTS, config=config)
        try:
            info = await kept.consumer_info()
            waiting = (info.num_pending or 0) + (info.delivered.consumer_seq if info.delivered else 0)
            for _ in range(waiting):
                message = await kept.next_msg(timeout=2.0)
                if (seen := read_message(message.subject, message.headers, message.data)) is not None:
                    screen.show(seen)
        finally:
            await kept.unsubscribe()
    except (nats.errors.Error, TimeoutError) as error:
        typer.echo(f"what was kept cannot be read: {error or 'no answer'}", err=True)


def _plain(words: str) -> str:
    """Takes out control characters: callers choose their own names."""
    return "".join(character if character.isprintable() else "?" for character in words)
