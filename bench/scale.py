"""How much a run does: all that the figures need, a short look, or just enough to prove that each is printed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scale(StrEnum):
    """Of a run."""

    FULL = "full"
    QUICK = "quick"
    SMOKE = "smoke"
    """Tiny: the figures mean nothing."""


@dataclass(frozen=True)
class Amount:
    """A count, or seconds, at each scale."""

    full: float
    quick: float
    smoke: float

    def at(self, scale: Scale) -> float:
        """Returns it at a scale."""
        return {Scale.FULL: self.full, Scale.QUICK: self.quick, Scale.SMOKE: self.smoke}[scale]

    def count(self, scale: Scale) -> int:
        """Returns it at a scale, as a count."""
        return int(self.at(scale))
