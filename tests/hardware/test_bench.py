"""The edge benchmark measures inside the machine."""

from __future__ import annotations

from bench.edge_in_machine import edges
from bench.scale import Scale
from tests.io.scene import House


async def test_both_programs_are_measured(house: House) -> None:
    """A tiny run gives as many latencies of io as of the bare program, none of them negative."""
    series = await edges(house, Scale.SMOKE)
    assert len(series.door) == len(series.bare) == 4
    assert min(*series.door, *series.bare) > 0
