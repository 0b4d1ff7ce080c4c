"""The backstop of a call's limits, for the time when nobody else ends it.

Rules
- Policy ends calls; its limits travel with `dial` and `answer` so that a call ends without policy and bus too, here
  `BACKSTOP_S` later than policy would have.
- `ring_s` counts from the start and matters until the answer; `max_call_s` counts from the answer. 0 = no limit.
- `warn_s` before `max_call_s` the call is said to be ending; that is a fact for everybody, hence not delayed.
"""

from dataclasses import dataclass
from typing import Literal

BACKSTOP_S = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Policy's own limits in seconds, 0 = none."""

    ring_s: float = 60
    max_call_s: float = 300
    warn_s: float = 0


@dataclass(frozen=True, slots=True)
class Due:
    """What happens next to a call that nobody touches, and when (monotonic seconds)."""

    at: float
    what: Literal["dial_timeout", "max_duration", "warning"]


def due(limits: Limits, started: float, answered: float | None, warned: bool) -> Due | None:
    """The next thing due, `None` when nothing limits the call."""
    if answered is None:
        return Due(started + limits.ring_s + BACKSTOP_S, "dial_timeout") if limits.ring_s > 0 else None
    if limits.max_call_s <= 0:
        return None
    if not warned and 0 < limits.warn_s < limits.max_call_s:
        return Due(answered + limits.max_call_s - limits.warn_s, "warning")
    return Due(answered + limits.max_call_s + BACKSTOP_S, "max_duration")
