"""An ear at a sink: samples with the times at which they were heard.

A sample counts as heard when its piece has come out of `parec`: the times are later than the sink's by parec's own
delay, a few milliseconds. They are those of `time.monotonic`.
"""

import os
import threading
import time
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from doorbus_testkit.polling import eventually_sync
from doorbus_testkit.processes import Process
from doorbus_testkit.tones import AUDIBLE, window_levels

RATE = 48_000
Samples = npt.NDArray[np.int16]


class Listener:
    """Hears until it is closed; made by `SoundServer.listen`."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._pieces: list[tuple[float, Samples]] = []
        self._thread = threading.Thread(target=self._hear, name="listener", daemon=True)
        self._thread.start()
        eventually_sync(lambda: self._pieces, 10, what="the sink's monitor is heard")

    def _hear(self) -> None:
        rest = b""
        while piece := self._read():
            now = time.monotonic()
            data = rest + piece
            whole = len(data) // 2 * 2
            rest = data[whole:]
            self._pieces.append((now, np.frombuffer(data[:whole], "<i2")))

    def _read(self) -> bytes:
        try:
            return os.read(self._process.stdout.fileno(), 65536)
        except (OSError, ValueError):  # closed meanwhile
            return b""

    def heard(self, since: float = 0.0, until: float = float("inf")) -> Samples:
        """Returns the samples of the pieces that came between these times."""
        return np.concatenate([np.zeros(0, np.int16), *(piece for at, piece in self._within(since, until))])

    def onset(self, since: float = 0.0, level: float = AUDIBLE) -> float | None:
        """Returns when the first sample at least this loud (share of full scale) was heard, None if there is none."""
        for at, piece in self._within(since, float("inf")):
            loud = np.flatnonzero(np.abs(piece.astype(np.int32)) >= level * 32768)
            if len(loud):
                return at - (len(piece) - float(loud[0])) / RATE
        return None

    def await_onset(self, since: float = 0.0, level: float = AUDIBLE, within_s: float = 10.0) -> float:
        """Waits for what `onset` returns."""
        return eventually_sync(lambda: self.onset(since, level), within_s, every_s=0.005, what="sound at the sink")

    def tone_level(self, hz: float, since: float = 0.0, until: float = float("inf")) -> float:
        """Returns the median amplitude of a frequency, as a share of full scale; 0 when nothing was heard."""
        levels = window_levels(self.heard(since, until), RATE, hz)
        return float(np.median(levels)) if len(levels) else 0.0

    def silent_share(self, hz: float, since: float, until: float, audible: float = AUDIBLE) -> float:
        """Returns the share of 20 ms windows in which a frequency is not audible: the gaps of a tone."""
        levels = window_levels(self.heard(since, until), RATE, hz)
        return float(np.mean(levels < audible)) if len(levels) else 1.0

    def timed(self, since: float) -> tuple[float, Samples]:
        """Returns when the first sample of the pieces that came after `since` was heard, and their samples."""
        pieces = self._within(since, float("inf"))
        if not pieces:
            raise ValueError("nothing was heard")
        at, first = pieces[0]
        return at - len(first) / RATE, np.concatenate([piece for _, piece in pieces])

    def _within(self, since: float, until: float) -> list[tuple[float, Samples]]:
        return [(at, piece) for at, piece in list(self._pieces) if since <= at <= until]

    def close(self) -> None:
        """Stops hearing; what was heard stays."""
        self._process.stop()
        self._thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
