"""Bus time: the NATS server's clock, known to each process as an offset to its own monotonic clock.

Hosts' wall clocks jump, differ or stand in 1970; expiry of a command must not notice. Each process measures the offset
from the time stamp in JetStream's answers, and computes with the monotonic clock from there.

An answer that took long says little: the stamp may be from any moment in between. So what is known stays where it is
the better word, unless the two contradict each other: then the server's clock was set, or it is another server.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

SKEW_REPORTED_S = 1.0
"""A wall clock that differs more from bus time is reported: schedules and logs depend on it."""


DRIFT = 100e-6
"""How far two hosts' clocks part in a second, at most."""


class BusClock:
    """Tells the bus time, once it was measured.

    Args:
        monotonic: seconds that never jump.
        wall: POSIX seconds of this host, used only to report skew.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self.monotonic = monotonic
        self._wall = wall
        self._offset: float | None = None
        self._error = 0.0
        self._measured = 0.0
        self.started = monotonic()

    @property
    def known(self) -> bool:
        """Whether the offset was measured."""
        return self._offset is not None

    def take(self, sent: float, received: float, server_time: datetime) -> None:
        """Takes a measurement: the server stamped its answer between `sent` and `received` (monotonic seconds)."""
        middle, error = (sent + received) / 2, (received - sent) / 2
        offset = server_time.timestamp() - middle
        if self._offset is not None:
            known = self._error_at(middle)
            if known < error and abs(offset - self._offset) <= known + error:
                return
        self._offset, self._error, self._measured = offset, error, middle

    @property
    def error_s(self) -> float:
        """How far off it may be now, in seconds; 0 while it is unknown."""
        return self._error_at(self.monotonic()) if self.known else 0.0

    def now(self) -> datetime | None:
        """Returns bus time, None while it is unknown."""
        return self.at(self.monotonic())

    def at(self, moment: float) -> datetime | None:
        """Returns the bus time of a monotonic moment, None while it is unknown."""
        return None if self._offset is None else datetime.fromtimestamp(moment + self._offset, UTC)

    def monotonic_of(self, moment: datetime) -> float | None:
        """Returns the monotonic moment of a bus time, None while it is unknown."""
        return None if self._offset is None else moment.timestamp() - self._offset

    def wall_at(self, moment: float) -> datetime:
        """Returns this host's wall time of a monotonic moment: the second best, while bus time is unknown."""
        return datetime.fromtimestamp(self._wall() - (self.monotonic() - moment), UTC)

    def skew_s(self) -> float | None:
        """Returns bus time minus wall clock in seconds, None while unknown."""
        now = self.now()
        return None if now is None else now.timestamp() - self._wall()

    def _error_at(self, moment: float) -> float:
        return self._error + DRIFT * max(moment - self._measured, 0.0)
