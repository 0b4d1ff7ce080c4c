"""The pictures of all doors, and their viewers.

Each change is made into one message, once, and put into the queue of every viewer. A viewer that does not fetch its
messages is dropped, never waited for: it comes back by itself, and gets what it missed (`Last-Event-ID`) as long as
that is remembered, or the whole picture.

Messages (`event` of the stream, data is JSON):

- `state`: the whole picture, at the start.
- `change`: `{"changed": {part: its new value, …}, "events": [new ones, the newest first]}`.
- `beat`: `{}`, when nothing else came for `BEAT_S`: a page that hears neither knows that it is cut off.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import AsyncIterator

from doorbus_web.live import fold
from doorbus_web.live.inputs import BusIs, Input
from doorbus_web.live.state import DoorLive
from doorbus_web.metrics import VIEWERS, VIEWERS_DROPPED

QUEUE = 200
"""Messages a viewer may be behind: some seconds of the busiest door."""
REMEMBERED = 200
"""Messages to go on from after a short absence."""
BEAT_S = 10.0
BEAT = b"event: beat\ndata: {}\n\n"


class TooManyViewersError(Exception):
    """As many live views as there may be are open."""


class Viewer:
    """One live view: an iterator over the bytes of its stream, which ends when it is dropped or the service ends."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE)
        self._gone = asyncio.Event()

    def put(self, message: bytes) -> None:
        """Takes a message for the viewer, or gives the viewer up."""
        if self._gone.is_set():
            return
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            VIEWERS_DROPPED.inc()
            self.drop()

    def drop(self) -> None:
        """Ends the view, with what it has not fetched."""
        self._gone.set()
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(b"")

    @property
    def gone(self) -> asyncio.Event:
        """Set when the view has ended from our side."""
        return self._gone

    async def messages(self) -> AsyncIterator[bytes]:
        """Yields what to send: all that waits at once, or a beat."""
        while True:
            try:
                async with asyncio.timeout(BEAT_S):
                    waiting = [await self._queue.get()]
            except TimeoutError:
                yield BEAT
                continue
            while not self._queue.empty():
                waiting.append(self._queue.get_nowait())
            if self._gone.is_set():
                return
            yield b"".join(waiting)


class _Door:
    def __init__(self, door: str) -> None:
        self.state = fold.first(door)
        self.viewers: set[Viewer] = set()
        self.number = 0
        self.remembered: deque[tuple[int, bytes]] = deque(maxlen=REMEMBERED)


class Hub:
    """The pictures.

    Args:
        most: viewers at a time, of all doors.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._life = secrets.token_hex(4)
        self._doors: dict[str, _Door] = {}
        self._connected = False
        self._closed = False

    # --- what comes in -------------------------------------------------------------------------------------------

    def put(self, door: str, event: Input) -> None:
        """Takes what changes a door's picture, and tells its viewers."""
        known = self._door(door)
        before, known.state = known.state, fold.step(known.state, event)
        if known.state is before:
            return
        change = _change(before.live, known.state.live)
        if change is None:
            return
        known.number += 1
        message = self._message(known.number, "change", change)
        known.remembered.append((known.number, message))
        for viewer in known.viewers:
            viewer.put(message)

    def bus_is(self, connected: bool) -> None:
        """Says of every door that the bus went or is back."""
        self._connected = connected
        for door in self._doors:
            self.put(door, BusIs(connected))

    # --- who looks -----------------------------------------------------------------------------------------------

    def live(self, door: str) -> DoorLive:
        """Returns a door's picture as it is now."""
        return self._door(door).state.live

    @property
    def viewers(self) -> int:
        """How many look on."""
        return sum(len(door.viewers) for door in self._doors.values())

    def join(self, door: str, last_id: str = "") -> Viewer:
        """Begins a live view: with what came after the message `last_id`, or with the whole picture.

        Raises:
            TooManyViewersError: there are as many as may be.
        """
        if self.viewers >= self._most or self._closed:
            raise TooManyViewersError
        known, viewer = self._door(door), Viewer()
        missed = self._missed(known, last_id)
        if missed is None:
            viewer.put(self._message(known.number, "state", known.state.live.model_dump_json()))
        elif missed:
            viewer.put(b"".join(missed))
        known.viewers.add(viewer)
        VIEWERS.set(self.viewers)
        return viewer

    def leave(self, door: str, viewer: Viewer) -> None:
        """Ends a live view."""
        self._door(door).viewers.discard(viewer)
        VIEWERS.set(self.viewers)

    def close(self) -> None:
        """Ends all live views, for good."""
        self._closed = True
        for door in self._doors.values():
            for viewer in door.viewers:
                viewer.drop()

    def _door(self, door: str) -> _Door:
        known = self._doors.get(door)
        if known is None:
            known = self._doors[door] = _Door(door)
            known.state = fold.step(known.state, BusIs(self._connected))
        return known

    def _message(self, number: int, event: str, data: str) -> bytes:
        return f"id: {self._life}-{number}\nevent: {event}\ndata: {data}\n\n".encode()

    def _missed(self, known: _Door, last_id: str) -> list[bytes] | None:
        """Returns the messages after `last_id`; None when they are not all remembered."""
        life, _, number = last_id.partition("-")
        if life != self._life or not number.isascii() or not number.isdigit() or len(number) > 12:
            return None
        last = int(number)
        oldest = known.remembered[0][0] if known.remembered else known.number + 1
        if not oldest - 1 <= last <= known.number:
            return None
        return [message for at, message in known.remembered if at > last]


def _change(before: DoorLive, after: DoorLive) -> str | None:
    """Returns what differs as JSON, None when nothing does."""
    if before is after:
        return None
    differs = {name for name in DoorLive.model_fields if getattr(before, name) is not getattr(after, name)}
    differs = {name for name in differs if getattr(before, name) != getattr(after, name)}
    if not differs:
        return None
    changed = after.model_dump(mode="json", include=differs - {"events"})
    had = {event.id for event in before.events}
    events = [event.model_dump(mode="json") for event in after.events if event.id not in had]
    return json.dumps({"changed": changed, "events": events}, separators=(",", ":"))
