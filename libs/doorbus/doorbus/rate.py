"""A token bucket: how often something may happen. Pure: the time is an argument.

The rules in words:

1. A full bucket allows `burst` takes at once; it fills again with `per_s` takes a second, up to `burst`.
2. A take that is refused costs nothing, so a flood does not lengthen its own end.
3. At `ready_at`, and not before, the next take is allowed: a timer set for it never fires too early.
4. Time that runs backwards gives nothing back and takes nothing away.

So in any `t` seconds at most `burst + per_s * t` takes are allowed, and who takes no faster than `per_s` is never
refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Bucket:
    """A token bucket, full at first.

    Attributes:
        burst: takes that a full bucket allows at once, at least 1.
        per_s: takes a second with which it fills again, above 0.
        full_at: when it is full again, in the seconds of `now`; in the past when it is.

    Raises:
        ValueError: `burst` or `per_s` allows nothing.
    """

    burst: int
    per_s: float
    full_at: float = -math.inf

    def __post_init__(self) -> None:
        if self.burst < 1 or not 0 < self.per_s < math.inf:
            raise ValueError(f"a bucket of {self.burst} with {self.per_s} a second allows nothing, or all")

    @property
    def ready_at(self) -> float:
        """When the next take is allowed, in the seconds of `now`; in the past when it is."""
        return self.full_at - (self.burst - 1) / self.per_s

    def take(self, now: float) -> tuple[Bucket, bool]:
        """Returns the bucket after a take at `now` (monotonic seconds), and whether that was allowed."""
        if now < self.ready_at:
            return self, False
        return replace(self, full_at=max(self.full_at, now) + 1 / self.per_s), True
