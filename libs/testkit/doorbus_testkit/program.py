"""A peer that is a program, with a folder of its own: started, waited for, ended in time, and cleared away."""

from __future__ import annotations

import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from doorbus_testkit.peers import require_program
from doorbus_testkit.ports import free_port_block, give_back
from doorbus_testkit.processes import Process

END_S = 5.0


class ProgramError(AssertionError):
    """The program refused something, has ended, or has not been started."""


class Program(ABC):
    """One run of a program: `async with SomeProgram(…) as program: …`.

    Args:
        program: its path, or its name on the path; the test is skipped where it is not installed.
        label: tells it from others in messages.
        prefix: words before the command line, `namespace.prefix` for instance.
        folder: where its files go; default a temporary one that goes at the end.
        pipes: its standard input and output are pipes.
    """

    def __init__(
        self, program: str, label: str, prefix: Sequence[str] = (), *, folder: Path | None = None, pipes: bool = False
    ) -> None:
        self.program = program
        self.label = label
        self._prefix = tuple(prefix)
        self._keep = folder is not None
        self._folder = None if folder is None else folder.resolve()
        self._pipes = pipes
        self._process: Process | None = None
        self._ports: list[tuple[int, int]] = []

    @property
    def folder(self) -> Path:
        """Its folder and working directory, there from the start to the end."""
        if self._folder is None:
            raise ProgramError(f"{self.label} has not been started")
        return self._folder

    @property
    def process(self) -> Process:
        """Its process."""
        if self._process is None:
            raise ProgramError(f"{self.label} has not been started")
        return self._process

    def log_text(self) -> str:
        """Returns what it has printed so far."""
        return self.process.log_text()

    def require_running(self) -> None:
        """Raises ProgramError, with the end of its log, when it has ended."""
        if not self.process.running:
            code, log = self.process.returncode, self.log_text()[-2000:]
            raise ProgramError(f"{self.label} has ended with {code}: {log}")

    def _reserve_ports(self, count: int = 1, *, even: bool = False) -> int:
        """Returns the first of `count` free ports in a row, which are given back when the program has ended."""
        first = free_port_block(count, even=even)
        self._ports.append((first, count))
        return first

    @abstractmethod
    def _arguments(self) -> Sequence[str | Path]:
        """Returns its arguments; what they name may be written into `folder` now."""

    @abstractmethod
    async def _ready(self) -> None:
        """Waits until it can be used."""

    async def _close(self) -> None:  # noqa: B027 - most have nothing to let go of
        """Lets go of what belongs to it, before it is ended; also after a start that has failed."""

    def _environment(self) -> Mapping[str, str] | None:
        """Returns its whole environment; None = this process's own."""
        return None

    async def __aenter__(self) -> Self:
        path = require_program(self.program)
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=f"doorbus-{self.label.replace(' ', '-')}-"))
        try:
            self._process = Process(
                [*self._prefix, path, *self._arguments()],
                log=self.folder / "output.log",
                env=self._environment(),
                cwd=self.folder,
                pipes=self._pipes,
            )
            await self._ready()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._process is not None:
                await self._close()
        finally:
            if self._process is not None:
                await self._process.end(END_S)
            for first, count in self._ports:
                give_back(first, count)
            if not self._keep:
                shutil.rmtree(self.folder, ignore_errors=True)
