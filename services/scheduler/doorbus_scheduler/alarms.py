"""The next boundary of each door, in one heap: a thousand doors cost one look at its top."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from heapq import heapify, heappop, heappush

STALE_MOST = 1000
"""Entries of alarms that were set anew, before they are cleared out."""


class Alarms:
    """When each door is to be looked at again."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str]] = []
        self._of: dict[str, datetime] = {}

    def set(self, door: str, at: datetime | None) -> None:
        """Sets a door's alarm in place of the one it had; None = none."""
        if at is None:
            self._of.pop(door, None)
        elif self._of.get(door) != at:
            self._of[door] = at
            heappush(self._heap, (at, door))
            if len(self._heap) > len(self._of) + STALE_MOST:
                self._heap = [(alarm, each) for each, alarm in self._of.items()]
                heapify(self._heap)

    @property
    def next(self) -> datetime | None:
        """The earliest alarm."""
        while self._heap and self._of.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)  # it was set anew
        return self._heap[0][0] if self._heap else None

    def due(self, now: datetime) -> Iterator[str]:
        """Yields the doors whose alarm has come, each once, and takes their alarms away."""
        while (at := self.next) is not None and at <= now:
            _, door = heappop(self._heap)
            del self._of[door]
            yield door
