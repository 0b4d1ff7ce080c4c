"""The io service on the simulated chip: the suite that gpio-sim passes in `make test-hardware`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.io.io_process import IoProcess
from tests.io.scene import House
from tests.io.service_suite import ServiceSuite, scene
from tests.io.simulated_lines import SimulatedLines

from doorbus_testkit.nats_server import NatsServer

__all__ = ["scene"]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """An io process of its own: the chip is free until it has a document."""
    with NatsServer() as server:
        io = IoProcess(tmp_path, server.url)
        yield House(server, io, SimulatedLines(io.socket))
        io.close()


class TestOnTheSimulatedChip(ServiceSuite):
    """The common suite."""
