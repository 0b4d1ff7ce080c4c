"""The io service as a process of its own, with a simulated chip."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from doorbus.contract.document.io import Io
from doorbus_io.kept import Kept, keep
from doorbus_io.latch import read_levels
from doorbus_io.simulated_chip import latch_path
from doorbus_testkit.chip import SimulatedChip
from doorbus_testkit.polling import SLOWER
from doorbus_testkit.ports import free_tcp_port
from doorbus_testkit.processes import Process

BUTTON, EXIT, CONTACT, GATE, LAMP = 0, 1, 2, 8, 9
"""Lines of the simulated chip."""


def io_document(contact: dict[str, Any] | None = None, **gate: Any) -> dict[str, Any]:
    """Returns the `io` part of a document; `contact` changes the door contact, `gate` the gate's relay."""
    watched = {"kind": "door_contact", "relay": "gate", **(contact or {})}
    return {
        "inputs": [
            {"id": "button1", "kind": "push_button", "chip": "sim", "line": BUTTON},
            {"id": "exit1", "kind": "exit_button", "chip": "sim", "line": EXIT, "relay": "gate"},
            {"id": "contact1", "chip": "sim", "line": CONTACT, **watched},
        ],
        "relays": [
            {"id": "gate", "chip": "sim", "line": GATE, "hold_s": 0.5, "max_on_s": 20.0, **gate},
            {"id": "lamp", "chip": "sim", "line": LAMP, "active": "low", "hold_s": 5.0, "max_on_s": 600.0},
        ],
    }


class IoProcess:
    """One io process of the door `front`, and what it leaves behind.

    Args:
        folder: for its state, its socket and its log.
        nats_url: default one where nobody listens.
    """

    def __init__(self, folder: Path, nats_url: str | None = None) -> None:
        self.folder = folder
        self.socket = folder / "sim.sock"
        self.health_port = free_tcp_port()
        self._env = {
            **os.environ,
            "DOORBUS_DOORS": "front",
            "DOORBUS_NATS_URL": nats_url or f"nats://127.0.0.1:{free_tcp_port()}",
            "DOORBUS_STATE_DIR": str(folder),
            "DOORBUS_SIM_SOCKET": str(self.socket),
            "DOORBUS_HEALTH_HOST": "127.0.0.1",
            "DOORBUS_HEALTH_PORT": str(self.health_port),
        }
        self.process: Process | None = None

    def remember(self, io: dict[str, Any]) -> None:
        """Leaves a document behind, as an earlier life would have."""
        keep(self.folder / "io-front.json", Kept(revision=1, io=Io.model_validate_json(json.dumps(io))))

    def start(self, program: str | None = None) -> Process:
        """Starts it, or a program around it."""
        what = ["-m", "doorbus_io"] if program is None else ["-c", program]
        self.process = Process([sys.executable, *what], log=self.folder / "io.log", env=self._env, cwd=self.folder)
        return self.process

    def hands(self) -> SimulatedChip:
        """Returns hands on its chip's lines, `async with`."""
        return SimulatedChip(self.socket)

    def latched(self, line: int) -> int | None:
        """Returns the level that its chip's output has, also when nobody runs."""
        return read_levels(latch_path(self.socket)).get(line)

    def rest(self) -> subprocess.CompletedProcess[str]:
        """Runs the supervisor's helper."""
        return subprocess.run(
            [sys.executable, "-m", "doorbus_io.rest"],
            env=self._env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=30 * SLOWER,
            check=False,
        )

    def close(self) -> None:
        """Ends it."""
        if self.process is not None:
            self.process.stop()
