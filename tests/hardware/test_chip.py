"""gpiod on the kernel's chip: the common suite, and what only a kernel can do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.hardware.kernel_lines import KernelLines
from tests.io.chip_suite import Bench, ChipSuite
from tests.io.line_bench import Pin

from doorbus_io.chips import Bias, Chip, ChipError, InputRequest
from doorbus_io.gpiod_chip import EVENT_BUFFER, GpiodChip
from doorbus_testkit.polling import eventually


class KernelBench(Bench):
    """The first chip, opened with gpiod."""

    def __init__(self, lines: KernelLines) -> None:
        super().__init__()
        self.lines = lines
        self.name = lines.chips[0]
        self.chips: list[Chip] = []

    async def open(self) -> Chip:
        """Opens the chip."""
        self.chips.append(GpiodChip(self.name, self.edges.append, self.lost.append))
        return self.chips[-1]

    async def put(self, level: int) -> None:
        """Pulls the input."""
        await self.lines.put(Pin(self.name, self.input), level)

    async def measure(self) -> int:
        """Measures the output."""
        level = self.lines.level(Pin(self.name, self.output))
        assert level is not None
        return level


@pytest.fixture
async def bench(lines: KernelLines) -> AsyncIterator[KernelBench]:
    """A bench whose chips are closed at the end."""
    made = KernelBench(lines)
    yield made
    for chip in made.chips:
        chip.close()
    await lines.disconnect()


class TestGpiodChip(ChipSuite):
    """The common suite on the kernel's chip."""


async def test_the_kernel_debounces(bench: KernelBench) -> None:
    """Asked to, the kernel reports no spike, and a level that stays once; it says that it does so."""
    chip = await bench.open()
    reading = chip.request_input(InputRequest(bench.input, Bias.PULL_UP, debounce_s=0.5))
    assert reading.debounced
    for level in (0, 1, 0, 1, 0):
        await bench.put(level)
    await bench.wait_edges(1)
    await asyncio.sleep(1.0)  # what is shown is that nothing comes any more
    assert [edge.level for edge in bench.edges] == [0]


async def test_the_newest_edges_survive_a_flood(bench: KernelBench) -> None:
    """When more edges come than the kernel keeps, the last one that is reported is how the line stands."""
    chip = await bench.open()
    chip.request_input(InputRequest(bench.input, Bias.PULL_UP))
    for level in (0, 1) * EVENT_BUFFER + (0,):  # the loop reads none of them meanwhile
        bench.lines.boards[bench.name].pull(bench.input, level)
    await eventually(lambda: bench.edges and bench.edges[-1].level == 0, what="the last edge")
    await asyncio.sleep(0.2)  # nothing comes behind it
    assert bench.edges[-1].level == chip.get(bench.input) == 0
    assert [edge.at for edge in bench.edges] == sorted(edge.at for edge in bench.edges)


@pytest.mark.parametrize("what", ["nothing", "input", "output"])
async def test_a_chip_that_is_pulled_out_says_so(bench: KernelBench, what: str) -> None:
    """The loss is told once and unasked, whatever is requested of it; every use raises, and opened again it works."""
    chip = await bench.open()
    match what:
        case "input":
            chip.request_input(InputRequest(bench.input, Bias.PULL_UP))
        case "output":
            chip.request_output(bench.output, 0)
    bench.lines.pull_out(bench.name)
    await eventually(lambda: bench.lost, what="the loss is told")
    for use in (lambda: chip.set(bench.output, 1), lambda: chip.get(bench.input), lambda: chip.request_output(3, 0)):
        with pytest.raises(ChipError):
            use()
    await asyncio.sleep(0.1)  # nothing is told again
    assert len(bench.lost) == 1
    chip.close()
    with pytest.raises(ChipError):
        await bench.open()
    bench.lines.put_back(bench.name)
    (await bench.open()).request_output(bench.output, 1)
    assert await bench.measure() == 1


async def test_a_line_of_another_program_is_refused_with_its_name(bench: KernelBench) -> None:
    """A busy line is not a lost chip: the error names chip and line, and the others can be had."""
    chip = await bench.open()
    with bench.lines.taken(Pin(bench.name, bench.output)):
        with pytest.raises(ChipError, match=f"{bench.name} line {bench.output}: .*busy"):
            chip.request_output(bench.output, 0)
        chip.request_output(bench.output + 1, 0)
    chip.request_output(bench.output, 0)
    assert bench.lost == []
