"""The sound of one page, as the loudspeaker asks for it: from packets to samples at the device's rate and volume.

Packets come on the event loop, the loudspeaker asks on a thread of its own: a lock stands between them, held for the
time that one packet takes to decode.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import samplerate

from doorbus.rtp.codecs import Samples
from doorbus_multicast.intake import Taken
from doorbus_multicast.playout import Counts, Playout
from doorbus_multicast.timeline import Fate

QUALITY = "sinc_fastest"
"""97 dB, and a delay of 2.5 ms at 8 kHz; the better ones of libsamplerate wait for 6 ms and more."""
FULL_SCALE = 32767


class PageSound:
    """One page's.

    Args:
        rate: of the device.
        volume: 0 to 1; may be changed while it plays.
        clock: monotonic seconds.
    """

    def __init__(self, rate: int, volume: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.volume = volume
        self._rate = rate
        self._clock = clock
        self._lock = threading.Lock()
        self._playout = Playout()
        self._resampler: samplerate.Resampler | None = None
        self._resampled_from = 0
        self._ready: Samples = np.zeros(0, np.float32)

    @property
    def counts(self) -> Counts:
        """What became of the packets so far."""
        return self._playout.counts

    def put(self, packet: Taken) -> Fate:
        """Takes a packet."""
        with self._lock:
            return self._playout.put(packet)

    def read(self, frames: int) -> bytes:
        """Returns the next `frames` samples, 16-bit."""
        with self._lock:
            sound = self._next(frames)
        samples: npt.NDArray[np.int16] = (np.clip(sound * self.volume, -1, 1) * FULL_SCALE).astype("<i2")
        return samples.tobytes()

    def _next(self, frames: int) -> Samples:
        now = self._clock()
        while len(self._ready) < frames:
            rate = self._playout.rate
            if rate is None:
                return np.zeros(frames, np.float32)
            if self._resampler is None or rate != self._resampled_from:
                self._resampler, self._resampled_from = samplerate.Resampler(QUALITY, channels=1), rate
            speed = self._playout.speed
            ratio = self._rate / rate / speed
            wanted = int((frames - len(self._ready)) / ratio) + 1
            made = self._resampler.process(self._playout.pull(wanted, now, speed), ratio)
            self._ready = np.concatenate((self._ready, made))
        sound, self._ready = self._ready[:frames], self._ready[frames:]
        return sound
