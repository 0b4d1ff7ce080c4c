"""What every GPIO chip must do behind the port `doorbus_io.chips.Chip`: one suite, run on each chip there is.

A test class inherits `ChipSuite` and overrides the fixture `bench`: a chip with hands on its lines from outside.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod

import pytest

from doorbus_io.chips import Bias, Chip, ChipError, InputRequest, LineEdge
from doorbus_testkit.polling import eventually


class Bench(ABC):
    """A chip on the bench.

    Attributes:
        input: a line that the bench can drive.
        output: a line that the bench can measure.
        edges: what the chips reported, oldest first.
        lost: reasons for which chips were lost.
    """

    input = 0
    output = 8

    def __init__(self) -> None:
        self.edges: list[LineEdge] = []
        self.lost: list[str] = []

    @abstractmethod
    async def open(self) -> Chip:
        """Opens the chip."""

    @abstractmethod
    async def put(self, level: int) -> None:
        """Puts the input's line to a physical level, from outside."""

    @abstractmethod
    async def measure(self) -> int:
        """Returns the physical level of the output's line, measured from outside."""

    async def wait_edges(self, count: int) -> list[LineEdge]:
        """Waits for so many edges in all and returns them."""
        await eventually(lambda: len(self.edges) >= count, what=f"{count} edges")
        return self.edges


class ChipSuite:
    """The suite."""

    @pytest.mark.parametrize(("bias", "level"), [(Bias.PULL_UP, 1), (Bias.PULL_DOWN, 0)])
    async def test_a_biased_input_stands_at_its_pull(self, bench: Bench, bias: Bias, level: int) -> None:
        """An input that nothing drives reads its pull's level."""
        chip = await bench.open()
        assert level == chip.request_input(InputRequest(bench.input, bias)).level
        assert level == chip.get(bench.input)

    async def test_edges_come_in_order_with_monotonic_times(self, bench: Bench) -> None:
        """Each change from outside is one edge, stamped with monotonic time between before and after."""
        chip = await bench.open()
        chip.request_input(InputRequest(bench.input, Bias.PULL_UP))
        before = time.monotonic()
        for count, level in enumerate((0, 1, 0), start=1):
            await bench.put(level)
            await bench.wait_edges(count)
        edges = bench.edges
        after = time.monotonic()
        assert [(bench.input, 0), (bench.input, 1), (bench.input, 0)] == [(edge.line, edge.level) for edge in edges]
        moments = [edge.at for edge in edges]
        assert [before, *moments, after] == sorted([before, *moments, after])
        assert chip.get(bench.input) == 0

    async def test_the_same_level_again_is_no_edge(self, bench: Bench) -> None:
        """Driving a line to where it is reports nothing."""
        chip = await bench.open()
        chip.request_input(InputRequest(bench.input, Bias.PULL_UP))
        await bench.put(0)
        await bench.wait_edges(1)  # a kernel reads the level when it gets to it: a quicker one would hide this one
        await bench.put(0)
        await bench.put(1)
        assert [edge.level for edge in await bench.wait_edges(2)] == [0, 1]

    @pytest.mark.parametrize("level", [0, 1])
    async def test_an_output_is_at_its_level_once_requested(self, bench: Bench, level: int) -> None:
        """Requesting an output drives it in the same moment."""
        chip = await bench.open()
        chip.request_output(bench.output, level)
        assert level == await bench.measure()
        assert level == chip.get(bench.output)

    async def test_set_moves_the_line(self, bench: Bench) -> None:
        """An output goes where it is put, as measured from outside."""
        chip = await bench.open()
        chip.request_output(bench.output, 0)
        for level in (1, 0, 1):
            chip.set(bench.output, level)
            assert level == await bench.measure()

    async def test_a_line_is_requested_once(self, bench: Bench) -> None:
        """A second request of a line is refused, until it was released."""
        chip = await bench.open()
        chip.request_input(InputRequest(bench.input, Bias.PULL_UP))
        with pytest.raises(ChipError):
            chip.request_input(InputRequest(bench.input, Bias.PULL_UP))
        chip.release(bench.input)
        assert chip.request_input(InputRequest(bench.input, Bias.PULL_UP)).level == 1

    async def test_a_released_input_reports_nothing(self, bench: Bench) -> None:
        """After its release a line's edges are nobody's; requested again, they come again."""
        chip = await bench.open()
        chip.request_input(InputRequest(bench.input, Bias.PULL_UP))
        chip.release(bench.input)
        chip.release(bench.input)
        chip.request_input(InputRequest(bench.input, Bias.PULL_UP))
        await bench.put(0)
        assert len(await bench.wait_edges(1)) == 1

    async def test_what_is_not_requested_cannot_be_used(self, bench: Bench) -> None:
        """Driving and reading a line that is not ours raises, as does a line that the chip does not have."""
        chip = await bench.open()
        with pytest.raises(ChipError):
            chip.set(bench.output, 1)
        with pytest.raises(ChipError):
            chip.get(bench.input)
        with pytest.raises(ChipError):
            chip.request_output(5000, 0)

    async def test_two_users_cannot_have_one_line(self, bench: Bench) -> None:
        """What one has requested another cannot, until the chip is closed."""
        chip = await bench.open()
        chip.request_output(bench.output, 0)
        with pytest.raises(ChipError):
            (await bench.open()).request_output(bench.output, 1)
        chip.close()
        chip.close()
        second = await bench.open()
        second.request_output(bench.output, 1)
        assert await bench.measure() == 1
