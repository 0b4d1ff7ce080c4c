"""What a benchmark hands back, as a table for people and as JSON.

A figure stands beside its baseline of the same run; the ratio is the figure divided by the baseline. `reached` is None
where there is no aim.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

LABEL_WIDTH = 44
COLUMN = 12


class UnavailableError(Exception):
    """This machine lacks what the benchmark needs; the text says what. That is no failure."""


@dataclass(frozen=True)
class Figure:
    """One number.

    Attributes:
        label: what was measured, with its unit.
        door: of Doorbus; None where it has none.
        bare: the baseline's; None where there is none.
        aim: in words, empty without one.
        reached: whether the aim was.
    """

    label: str
    door: float | None
    bare: float | None = None
    aim: str = ""
    reached: bool | None = None

    @property
    def ratio(self) -> float | None:
        """The door's figure divided by the baseline's."""
        if self.door is None or not self.bare:
            return None
        return self.door / self.bare


@dataclass(frozen=True)
class Result:
    """What one benchmark measured.

    Attributes:
        name: as it is selected.
        title: what is measured, in a sentence.
        baseline: what it is compared with.
        figures: the numbers.
        notes: what one must know to read them: pace, counts, what happened.
    """

    name: str
    title: str
    baseline: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """Returns the result as JSON values, ratios included."""
        values = dataclasses.asdict(self)
        for shown, figure in zip(values["figures"], self.figures, strict=True):
            shown["ratio"] = figure.ratio
        return values

    def as_table(self) -> str:
        """Returns the result for people."""
        head = f"{'':{LABEL_WIDTH}}{'Doorbus':>{COLUMN}}{'baseline':>{COLUMN}}{'ratio':>{COLUMN}}   aim"
        lines = [f"{self.name}: {self.title}", f"  baseline: {self.baseline}", head]
        lines += [_line(figure) for figure in self.figures]
        lines += [f"  - {note}" for note in self.notes]
        return "\n".join(lines)


def percentile(values: Sequence[float], share: float) -> float:
    """Returns the smallest value that at least `share` (0 to 1) of all values do not exceed (nearest rank).

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("nothing was measured")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def latencies(
    label: str, door_s: Sequence[float], bare_s: Sequence[float], most_ratio: float | None = None
) -> tuple[Figure, ...]:
    """Returns p50 and p99 of two series of seconds, in milliseconds.

    Args:
        label: what was measured.
        door_s: the door's.
        bare_s: the baseline's.
        most_ratio: the aim, where the ratio is one.
    """
    figures = []
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        figure = Figure(f"{label}, {name}, ms", percentile(door_s, share) * 1000, percentile(bare_s, share) * 1000)
        if most_ratio is not None and figure.ratio is not None:
            aim = f"at most {most_ratio:g} times the baseline"
            figure = dataclasses.replace(figure, aim=aim, reached=figure.ratio <= most_ratio)
        figures.append(figure)
    return tuple(figures)


def _line(figure: Figure) -> str:
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f} x"
    verdict = {True: "reached", False: "not reached", None: ""}[figure.reached]
    aim = f"   {figure.aim}: {verdict}" if figure.aim else ""
    return (
        f"  {figure.label:{LABEL_WIDTH - 2}}{_number(figure.door):>{COLUMN}}{_number(figure.bare):>{COLUMN}}"
        f"{ratio:>{COLUMN}}{aim}"
    ).rstrip()


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value == int(value) or value >= 1000 else f"{value:.2f}"
