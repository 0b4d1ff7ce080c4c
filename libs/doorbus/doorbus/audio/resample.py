"""Sound at a speed of very nearly 1, with half a millisecond of delay.

Band-limited interpolation: each sample that is given is a sum of 16 that were taken, weighted by a windowed sinc at the
distance between them (J. O. Smith, "Digital Audio Resampling Home Page", 1984 on). soxr does this better for fixed
ratios, but its variable rate holds back 15 ms at 16 kHz (docs/decisions/0010-sound.md). Meant for less than 1 %:
nothing is done against aliasing.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

TAPS = 16
PHASES = 1024
Samples = npt.NDArray[np.float32]
_TAP = np.arange(TAPS)


@cache
def _weights() -> Samples:
    """One row of weights for each place between two samples."""
    place = np.arange(PHASES + 1)[:, None] / PHASES
    distance = np.arange(TAPS)[None, :] - (TAPS // 2 - 1) - place
    weights = (
        np.sinc(distance)
        * np.kaiser(2 * 4096 + 1, 7.0)[np.clip(np.rint(distance / (TAPS / 2) * 4096), -4096, 4096).astype(int) + 4096]
    )
    scaled: Samples = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return scaled


class Resampler:
    """Takes samples with `put`, gives them with `take` at the speed of the moment."""

    def __init__(self) -> None:
        self._held: Samples = np.zeros(TAPS - 1, np.float32)
        self._place = 0.0

    @property
    def held(self) -> int:
        """How many samples wait here, beyond those that the interpolation always needs."""
        return len(self._held) - (TAPS - 1)

    def needs(self, frames: int, speed: float) -> int:
        """Returns how many samples must be held to give `frames`."""
        return int(self._place + (frames - 1) * speed) + 1 if frames else 0

    def put(self, samples: npt.NDArray[np.int16]) -> None:
        """Takes samples."""
        self._held = np.concatenate((self._held, samples), dtype=np.float32)

    def take(self, frames: int, speed: float) -> Samples:
        """Gives `frames` samples; as many as `needs` says must be held."""
        if not frames:
            return np.zeros(0, np.float32)
        places = self._place + speed * np.arange(frames)
        whole = places.astype(np.intp)
        windows = self._held[whole[:, None] + _TAP]
        rows = np.rint((places - whole) * PHASES).astype(np.intp)
        given: Samples = np.einsum("ij,ij->i", windows, _weights()[rows])
        end = self._place + speed * frames
        gone = min(int(end), len(self._held) - (TAPS - 1))
        self._place = end - gone
        self._held = self._held[gone:]
        return given

    def drop(self, frames: int) -> None:
        """Forgets the oldest samples."""
        self._held = self._held[min(frames, self.held) :]
