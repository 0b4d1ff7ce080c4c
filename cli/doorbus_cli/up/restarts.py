"""When a program that ended is started again.

- The first time at once: a call may be waiting.
- Again and again within a minute of its start: after pauses that double, from half a second to half a minute.
- A life of a minute and more wipes the slate.
"""

from __future__ import annotations

from dataclasses import dataclass

GOOD_LIFE_S = 60.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True)
class Restarts:
    """How often in a row a program ended soon after its start."""

    short_lives: int = 0


def after_exit(restarts: Restarts, lived_s: float) -> tuple[Restarts, float]:
    """Returns the new count and the pause in seconds before the next start."""
    short_lives = 0 if lived_s >= GOOD_LIFE_S else restarts.short_lives
    doublings = min(short_lives - 1, 16)
    pause_s = 0.0 if short_lives == 0 else min(FIRST_PAUSE_S * 2**doublings, LONGEST_PAUSE_S)
    return Restarts(short_lives + 1), pause_s
