"""A short queue between two clocks: one thread pushes, another reads, and the delay neither grows nor runs out.

Rules
- Reading begins when the margin and one push are there, and gives silence until then; so it does again when the queue
  has run dry. The last samples before silence fade.
- `drift` says how fast to read, so that a sound card 200 ppm faster or slower than the network is never heard.
- More than `most_ms` is never kept: the oldest sound goes, down to what is needed. A reader that stood still, or that
  reads too slowly as its machine is busy, plays what is new.
- Neither side waits for the other longer than a copy of a few hundred samples takes.
"""

import threading
from collections import deque

import numpy as np
import numpy.typing as npt

from doorbus.audio import drift as control
from doorbus.audio.resample import Resampler
from doorbus.audio.streams import SAMPLE_BYTES

MARGIN_MS = 10
"""One period of a device: while the clocks drift past each other, the level after a reading jumps by one."""
MOST_MS = 120
LATE_S = 0.25
"""Sound that goes on within this time after the queue ran dry came late; later it is another sound."""
_FADE = 32


class ElasticBuffer:
    """A `Source` that is fed by `push`.

    Args:
        rate: nominal samples a second of both sides.
        margin_ms: how much is to be left in it at its emptiest; grows by itself where the clocks are uneven.
        most_ms: the most it holds.
    """

    def __init__(self, rate: int, *, margin_ms: float = MARGIN_MS, most_ms: float = MOST_MS) -> None:
        self._rate = rate
        self._most = int(rate * most_ms / 1000)
        self._lock = threading.Lock()
        self._pushed: deque[bytes] = deque()
        self._waiting = 0  # samples in `_pushed`
        self._longest = 0  # of the last pushes, in samples
        self._resampler = Resampler()
        self._drift = control.start(margin_ms / 1000)
        self._flows = False
        self._silent = LATE_S  # seconds of silence given since it last flowed
        self.late = 0
        """How often sound came too late, which is a gap."""
        self.dropped = 0
        """How many samples were dropped, because there were too many."""

    @property
    def delay_s(self) -> float:
        """How much sound waits in it now."""
        return (self._waiting + self._resampler.held) / self._rate

    @property
    def speed(self) -> float:
        """How fast it is read now, 1 = nominal."""
        return self._drift.speed

    def push(self, samples: bytes) -> None:
        """Adds samples; any thread, but one at a time."""
        count = len(samples) // SAMPLE_BYTES
        with self._lock:
            self._pushed.append(samples)
            self._waiting += count
            self._longest = max(count, self._longest)
            while self._waiting > self._most and len(self._pushed) > 1:
                gone = len(self._pushed.popleft()) // SAMPLE_BYTES
                self._waiting -= gone
                self.dropped += gone

    def read(self, frames: int) -> bytes:
        """Returns exactly `frames` samples, silence where there are none; one thread at a time."""
        if not self._flows and not self._begins():
            self._silent += frames / self._rate
            return bytes(frames * SAMPLE_BYTES)
        self._fetch()
        speed = self._drift.speed
        if self._resampler.needs(frames, speed) > self._resampler.held:
            return self._run_dry(frames)
        given = self._resampler.take(frames, speed)
        self._drift, surplus = control.step(self._drift, self._resampler.held / self._rate, frames / self._rate)
        if surplus:
            self._drop(int(surplus * self._rate))
        return _samples(given)

    def _begins(self) -> bool:
        """Whether there is enough to begin with."""
        enough = int(self._drift.margin * self._rate) + self._longest
        if not self._waiting or self._waiting + self._resampler.held < enough:
            return False
        late = self._silent < LATE_S
        self.late += late
        self._drift = control.restart(self._drift, late=late)
        self._flows = True
        self._fetch()
        surplus = self._resampler.held - enough - self._longest
        if surplus > 0:  # the reader came late: what is heard first is what is new
            self._drop(surplus)
        return True

    def _fetch(self) -> None:
        with self._lock:
            pieces = list(self._pushed)
            self._pushed.clear()
            self._waiting = 0
        if pieces:
            self._resampler.put(np.frombuffer(b"".join(pieces), "<i2"))
        if self._resampler.held > self._most:
            self._drop(self._resampler.held - int(self._drift.margin * self._rate) - self._longest)

    def _drop(self, count: int) -> None:
        self._resampler.drop(count)
        self.dropped += count

    def _run_dry(self, frames: int) -> bytes:
        """Returns what is left, fading, and silence after it."""
        self._flows, self._silent = False, 0.0
        left = self._resampler.take(min(self._resampler.held, frames), 1.0)
        fade = min(_FADE, len(left))
        if fade:
            left[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
        self._resampler = Resampler()
        return _samples(np.concatenate((left, np.zeros(frames - len(left), np.float32))))


def _samples(values: npt.NDArray[np.float32]) -> bytes:
    return np.clip(np.rint(values), -32768, 32767).astype("<i2").tobytes()
