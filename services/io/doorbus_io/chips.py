"""The port to GPIO chips: what `gpiod_chip` and `simulated_chip` both do.

All calls return at once (a register's access), so that a line moves before anything else happens. Levels are
physical: 0 or 1 on the line; what is active is the caller's business. Edges and the loss of the chip come by callback
from the event loop's thread; nothing here polls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class ChipError(Exception):
    """A line cannot be requested, read or driven: no such chip or line, taken by somebody else, or the chip is gone."""


class Bias(StrEnum):
    """The resistor that holds an input's level while nothing drives it."""

    PULL_UP = "pull_up"
    PULL_DOWN = "pull_down"
    DISABLED = "disabled"
    AS_IS = "as_is"


@dataclass(frozen=True)
class InputRequest:
    """How to request an input.

    Attributes:
        line: offset on the chip.
        debounce_s: the chip may report a change only when it has lasted so long; 0 = report every edge.
    """

    line: int
    bias: Bias
    debounce_s: float = 0.0


@dataclass(frozen=True)
class InputReading:
    """An input as it was found.

    Attributes:
        level: 0 or 1.
        debounced: the chip does the debouncing that was asked for.
    """

    level: int
    debounced: bool


@dataclass(frozen=True)
class LineEdge:
    """A line of an input went to `level` at `at`, monotonic seconds."""

    line: int
    level: int
    at: float


OnEdge = Callable[[LineEdge], None]
OnLost = Callable[[str], None]
"""Called once, with the reason, when the chip is gone; every later call raises `ChipError`."""


class Chip(Protocol):
    """One open chip. `ChipError` comes from every method but `close`."""

    def request_input(self, request: InputRequest) -> InputReading:
        """Takes a line as input, with both its edges reported, and reads it."""
        ...

    def request_output(self, line: int, level: int) -> None:
        """Takes a line as output and drives it to `level` at once."""
        ...

    def release(self, line: int) -> None:
        """Gives a line back; an output keeps its level where the hardware latches it."""
        ...

    def set(self, line: int, level: int) -> None:
        """Drives an output."""
        ...

    def get(self, line: int) -> int:
        """Returns the level of a requested line."""
        ...

    def close(self) -> None:
        """Gives all lines back; may be called again."""
        ...


class OpenChip(Protocol):
    """Opens the chip that the document names."""

    async def __call__(self, name: str, on_edge: OnEdge, on_lost: OnLost) -> Chip:
        """Returns the open chip; raises `ChipError` when it cannot be opened."""
        ...
