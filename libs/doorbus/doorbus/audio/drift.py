"""Keeps the delay of a buffer between two clocks: how much faster than nominal it must be read.

Rules
- What is looked at is the lowest level within a second: sound that waited all that second is delay for nothing.
- That lowest level is steered to the margin, by at most 0.5 % of speed, which nobody hears (9 cents). The correction is
  proportional with an integral part: a constant drift ends with no error at all.
- More than 60 ms above the margin would take too long: the surplus is dropped at once.
- The margin covers what the clocks do not keep. Each time sound came too late it grows by 4 ms, to at most 40 ms, and
  never shrinks: a buffer lives no longer than a call or a page.
- Time is counted in samples read: an hour takes as long as reading it takes.
"""

from dataclasses import dataclass, replace

WINDOW_S = 1.0
MOST = 0.005
GAIN_PER_S = 0.2
INTEGRAL_PER_S2 = 0.008
SURPLUS_S = 0.060
LATE_STEP_S = 0.004
MARGIN_MOST_S = 0.040


@dataclass(frozen=True, slots=True)
class Drift:
    """The state of the control; times in seconds of sound.

    Attributes:
        margin: the lowest level that is wanted now.
        speed: how much sound to take for each second that is given; 1 is nominal.
        lowest: of the window that runs, None before its first level.
        looked: how long that window has run.
        learnt: the part of the speed that stays when the level is right: the drift itself.
    """

    margin: float
    speed: float = 1.0
    lowest: float | None = None
    looked: float = 0.0
    learnt: float = 0.0


def start(margin: float) -> Drift:
    """Returns the control of a new buffer."""
    return Drift(margin)


def restart(drift: Drift, *, late: bool) -> Drift:
    """Returns the control after the buffer was empty.

    Args:
        drift: what it was.
        late: whether the sound went on soon: then the margin was too small. Otherwise it was simply over.
    """
    margin = min(drift.margin + LATE_STEP_S, MARGIN_MOST_S) if late else drift.margin
    return replace(drift, margin=margin, lowest=None, looked=0.0)


def step(drift: Drift, level: float, read: float) -> tuple[Drift, float]:
    """Looks at one reading.

    Args:
        drift: the control before it.
        level: what was left in the buffer after it.
        read: its length.

    Returns:
        The control after it, and how much to drop now: 0 nearly always.
    """
    lowest = level if drift.lowest is None else min(drift.lowest, level)
    looked = drift.looked + read
    if looked < WINDOW_S:
        return replace(drift, lowest=lowest, looked=looked), 0.0
    error = lowest - drift.margin
    after = replace(drift, lowest=None, looked=0.0)
    if error > SURPLUS_S:
        return after, error
    learnt = _within(drift.learnt + INTEGRAL_PER_S2 * error * looked)
    return replace(after, learnt=learnt, speed=1.0 + _within(learnt + GAIN_PER_S * error)), 0.0


def _within(correction: float) -> float:
    return max(-MOST, min(MOST, correction))
