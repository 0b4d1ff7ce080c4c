"""The simulated chip: the common suite, its socket, and what outlives its process."""

from __future__ import annotations

import asyncio
import json
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.io.chip_suite import Bench, ChipSuite

from doorbus_io.chips import Bias, Chip, ChipError, InputRequest
from doorbus_io.latch import read_levels
from doorbus_io.open_chip import chip_opener
from doorbus_io.simulated_chip import latch_path
from doorbus_testkit.chip import SimulatedChip as Hands


class SimulatedBench(Bench):
    """The simulated chip, handled over its socket."""

    def __init__(self, socket: Path) -> None:
        super().__init__()
        self.socket = socket
        self.chips: list[Chip] = []

    async def open(self) -> Chip:
        """Opens the chip and serves it."""
        self.chips.append(await chip_opener(self.socket)("sim", self.edges.append, self.lost.append))
        return self.chips[-1]

    async def put(self, level: int) -> None:
        """Sets the input over the socket."""
        async with Hands(self.socket) as hands:
            await hands.set(self.input, level)

    async def measure(self) -> int:
        """Reads the output over the socket."""
        async with Hands(self.socket) as hands:
            return await hands.level(self.output)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[SimulatedBench]:
    """A bench with the simulated chip, closed at the end."""
    made = SimulatedBench(tmp_path / "sim.sock")
    yield made
    for chip in made.chips:
        chip.close()


class TestSimulatedChip(ChipSuite):
    """The common suite on the simulated chip."""


async def ask(socket: Path, *lines: bytes) -> list[dict[str, Any]]:
    """Sends raw lines and returns as many answers."""
    reader, writer = await asyncio.open_unix_connection(str(socket))
    writer.write(b"".join(line + b"\n" for line in lines))
    answers = [json.loads(await reader.readline()) for _ in lines]
    writer.close()
    return answers


async def test_only_its_user_may_use_the_socket(bench: SimulatedBench) -> None:
    """The socket has mode 0600: whoever drives lines opens doors."""
    await bench.open()
    assert stat.S_IMODE(bench.socket.stat().st_mode) == 0o600


async def test_answers_carry_line_level_and_time(bench: SimulatedBench) -> None:
    """`set` and `get` are answered with the line, its level and the monotonic second."""
    chip = await bench.open()
    chip.request_input(InputRequest(0, Bias.PULL_UP))
    before = time.monotonic()
    done, read = await ask(bench.socket, b'{"op":"set","line":0,"level":0}', b'{"op":"get","line":0}')
    assert {key: done[key] for key in ("ok", "line", "level")} == {"ok": True, "line": 0, "level": 0}
    assert {key: read[key] for key in ("ok", "line", "level")} == {"ok": True, "line": 0, "level": 0}
    assert before <= done["at"] <= read["at"] <= time.monotonic()
    assert done["at"] == bench.edges[0].at


@pytest.mark.parametrize(
    ("request_line", "says"),
    [
        (b"not json", "JSON"),
        (b'{"op":"burn","line":0}', "op"),
        (b'{"op":"set","line":0}', "level"),
        (b'{"op":"set","line":0,"level":2}', "level"),
        (b'{"op":"set","line":"0","level":1}', "line"),
        (b'{"op":"set","line":8,"level":1}', "not requested as input"),
        (b'{"op":"get","line":99}', "line 99"),
        (b'{"op":"get"}', "line -1"),
        (b"[]", "object"),
    ],
)
async def test_a_wrong_request_is_answered_with_why(bench: SimulatedBench, request_line: bytes, says: str) -> None:
    """What cannot be done gets an error that names what is wrong, and the next request is served."""
    chip = await bench.open()
    chip.request_input(InputRequest(0, Bias.PULL_UP))
    chip.request_output(8, 0)
    refused, served = await ask(bench.socket, request_line, b'{"op":"get","line":8}')
    assert refused["ok"] is False
    assert says in refused["error"]
    assert served["ok"] is True
    assert bench.edges == []


async def test_an_endless_line_is_cut_off(bench: SimulatedBench) -> None:
    """A client that sends no line break is told so and closed, and costs no memory."""
    await bench.open()
    reader, writer = await asyncio.open_unix_connection(str(bench.socket))
    writer.write(b"x" * 100_000)
    assert "too long" in json.loads(await reader.readline())["error"]
    assert await reader.read() == b""
    writer.close()


async def test_watchers_see_every_change_of_an_output(bench: SimulatedBench) -> None:
    """Two watchers get each change, in order; driving to the same level is none."""
    chip = await bench.open()
    chip.request_output(8, 0)
    async with Hands(bench.socket) as one, Hands(bench.socket) as two:
        for level in (1, 1, 0, 1):
            chip.set(8, level)
        await one.wait_level(8, 1)
        await two.wait_level(8, 1)
        assert [change.level for change in one.history(8)] == [1, 0, 1]
        assert one.history(8) == two.history(8)


async def test_outputs_stay_latched(bench: SimulatedBench) -> None:
    """Closed without a rest, as after kill -9, an output keeps its level, and a new user finds it and moves it."""
    chip = await bench.open()
    chip.request_output(8, 1)
    assert read_levels(latch_path(bench.socket)) == {8: 1}
    chip.close()
    assert read_levels(latch_path(bench.socket)) == {8: 1}
    again = await bench.open()
    assert again.get(8) == 1
    again.request_output(8, 0)
    assert read_levels(latch_path(bench.socket)) == {8: 0}


async def test_a_stale_socket_is_replaced(bench: SimulatedBench) -> None:
    """A socket that a killed process left behind does not hinder the next start."""
    bench.socket.touch()
    chip = await bench.open()
    chip.request_output(8, 1)
    assert await bench.measure() == 1


async def test_a_damaged_latch_is_a_fresh_chip(bench: SimulatedBench) -> None:
    """A file of rubbish reads as a chip that was never driven."""
    latch_path(bench.socket).write_text("{rubbish")
    chip = await bench.open()
    chip.request_output(8, 0)
    assert read_levels(latch_path(bench.socket)) == {8: 0}


async def test_a_closed_chip_is_gone(bench: SimulatedBench) -> None:
    """After close everything raises, and nobody listens."""
    chip = await bench.open()
    chip.request_output(8, 0)
    chip.close()
    with pytest.raises(ChipError):
        chip.set(8, 1)
    with pytest.raises(ChipError):
        chip.get(8)
    assert not bench.socket.exists()


async def test_a_path_that_cannot_be_used(tmp_path: Path) -> None:
    """A socket path that is too long for the kernel is refused, and the chip is free afterwards."""
    long = tmp_path / ("x" * 120)
    for _ in range(2):
        with pytest.raises(ChipError, match="x" * 20):
            await chip_opener(long)("sim", lambda _: None, lambda _: None)


async def test_a_chip_that_is_not_there() -> None:
    """A GPIO chip that this machine does not have is refused with its name."""
    with pytest.raises(ChipError, match="gpiochip9999"):
        await chip_opener(Path("/nonexistent/sim.sock"))("gpiochip9999", lambda _: None, lambda _: None)
