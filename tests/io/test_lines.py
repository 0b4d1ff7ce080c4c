"""The shell around chips: claiming, losing and finding them again, and the rest at the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from doorbus.contract.document.io import Io
from doorbus_io.chips import Chip, ChipError, InputReading, InputRequest, LineEdge, OnEdge, OnLost
from doorbus_io.door_model import DoorEvent, InputClaimed, Line, LinesLost, RelayClaimed
from doorbus_io.door_model import LineEdge as DoorEdge
from doorbus_io.lines import Lines
from doorbus_testkit.polling import eventually

GATE, LAMP = Line("sim", 8), Line("sim", 9)


class Board:
    """Boards that can be pulled out: what their lines are, and which are there."""

    def __init__(self) -> None:
        self.there = True
        self.busy: set[int] = set()
        self.levels: dict[int, int] = {}
        self.requests: list[int | InputRequest] = []
        self.chips: list[FakeChip] = []

    async def open(self, name: str, on_edge: OnEdge, on_lost: OnLost) -> Chip:
        """Opens the board."""
        if not self.there:
            raise ChipError(f"{name} is pulled out")
        self.chips.append(FakeChip(self, on_edge, on_lost))
        return self.chips[-1]


class FakeChip:
    """A chip on a board (see `chips.Chip`)."""

    def __init__(self, board: Board, on_edge: OnEdge, on_lost: OnLost) -> None:
        self.board = board
        self.on_edge = on_edge
        self.on_lost = on_lost
        self.closed = False

    def request_input(self, request: InputRequest) -> InputReading:
        """Takes an input."""
        self._check(request.line)
        self.board.requests.append(request)
        return InputReading(1, debounced=request.debounce_s > 0)

    def request_output(self, line: int, level: int) -> None:
        """Takes an output."""
        self._check(line)
        self.board.requests.append(line)
        self.board.levels[line] = level

    def release(self, line: int) -> None:
        """Gives a line back."""

    def set(self, line: int, level: int) -> None:
        """Drives an output."""
        self._check(line)
        self.board.levels[line] = level

    def get(self, line: int) -> int:
        """Reads an output."""
        return self.board.levels[line]

    def close(self) -> None:
        """Closes."""
        self.closed = True

    def _check(self, line: int) -> None:
        if not self.board.there or line in self.board.busy:
            raise ChipError(f"line {line} does not answer")


def io(**gate: Any) -> Io:
    return Io.model_validate_json(
        json.dumps(
            {
                "inputs": [
                    {"id": "button1", "kind": "push_button", "chip": "sim", "line": 0},
                    {"id": "exit1", "kind": "exit_button", "chip": "sim", "line": 1, "relay": "gate"},
                ],
                "relays": [
                    {"id": "gate", "chip": "sim", "line": 8, **gate},
                    {"id": "lamp", "chip": "sim", "line": 9, "active": "low"},
                ],
            }
        )
    )


class Desk:
    """Lines at work on a board, with what they say."""

    def __init__(self) -> None:
        self.board = Board()
        self.events: list[DoorEvent] = []
        self.problems: list[str | None] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.lines = Lines(self.board.open, self._put, lambda _, problem: self.problems.append(problem), self._spawn)

    def _put(self, event: DoorEvent) -> bool:
        self.events.append(event)
        return True

    def _spawn(self, work: Coroutine[Any, Any, None], what: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.create_task(work, name=what))
        return self.tasks[-1]

    async def claim(self, document: Io, claims: int = 4) -> None:
        """Claims a document's lines and waits for so many in all."""
        self.lines.claim(document.inputs, document.relays)
        await eventually(lambda: self.claims() >= claims, what=f"{claims} claims")

    def claims(self) -> int:
        """Returns how many lines were claimed."""
        return sum(isinstance(event, RelayClaimed | InputClaimed) for event in self.events)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """Lines, closed at the end."""
    made = Desk()
    yield made
    made.lines.close()
    await asyncio.gather(*made.tasks, return_exceptions=True)


async def test_relays_are_claimed_at_rest(desk: Desk) -> None:
    """Claimed relays are at their rest levels, whatever they were before; only what must stand still is debounced."""
    desk.board.levels = {8: 1, 9: 0}
    await desk.claim(io())
    assert desk.board.levels == {8: 0, 9: 1}
    requests = {each.line: each.debounce_s for each in desk.board.requests if isinstance(each, InputRequest)}
    assert requests == {0: 0.0, 1: 0.02}
    assert desk.problems == []


async def test_what_did_not_change_stays_claimed(desk: Desk) -> None:
    """A new document claims the changed line only; an energised lamp is not touched."""
    await desk.claim(io())
    desk.lines.drive(LAMP, 0)
    desk.board.requests.clear()
    await desk.claim(io(hold_s=9.0), claims=5)
    assert desk.board.requests == [8]
    assert desk.board.levels[9] == 0


async def test_a_lost_chip_is_found_again(desk: Desk) -> None:
    """A board pulled out is said to be lost, once, and its lines are claimed again, at rest, when it is back."""
    await desk.claim(io())
    desk.lines.drive(GATE, 1)
    desk.board.there = False
    desk.board.chips[0].on_lost("pulled out")
    assert LinesLost(frozenset({GATE, LAMP, Line("sim", 0), Line("sim", 1)})) == desk.events[-1]
    assert desk.board.chips[0].closed
    with pytest.raises(ChipError):
        desk.lines.drive(GATE, 1)
    await eventually(lambda: len(desk.problems) == 2, what="the problem is told, and that it stays")
    desk.board.there = True
    await eventually(lambda: desk.claims() == 8, what="all lines are claimed again")
    assert desk.board.levels[8] == 0
    await eventually(lambda: desk.problems[-1] is None, what="the end of the problem")
    assert sum(isinstance(event, LinesLost) for event in desk.events) == 1


async def test_a_line_that_cannot_be_driven_loses_the_chip(desk: Desk) -> None:
    """A drive that fails raises, and the chip is opened anew."""
    await desk.claim(io())
    desk.board.there = False
    with pytest.raises(ChipError):
        desk.lines.drive(GATE, 1)
    assert isinstance(desk.events[-1], LinesLost)
    desk.board.there = True
    await eventually(lambda: desk.claims() == 8, what="all lines are claimed again")
    assert len(desk.board.chips) == 2


async def test_a_busy_line_hinders_no_other(desk: Desk) -> None:
    """A line that somebody else has is told and tried again; the others work meanwhile."""
    desk.board.busy = {9}
    await desk.claim(io(), claims=3)
    desk.lines.drive(GATE, 1)
    await eventually(lambda: desk.problems == ["line 9 does not answer"], what="the problem is told")
    desk.board.busy = set()
    await eventually(lambda: desk.problems[-1] is None, what="the end of the problem")
    assert desk.claims() == 4
    assert desk.board.levels[8] == 1


async def test_close_rests_everything(desk: Desk) -> None:
    """The end brings every relay to rest, also when nobody asked the core, and closes the chip."""
    await desk.claim(io())
    desk.lines.drive(GATE, 1)
    desk.lines.drive(LAMP, 0)
    desk.lines.close()
    assert desk.board.levels == {8: 0, 9: 1}
    assert desk.board.chips[0].closed


async def test_one_relay_that_fails_does_not_keep_others_on_at_the_end(desk: Desk) -> None:
    """At the end a line that does not answer is passed over; the others rest."""
    await desk.claim(io())
    desk.lines.drive(GATE, 1)
    desk.lines.drive(LAMP, 0)
    desk.board.busy = {8}
    desk.lines.close()
    assert desk.board.levels == {8: 1, 9: 1}


async def test_edges_name_chip_and_line(desk: Desk) -> None:
    """An edge goes into the mailbox with the chip's name and the chip's own time."""
    await desk.claim(io())
    desk.board.chips[0].on_edge(LineEdge(0, 0, 12.5))
    assert DoorEdge(Line("sim", 0), 0, 12.5) == desk.events[-1]
