"""The time that schedules go by: bus time where it is known, else this host's wall clock; and whether it has moved.

Both are watched beside the monotonic clock, which neither jumps nor counts the time that a host sleeps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from doorbus.runtime.clock import BusClock

MOVED_S = 0.5
"""Less is correction and drift, seen each second; a boundary within it is told at its time or so much later."""


class Clocks:
    """Bus time, and a look at what became of the clocks.

    Args:
        bus: bus time.
        wall: POSIX seconds of this host.
    """

    def __init__(self, bus: BusClock, wall: Callable[[], float] = time.time) -> None:
        self._bus = bus
        self._wall = wall
        self._wall_offset = self._offset()
        self._offset_used = self._ahead()

    def now(self) -> datetime:
        """Returns the time, in UTC."""
        return self._bus.now() or datetime.fromtimestamp(self._wall(), UTC)

    def wall_moved(self) -> bool:
        """Tells whether this host's clock moved since the last look: it was set, or the host has slept."""
        before, self._wall_offset = self._wall_offset, self._offset()
        return abs(self._wall_offset - before) > MOVED_S

    def time_moved(self) -> bool:
        """Tells whether `now` moved since the last look otherwise than by time passing."""
        before, self._offset_used = self._offset_used, self._ahead()
        return abs(self._offset_used - before) > MOVED_S

    def _offset(self) -> float:
        return self._wall() - self._bus.monotonic()

    def _ahead(self) -> float:
        return self.now().timestamp() - self._bus.monotonic()
