"""Sound for what is missing: the last pitch period again and again, then silence (after ITU-T G.711, appendix I).

Pure: samples in, samples out. A voice or a tone goes on as it was for `FULL_S`, and is gone `FADE_S` later: a longer
gap is no lost packet, and a sound that hangs is worse than silence.
"""

from __future__ import annotations

import numpy as np

from doorbus.rtp.codecs import Samples

PITCH_LEAST_S, PITCH_MOST_S = 0.0025, 0.015
"""66 to 400 Hz, as in the appendix."""
MATCH_S = 0.012
"""So much of the last sound is compared."""
HISTORY_S = PITCH_MOST_S + MATCH_S
FULL_S = 0.060
FADE_S = 0.060
JOIN_S = 0.004
"""How long made-up and real sound overlap."""
STEP_RATE = 8000
"""Pitch is looked for in steps of about this rate, then exactly."""


class Concealment:
    """One gap's sound: made from what was played before it.

    Args:
        history: the last `HISTORY_S` at least; less makes silence.
        rate: samples a second.
    """

    def __init__(self, history: Samples, rate: int) -> None:
        self._rate = rate
        self._made = 0
        period = find_period(history, rate)
        if period is None:
            self._cycle = np.zeros(1, np.float32)
        else:
            self._cycle = history[-period:].copy()
            join = min(round(JOIN_S * rate), period // 2, len(history) - period)
            if join > 0:  # so that the end of a period leads into its beginning
                up = np.linspace(0, 1, join, endpoint=False, dtype=np.float32)
                self._cycle[-join:] = self._cycle[-join:] * (1 - up) + history[-period - join : -period] * up

    def make(self, frames: int) -> Samples:
        """Returns the next samples of the gap."""
        place = np.arange(self._made, self._made + frames)
        self._made += frames
        full, fade = FULL_S * self._rate, FADE_S * self._rate
        gain = np.clip(1 - (place - full) / fade, 0, 1).astype(np.float32)
        made: Samples = self._cycle[place % len(self._cycle)] * gain
        return made

    def join(self, real: Samples) -> Samples:
        """Returns the real sound after the gap, its beginning mixed with what the gap would have gone on with."""
        frames = min(round(JOIN_S * self._rate), len(real))
        up = np.linspace(0, 1, frames, endpoint=False, dtype=np.float32)
        return np.concatenate((self.make(frames) * (1 - up) + real[:frames] * up, real[frames:]))


def find_period(history: Samples, rate: int) -> int | None:
    """Returns after how many samples the last sound repeats itself best; None where there is too little of it."""
    step = max(rate // STEP_RATE, 1)
    match, most = round(MATCH_S * rate), round(PITCH_MOST_S * rate)
    if len(history) < match + most:
        return None
    recent = history[-(match + most) :]
    coarse = _best(recent[::-1][::step][::-1], match // step, round(PITCH_LEAST_S * rate) // step, most // step)
    if step == 1:
        return coarse
    near = coarse * step
    return _best(recent, match, max(near - step, 1), min(near + step, most))


def _best(sound: Samples, match: int, least: int, most: int) -> int:
    """Returns the lag with the highest normalised correlation, the shortest of equals."""
    last = sound[-match:]
    lags = range(least, most + 1)
    windows = np.lib.stride_tricks.sliding_window_view(sound[len(sound) - match - most : len(sound) - least], match)
    products = windows[::-1] @ last  # from the shortest lag
    energy = np.einsum("ij,ij->i", windows[::-1], windows[::-1])
    score = products / np.sqrt(energy + 1e-9)
    return lags[int(np.argmax(score > score.max() * 0.999))] if len(score) else least
