"""The bench of the kernel's chips: two of gpio-sim."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import gpiod
from tests.io.line_bench import LineBench, Pin

from doorbus_testkit.chip import Change
from doorbus_testkit.gpio_sim import GpioSim


class KernelLines(LineBench):
    """Two chips, there from the creation to `close`."""

    kind = "gpio-sim"

    def __init__(self) -> None:
        made = (GpioSim("first"), GpioSim("second"))
        self.boards = {board.path: board for board in made}
        self.chips = tuple(self.boards)
        self._since = 0.0

    async def connect(self) -> None:
        """Counts changes from now on."""
        self._since = time.monotonic()

    async def disconnect(self) -> None:
        """Has all chips there, and every line pulled down, which is where relays rest."""
        for board in self.boards.values():
            if not board.there:
                board.put_back()
            for line in range(board.lines):
                board.pull(line, 0)

    async def put(self, pin: Pin, level: int) -> float:
        """Pulls the line."""
        return self.boards[pin.chip].pull(pin.line, level)

    def level(self, pin: Pin) -> int | None:
        """Measures the line."""
        return self.boards[pin.chip].level(pin.line)

    def last_driven(self, pin: Pin) -> int | None:
        """Asks the kernel's trace."""
        driven = self.boards[pin.chip].driven(pin.line)
        return driven[-1].level if driven else None

    def changes(self, pin: Pin) -> list[Change]:
        """Asks the kernel's trace; a line that is driven again to where it is does not change."""
        driven = self.boards[pin.chip].driven(pin.line)
        changed = [now for before, now in pairwise(driven) if before.level != now.level]
        return [change for change in changed if change.at >= self._since]

    def leave_at(self, pin: Pin, level: int) -> None:
        """Pulls the line there, where it goes when nobody drives it."""
        self.boards[pin.chip].pull(pin.line, level)

    @contextmanager
    def taken(self, pin: Pin) -> Iterator[None]:
        """Requests the line, as any program may."""
        with gpiod.request_lines(pin.chip, {pin.line: None}, consumer="another program"):
            yield

    def pull_out(self, chip: str) -> None:
        """Takes the chip from the kernel."""
        self.boards[chip].pull_out()

    def put_back(self, chip: str) -> None:
        """Gives it back."""
        self.boards[chip].put_back()

    def close(self) -> None:
        """Removes the chips."""
        for board in self.boards.values():
            board.close()
