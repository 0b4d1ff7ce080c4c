"""A simulated GPIO chip: lines that tests, the demo and developers drive and watch over a Unix socket.

An input stands at its pull's level until the socket sets it; an output is latched in a file (`latch.Latch`) that
outlives the process. `simulated_socket` speaks with the outside.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from doorbus_io.chips import Bias, ChipError, InputReading, InputRequest, LineEdge, OnEdge
from doorbus_io.latch import Latch

LINES = 1024
"""As many as the document allows."""

PULL_LEVELS = {Bias.PULL_UP: 1, Bias.PULL_DOWN: 0, Bias.DISABLED: 0, Bias.AS_IS: 0}
"""Where an input stands that nothing drives; a floating one reads 0 here."""

OnOutput = Callable[[LineEdge], None]


def latch_path(socket: Path) -> Path:
    """Returns where the chip at this socket keeps its outputs."""
    return socket.with_suffix(".levels")


class SimulatedChip:
    """The chip `sim` (see `chips.Chip`), open from its creation.

    Args:
        socket: where it is served; its files lie beside it.
        on_edge: gets the edges of requested inputs.

    Raises:
        ChipError: another process has it.
    """

    def __init__(self, socket: Path, on_edge: OnEdge) -> None:
        self._on_edge = on_edge
        self._inputs: dict[int, int] = {}
        self._outputs: set[int] = set()
        self._latch = Latch(latch_path(socket))
        self._latch.open()
        self._open = True
        self.on_output: OnOutput = lambda _: None
        """Gets every change of an output; the socket's server sets it."""
        self.on_close: Callable[[], None] = lambda: None
        """Called once when the chip is closed."""

    def request_input(self, request: InputRequest) -> InputReading:
        """Takes a line as input; it stands at its pull's level. This chip does not debounce."""
        self._check_free(request.line)
        self._inputs[request.line] = PULL_LEVELS[request.bias]
        return InputReading(self._inputs[request.line], debounced=False)

    def request_output(self, line: int, level: int) -> None:
        """Takes a line as output and drives it."""
        self._check_free(line)
        self._outputs.add(line)
        self._drive(line, level)

    def release(self, line: int) -> None:
        """Gives a line back; an output stays latched."""
        self._inputs.pop(line, None)
        self._outputs.discard(line)

    def set(self, line: int, level: int) -> None:
        """Drives a requested output."""
        self._check_open()
        if line not in self._outputs:
            raise ChipError(f"line {line} is not requested as output")
        self._drive(line, level)

    def get(self, line: int) -> int:
        """Returns the level of a requested line, or of one that is still latched."""
        self._check_open()
        level = self._inputs.get(line)
        level = self._latch.get(line) if level is None else level
        if level is None:
            raise ChipError(f"line {line} is not requested")
        return level

    def close(self) -> None:
        """Gives all lines back and ends the serving."""
        if self._open:
            self._open = False
            self.on_close()
            self._inputs.clear()
            self._outputs.clear()
            self._latch.close()

    def press(self, line: int, level: int) -> float:
        """Sets the physical level of an input from outside and returns when (monotonic seconds)."""
        self._check_open()
        if line not in self._inputs:
            raise ChipError(f"line {line} is not requested as input")
        at = time.monotonic()
        if self._inputs[line] != level:
            self._inputs[line] = level
            self._on_edge(LineEdge(line, level, at))
        return at

    def _drive(self, line: int, level: int) -> None:
        before = self._latch.get(line)
        self._latch.set(line, level)
        if before not in (None, level):  # the first time it is driven at all is no change
            self.on_output(LineEdge(line, level, time.monotonic()))

    def _check_open(self) -> None:
        if not self._open:
            raise ChipError("the simulated chip is closed")

    def _check_free(self, line: int) -> None:
        self._check_open()
        if not 0 <= line < LINES:
            raise ChipError(f"line {line} is not one of 0 to {LINES - 1}")
        if line in self._inputs or line in self._outputs:
            raise ChipError(f"line {line} is requested already")
