"""What callers and backends agree on.

Samples are signed 16-bit little-endian, one channel, at the rate that was asked for.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

SAMPLE_BYTES = 2
TICK_MS = 20
"""How much sound the backends without a device handle at a time."""


class Source(Protocol):
    """Where a loudspeaker's samples come from; a backend's own thread asks."""

    def read(self, frames: int) -> bytes:
        """Returns exactly `frames` samples, silence where there are none. Must not block."""
        ...


Sink = Callable[[bytes], None]
"""Gets the microphone's samples, in pieces of any length, on a backend's own thread. Must not block."""

OnProblem = Callable[[str | None], None]
"""Told in words what does not work, once until it works again; None when it works, also at first. From any thread."""


class Condition:
    """Whether something works: tells `on_problem` the first word, and each change."""

    def __init__(self, on_problem: OnProblem) -> None:
        self._on_problem = on_problem
        self._works: bool | None = None

    def works(self) -> None:
        """It works now."""
        if not self._works:
            self._works = True
            self._on_problem(None)

    def fails(self, why: str) -> None:
        """It does not work now."""
        if self._works is not False:
            self._works = False
            self._on_problem(why)


class Stream(Protocol):
    """Sound that flows until it is closed."""

    def close(self) -> None:
        """Ends it. Source or sink may be called for a moment more; a sound server that stands still delays nobody."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Playback(Stream, Protocol):
    """An open loudspeaker."""


class Capture(Stream, Protocol):
    """An open microphone."""


class Closing:
    """A stream is closed when its block is left."""

    def close(self) -> None:
        """Ends the stream."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
