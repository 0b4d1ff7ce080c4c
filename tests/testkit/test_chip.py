"""The chip client against a small server that keeps levels and tells changes."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from doorbus_testkit.chip import ChipError, SimulatedChip
from doorbus_testkit.polling import eventually


class FakeChip:
    """Follows the protocol: input 0 active low drives output 8, which is the inverse of its level."""

    def __init__(self) -> None:
        self.levels = {0: 1, 8: 0}
        self.sets: list[tuple[int, int]] = []
        self.watchers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one client."""

        def say(to: asyncio.StreamWriter, **message: object) -> None:
            to.write(json.dumps(message).encode() + b"\n")

        while line := await reader.readline():
            request, now = json.loads(line), time.monotonic()
            if request["op"] == "watch":
                self.watchers.append(writer)
                say(writer, ok=True)
            elif request["line"] not in self.levels:
                say(writer, ok=False, error="no such line")
            elif request["op"] == "get":
                say(writer, ok=True, line=request["line"], level=self.levels[request["line"]], at=now)
            else:
                self.sets.append((request["line"], request["level"]))
                self.levels[8] = 1 - request["level"]
                for watcher in self.watchers:
                    say(watcher, line=8, level=self.levels[8], at=now)
                say(writer, ok=True, line=request["line"], level=request["level"], at=now)
        writer.close()


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[tuple[FakeChip, Path]]:
    chip, path = FakeChip(), tmp_path / "chip.sock"
    server = await asyncio.start_unix_server(chip.serve, str(path))
    yield chip, path
    server.close()


async def test_a_press_makes_two_edges_and_the_output_is_watched(fake: tuple[FakeChip, Path]) -> None:
    """A press sends level 0, then 1 after its hold time, returns the first edge's time; the output's changes come."""
    chip, path = fake
    async with SimulatedChip(path) as client:
        before = time.monotonic()
        edge = await client.press(0, hold_s=0.05)
        assert before <= edge <= time.monotonic()
        assert chip.sets == [(0, 0), (0, 1)]
        await eventually(lambda: len(client.history(8)) == 2, what="both changes")
        first, second = client.history(8)
        assert (first.level, second.level) == (1, 0)
        assert edge == first.at
        assert second.at - first.at >= 0.045
        await client.press(0, hold_s=0.0, active_low=False)
        assert chip.sets[2:] == [(0, 1), (0, 0)]


async def test_a_level_is_waited_for(fake: tuple[FakeChip, Path]) -> None:
    """wait_level returns when the line came to the level, and fails when it does not come there."""
    _, path = fake
    async with SimulatedChip(path) as client:
        assert await client.level(8) == 0
        await client.set(0, 0)
        at = await client.wait_level(8, 1)
        assert client.history(8)[0].at == at
        with pytest.raises(AssertionError, match="line 8 at level 0"):
            await client.wait_level(8, 0, within_s=0.1)


async def test_a_refusal_of_the_chip_is_an_error(fake: tuple[FakeChip, Path]) -> None:
    """A line that the chip does not have raises ChipError with the chip's words."""
    _, path = fake
    async with SimulatedChip(path) as client:
        with pytest.raises(ChipError, match="no such line"):
            await client.level(99)
