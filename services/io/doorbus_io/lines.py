"""The shell around chips: claims the lines that the document names, keeps them claimed, drives them.

Each chip has a task that opens it, claims what is wanted, and tries again every `RETRY_S` while something is missing.
What becomes of a line goes as an event into the door's mailbox.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import structlog

from doorbus.contract.document.io import Input, Relay
from doorbus_io import chips
from doorbus_io.chips import Bias, Chip, ChipError, InputRequest, OpenChip
from doorbus_io.door_model import (
    DoorEvent,
    InputClaimed,
    Line,
    LineEdge,
    LinesLost,
    RelayClaimed,
    line_of,
    rest_level,
)

RETRY_S = 1.0
"""A chip that was lost (a USB board pulled out) is looked for this often."""

EAGER = "push_button"
"""The kind of input that wants raw edges: its press does not wait for the debouncing."""

Put = Callable[[DoorEvent], bool]
"""The door's mailbox; False = it is full."""

OnProblem = Callable[[str, str | None], None]
"""Told with the chip's name and what is wrong with it, None when nothing is any more; only on a change."""

Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]
"""Runs work in the background for the life of the service; its failure ends the service."""

log = structlog.get_logger()


class Lines:
    """All lines of the door.

    Args:
        open_chip: opens a chip by name.
        put: the door's mailbox.
        on_problem: told when a chip, or one of its lines, is missing or back.
        spawn: runs a chip's task in the background.
    """

    def __init__(self, open_chip: OpenChip, put: Put, on_problem: OnProblem, spawn: Spawn) -> None:
        self._open_chip = open_chip
        self._put = put
        self._on_problem = on_problem
        self._spawn = spawn
        self._keepers: dict[str, _Keeper] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def claim(self, inputs: Iterable[Input], relays: Iterable[Relay]) -> None:
        """Has these lines claimed and all others given back; returns at once, events tell when."""
        wanted: dict[str, dict[int, Input | Relay]] = defaultdict(dict)
        for document in (*inputs, *relays):
            wanted[document.chip][document.line] = document
        for name in wanted.keys() - self._keepers.keys():
            self._keepers[name] = keeper = _Keeper(name, self._open_chip, self._put, self._on_problem)
            self._tasks.append(self._spawn(keeper.run(), f"chip {name}"))
        for name, keeper in self._keepers.items():
            keeper.want(wanted[name])

    def drive(self, line: Line, level: int) -> None:
        """Puts a relay's line to a physical level.

        Raises:
            ChipError: that failed; the chip counts as lost now.
        """
        keeper = self._keepers.get(line.chip)
        if keeper is None:
            raise ChipError(f"{line.chip} is not open")
        keeper.drive(line.offset, level)

    def close(self) -> None:
        """Brings every relay to rest, whatever anybody thinks of it, and gives all lines back. Never raises."""
        for task in self._tasks:
            task.cancel()
        for keeper in self._keepers.values():
            keeper.close()


class _Keeper:
    """Keeps one chip open and its lines claimed."""

    def __init__(self, name: str, open_chip: OpenChip, put: Put, on_problem: OnProblem) -> None:
        self._name = name
        self._open_chip = open_chip
        self._put = put
        self._on_problem = on_problem
        self._chip: Chip | None = None
        self._wanted: dict[int, Input | Relay] = {}
        self._held: dict[int, Input | Relay] = {}
        self._changed = asyncio.Event()
        self._problem: str | None = None

    def want(self, wanted: dict[int, Input | Relay]) -> None:
        """Sets the lines to be held."""
        self._wanted = wanted
        self._changed.set()

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            problem = await self._claim_all()
            if problem != self._problem:
                self._problem = problem
                self._on_problem(self._name, problem)
            if problem is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_S):
                        await self._changed.wait()
                self._changed.set()

    def drive(self, offset: int, level: int) -> None:
        """Drives a line; the chip is lost when that fails."""
        if self._chip is None:
            raise ChipError(f"{self._name} is not there")
        try:
            self._chip.set(offset, level)
        except ChipError as error:
            self._lose(str(error))
            raise

    def close(self) -> None:
        """Rests what is held and closes the chip."""
        if self._chip is None:
            return
        for offset, document in self._held.items():
            if isinstance(document, Relay):
                try:
                    self._chip.set(offset, rest_level(document))
                except ChipError as error:
                    log.error("a relay could not be brought to rest", relay=document.id, why=str(error))  # noqa: TRY400
        self._chip.close()
        self._chip = None
        self._held = {}

    async def _claim_all(self) -> str | None:
        """Opens the chip, gives back what nobody wants, claims what is missing; returns what went wrong."""
        for offset in [offset for offset, held in self._held.items() if self._wanted.get(offset) != held]:
            del self._held[offset]
            if self._chip is not None:
                self._chip.release(offset)
        if not self._wanted:
            return None
        try:
            chip = self._chip = self._chip or await self._open_chip(self._name, self._on_edge, self._lose)
        except ChipError as error:
            return str(error)
        problems = []
        for offset, document in self._wanted.items():
            if offset in self._held:
                continue
            try:
                claimed = self._claim(chip, document)
            except ChipError as error:
                problems.append(str(error))
                continue
            if self._put(claimed):
                self._held[offset] = document
            else:
                chip.release(offset)
                problems.append(f"{self._name} line {offset}: the mailbox is full")
        return "; ".join(problems) or None

    def _claim(self, chip: Chip, document: Input | Relay) -> DoorEvent:
        if isinstance(document, Relay):
            chip.request_output(document.line, rest_level(document))
            return RelayClaimed(document)
        debounce_s = 0.0 if document.kind == EAGER else document.debounce_ms / 1000
        reading = chip.request_input(InputRequest(document.line, Bias(document.bias), debounce_s))
        return InputClaimed(document, reading.level, reading.debounced)

    def _on_edge(self, edge: chips.LineEdge) -> None:
        self._put(LineEdge(Line(self._name, edge.line), edge.level, edge.at))

    def _lose(self, why: str) -> None:
        """The chip is gone: nothing of it is held any more, and it is looked for again."""
        if self._chip is None:
            return
        log.warning("a chip is lost", chip=self._name, why=why)
        self._put(LinesLost(frozenset(line_of(document) for document in self._held.values())))
        self._chip.close()
        self._chip = None
        self._held = {}
        if self._problem is None:
            self._problem = why
            self._on_problem(self._name, why)
        self._changed.set()
