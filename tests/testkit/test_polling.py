"""Waiting with a deadline, free ports and child processes."""

import asyncio
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from doorbus_cli.up.ports import FIRST as FIRST_OF_UP
from doorbus_testkit.polling import eventually, eventually_sync
from doorbus_testkit.ports import END_PORT, FIRST_PORT, free_port_block, free_tcp_port, free_udp_port
from doorbus_testkit.processes import Process


async def test_the_first_truthy_result_comes_back() -> None:
    """Plain and async checks are called until they give something, and failures on the way do not matter."""
    results = iter(["", "not yet", "", "here"])

    def plain() -> str:
        result = next(results)
        if result == "not yet":
            raise ValueError(result)
        return result

    async def slow() -> str:
        await asyncio.sleep(0)
        return "there"

    assert await eventually(plain, every_s=0.001) == "here"
    assert await eventually(slow) == "there"
    assert eventually_sync(lambda: "now") == "now"


async def test_a_deadline_names_what_was_waited_for_and_what_was_seen() -> None:
    """The error holds the name, and the last value or exception; a check that hangs is cut off."""
    with pytest.raises(AssertionError, match=r"the door: not within 0\.01 s, last value None"):
        await eventually(lambda: None, 0.01, what="the door")
    with pytest.raises(AssertionError, match=r"the key.*ZeroDivisionError"):
        eventually_sync(lambda: 1 // 0, 0.01, what="the key")
    with pytest.raises(AssertionError, match=r"the bell.*TimeoutError"):
        await eventually(lambda: asyncio.sleep(60, True), 0.05, what="the bell")


def test_ports_are_free_in_a_row_and_handed_out_once() -> None:
    """Blocks do not overlap, lie where Linux picks no ports by itself, can be bound, and RTP's begin is even."""
    blocks = [free_port_block(8, even=True) for _ in range(20)]
    taken = [port for first in blocks for port in range(first, first + 8)] + [free_udp_port(), free_tcp_port()]
    assert len(taken) == len(set(taken))
    assert all(FIRST_PORT <= port < END_PORT for port in taken)
    assert all(first % 2 == 0 for first in blocks)
    for port in taken[:8]:
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind(("127.0.0.1", port))


def test_blocks_for_listeners_lie_below_what_up_takes() -> None:
    """`doorbus up` asks nobody for its ports, so a door's TCP port reserved for later must lie elsewhere."""
    block = free_port_block(11)
    assert block + 11 <= FIRST_OF_UP


def test_a_reserved_port_is_refused_to_other_processes() -> None:
    """Another process that is led to a reserved place finds it taken, until this process ends."""
    port = free_udp_port()
    program = (
        "import doorbus_testkit.ports as ports\n"
        f"ports._random.randrange = lambda *_: {port}\n"
        "try:\n    print(ports.free_udp_port())\nexcept RuntimeError:\n    print('taken')\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "taken"


async def test_a_process_is_logged_stalled_resumed_and_ended(tmp_path: Path) -> None:
    """Output goes to the log; a stalled process does nothing until it is resumed, and SIGTERM still ends it."""
    program = "import time, sys\nfor n in range(10**6):\n    print(n, flush=True)\n    time.sleep(0.01)\n"
    with Process([sys.executable, "-c", program], log=tmp_path / "log") as process:
        await eventually(lambda: "5\n" in process.log_text(), what="the first lines")
        process.stall()
        state = Path(f"/proc/{process.pid}/stat")
        await eventually(lambda: state.read_text().split()[2] == "T", what="the stop")
        size = process.log.stat().st_size
        assert process.running
        process.resume()
        await eventually(lambda: process.log.stat().st_size > size, what="more lines")
        process.stall()
        process.terminate()
        assert await process.wait_exit() == -15
    assert process.returncode == -15


async def test_a_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    """stop() waits its time and then kills; wait_exit() tells of a process that goes on."""
    program = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)\n"
    process = Process([sys.executable, "-c", program], log=tmp_path / "log")
    await eventually(lambda: "up" in process.log_text(), what="the start")
    begin = time.monotonic()
    process.terminate()
    with pytest.raises(AssertionError, match="ends"):
        await process.wait_exit(0.1)
    assert process.stop(within_s=0.1) == -9
    assert time.monotonic() - begin < 10
