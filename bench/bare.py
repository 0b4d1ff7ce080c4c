"""Starts and ends the bare programs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from types import TracebackType
from typing import Self

import psutil

Address = tuple[str, int]
END_S = 5.0


class Bare:
    """A bare program: `with Bare("bench.bare_sip", "refuse") as bare: …bare.port…`.

    Args:
        module: what to run.
        argument: its argument.
        orders: its standard input, where it takes some.

    Attributes:
        ready: the line it printed when it was ready.
    """

    def __init__(self, module: str, argument: str, orders: socket.socket | None = None) -> None:
        self.ready = ""
        self._argv = [sys.executable, "-m", module, argument]
        self._orders = orders
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> Address:
        """Where a SIP program listens."""
        return "127.0.0.1", int(self.ready)

    @property
    def process(self) -> psutil.Process:
        """Its process."""
        return psutil.Process(self._popen.pid)

    def ended(self) -> str | None:
        """Returns in words how it ended, None while it runs."""
        code = self._popen.poll()
        if code is None:
            return None
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    @property
    def _popen(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the program is not started")
        return self._process

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._argv,
            stdin=subprocess.DEVNULL if self._orders is None else self._orders.fileno(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # an abort's last words; how it ended is asked for
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert self._process.stdout is not None
        self.ready = self._process.stdout.readline().decode().strip()
        if not self.ready:
            raise RuntimeError(f"{self._argv[2]} {self._argv[3]} did not start: {self.ended()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        popen = self._popen
        popen.kill()
        popen.wait(END_S)
        if popen.stdout is not None:
            popen.stdout.close()
