"""The bench of the simulated chip: its socket, and the file that keeps its outputs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from tests.io.line_bench import LineBench, Pin

from doorbus_io.latch import Latch, read_levels
from doorbus_io.simulated_chip import latch_path
from doorbus_testkit.chip import Change, SimulatedChip


class SimulatedLines(LineBench):
    """The chip `sim` of one io process.

    Args:
        socket: where io serves it.
    """

    kind = "simulated"
    chips = ("sim",)

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._hands: SimulatedChip | None = None

    async def connect(self) -> None:
        """Connects to the socket of the io that runs now."""
        await self.disconnect()
        self._hands = await SimulatedChip(self._socket).__aenter__()

    async def disconnect(self) -> None:
        """Leaves it."""
        if self._hands is not None:
            await self._hands.__aexit__(None, None, None)

    async def put(self, pin: Pin, level: int) -> float:
        """Sets the line; returns when that was."""
        assert self._hands is not None
        return await self._hands.set(pin.line, level)

    def level(self, pin: Pin) -> int | None:
        """Reads the latch."""
        return read_levels(latch_path(self._socket)).get(pin.line)

    def last_driven(self, pin: Pin) -> int | None:
        """Is what the latch holds."""
        return self.level(pin)

    def changes(self, pin: Pin) -> list[Change]:
        """Returns what the socket told."""
        assert self._hands is not None
        return self._hands.history(pin.line)

    def leave_at(self, pin: Pin, level: int) -> None:
        """Does nothing: the latch keeps it."""

    @contextmanager
    def taken(self, pin: Pin) -> Iterator[None]:
        """Takes the whole chip, as another process would."""
        latch = Latch(latch_path(self._socket))
        latch.open()
        try:
            yield
        finally:
            latch.close()

    def pull_out(self, chip: str) -> NoReturn:
        """Is not to be had."""
        raise NotImplementedError(chip)

    def put_back(self, chip: str) -> NoReturn:
        """Is not to be had."""
        raise NotImplementedError(chip)
