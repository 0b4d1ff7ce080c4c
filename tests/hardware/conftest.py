"""Tests that need a kernel with gpio-sim: `make test-hardware` runs them in a machine; elsewhere there are none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.hardware.kernel_lines import KernelLines
from tests.io.io_process import IoProcess
from tests.io.scene import House

from doorbus_testkit import gpio_sim
from doorbus_testkit.nats_server import NatsServer

collect_ignore_glob = [] if gpio_sim.available() else ["test_*.py"]


@pytest.fixture(scope="session")
def lines() -> Iterator[KernelLines]:
    """Two chips of the kernel."""
    made = KernelLines()
    yield made
    made.close()


@pytest.fixture(scope="session")
def house(lines: KernelLines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One io process for all tests that do not kill it: in the machine a start takes many seconds."""
    with NatsServer() as server:
        io = IoProcess(tmp_path_factory.mktemp("io"), server.url)
        yield House(server, io, lines)
        io.close()
