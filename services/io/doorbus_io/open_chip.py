"""Which chip a name of the document means."""

from __future__ import annotations

from pathlib import Path

from doorbus_io.chips import Chip, OnEdge, OnLost, OpenChip
from doorbus_io.gpiod_chip import GpiodChip
from doorbus_io.simulated_chip import SimulatedChip
from doorbus_io.simulated_socket import SimulatedSocket

SIMULATED = "sim"


def chip_opener(sim_socket: Path, *, serve: bool = True) -> OpenChip:
    """Returns the function that opens chips; `serve` = the simulated one listens on its socket."""

    async def open_chip(name: str, on_edge: OnEdge, on_lost: OnLost) -> Chip:
        if name != SIMULATED:
            return GpiodChip(name, on_edge, on_lost)
        chip = SimulatedChip(sim_socket, on_edge)
        if serve:
            try:
                await SimulatedSocket(chip, sim_socket).start()
            except BaseException:
                chip.close()
                raise
        return chip

    return open_chip
