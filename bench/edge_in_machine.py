"""`python -m bench.edge_in_machine SCALE`: the edge benchmark on this kernel's chips; its last line is JSON.

`edge_to_event_kernel` runs it inside the virtual machine.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from tests.hardware.kernel_lines import KernelLines
from tests.io.io_process import IoProcess
from tests.io.line_bench import Pin
from tests.io.scene import House, scene_in

from bench.bare import Bare
from bench.edge import BLOCK, KERNEL_PRESSES, LINE, Series, measure
from bench.scale import Scale
from doorbus_testkit.nats_server import NatsServer


async def edges(house: House, scale: Scale) -> Series:
    """Measures with the first chip at io and the second at the bare program."""
    line = Pin(house.bench.chips[1], LINE)
    with Bare("bench.bare_edge", f"{house.server.url} {line.chip} {line.line}"):
        async with scene_in(house) as scene:
            counts = KERNEL_PRESSES.count(scale), BLOCK.count(scale)
            return await measure(scene, lambda level: house.bench.put(line, level), *counts)


def main() -> None:
    """Runs it in a house of its own."""
    with tempfile.TemporaryDirectory() as folder, NatsServer() as server:
        io = IoProcess(Path(folder), server.url)
        lines = KernelLines()
        try:
            series = asyncio.run(edges(House(server, io, lines), Scale(sys.argv[1])))
        finally:
            io.close()
            lines.close()
    print(json.dumps(dataclasses.asdict(series)), flush=True)


if __name__ == "__main__":
    main()
