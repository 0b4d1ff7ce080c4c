"""The parent's end of one worker process: start it, talk to it, notice that it is dead or stalled, end it."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable

import structlog
from pydantic import BaseModel, ValidationError

from doorbus_sip.protocol import MAX_MESSAGE_BYTES, REPORTS, Ping, Pong, Ready, Report, Setup, Stop, pack

log = structlog.get_logger()
_WAKE = b"\r\n\r\n"  # the keep-alive of RFC 5626, 3.5.1: the worker's SIP stack drops it, but its wait returns
_STOP_S = 1.8


class WorkerLink:
    """One worker. `on_report` gets what it says, `on_lost` is called once when it is gone, however it went."""

    def __init__(
        self, setup: Setup, on_report: Callable[["WorkerLink", Report], None], on_lost: Callable[["WorkerLink"], None]
    ) -> None:
        self.setup = setup
        self.name = setup.name
        self.ready: Ready | None = None
        self.legs: set[str] = set()
        self.hung_up: dict[str, float] = {}
        self.idle_since: float | None = None
        self.retiring = False
        self._on_report = on_report
        self._on_lost = on_lost
        self._control: socket.socket | None = None
        self._wake = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._wake.setblocking(False)
        self._process: asyncio.subprocess.Process | None = None
        self._ending: asyncio.Task[None] | None = None
        self._pings = 0
        self._unanswered = 0
        self._lost = False

    @property
    def pid(self) -> int | None:
        """The process, once it is started."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Starts the process; `ready` follows as a report.

        Raises:
            OSError: the process cannot be started.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self._control = ours
        command = (sys.executable, "-m", "doorbus_sip.worker", "--fd", str(theirs.fileno()))
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
            )
        self._ending = asyncio.create_task(self._say_end(self._process))
        asyncio.get_running_loop().add_reader(ours.fileno(), self._read)
        self.send(self.setup)

    def send(self, order: BaseModel) -> None:
        """Gives the worker an order and wakes it; a worker that takes no more is killed."""
        if self._control is None:
            return
        try:
            self._control.send(pack(order))
        except BlockingIOError:
            log.warning("worker takes no orders", worker=self.name)
            self.kill()
        except OSError:
            self._gone()
        if self.ready is not None:
            with contextlib.suppress(OSError):  # the datagram only spares the worker's poll interval
                self._wake.sendto(_WAKE, self.ready.wake)

    def ping(self, unanswered: int) -> None:
        """Asks for a sign of life, and kills the worker when so many in a row brought none.

        Counted, not timed: while this process itself was stopped, no worker had anything to answer.
        """
        if self._unanswered >= unanswered:
            log.error("worker stalls", worker=self.name, unanswered=self._unanswered)
            self.kill()
            return
        self._pings += 1
        self._unanswered += 1
        self.send(Ping(n=self._pings))

    def kill(self) -> None:
        """Ends the process at once, also a stopped one."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
        self._gone()

    async def stop(self) -> None:
        """Asks it to say BYE, to unregister and to exit; kills it when it does not."""
        if self._process is None:
            return
        self.send(Stop())
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_S)
        except TimeoutError:
            self.kill()
            await self._process.wait()
        self._gone()

    async def wait(self) -> None:
        """Waits for the end of the process."""
        if self._process is not None:
            await self._process.wait()

    async def _say_end(self, process: asyncio.subprocess.Process) -> None:
        """Says how the process ended: 0 in order, -6 by an assertion of the library, -9 killed, -11 a bad pointer."""
        code = await process.wait()
        if code != 0:
            log.warning("worker ended", worker=self.name, returncode=code)

    def _read(self) -> None:
        for _ in range(64):
            if self._control is None:
                return
            try:
                packet = self._control.recv(MAX_MESSAGE_BYTES)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            if not packet:
                self._gone()
                return
            self._unanswered = 0
            self._take(packet)

    def _take(self, packet: bytes) -> None:
        try:
            report = REPORTS.validate_json(packet)
        except ValidationError as error:
            log.warning("unreadable report", worker=self.name, errors=error.error_count())
            return
        if isinstance(report, Pong):
            return
        if isinstance(report, Ready):
            self.ready = report
        self._on_report(self, report)

    def _gone(self) -> None:
        if self._lost:
            return
        self._lost = True
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            self._control.close()
            self._control = None
        self._wake.close()
        self._on_lost(self)
