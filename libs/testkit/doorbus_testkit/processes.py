"""Child processes that die with their parent, with a log file each.

PR_SET_PDEATHSIG (prctl(2)) is bound to the *thread* that started the child: start processes from a thread
that lives as long as they shall, in tests the main thread.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from doorbus_testkit.polling import eventually, eventually_sync

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def stall(pid: int) -> None:
    """Stops a process (SIGSTOP) and waits until each of its threads stands: the signal alone is not the stop."""
    os.kill(pid, signal.SIGSTOP)
    eventually_sync(lambda: _stands_still(pid), 5.0, every_s=0.001, what="every thread stands")


def _stands_still(pid: int) -> bool:
    tasks = Path(f"/proc/{pid}/task")
    states = [(task / "stat").read_text().rpartition(")")[2].split()[0] for task in tasks.iterdir()]
    return bool(states) and all(state in "TtZX" for state in states)


class Process:
    """One running program; it gets SIGKILL when this process ends, however that happens.

    Args:
        argv: program and arguments.
        log: file that standard error, and standard output unless `pipes`, are appended to.
        env: the whole environment; default this process's own.
        cwd: working directory.
        pipes: standard input and output are pipes (`stdin`, `stdout`) in place of nothing and the log.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        pipes: bool = False,
    ) -> None:
        self.argv = tuple(str(word) for word in argv)
        self.log = log
        self._stalled = False
        parent = os.getpid()

        def die_with_parent() -> None:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # the parent ended before prctl took hold
                os._exit(1)

        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                self.argv,
                stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipes else output,
                stderr=output,
                env=None if env is None else dict(env),
                cwd=cwd,
                preexec_fn=die_with_parent,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def stdin(self) -> IO[bytes]:
        """The write end of its standard input; only with `pipes`."""
        assert self._popen.stdin is not None
        return self._popen.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """The read end of its standard output; only with `pipes`."""
        assert self._popen.stdout is not None
        return self._popen.stdout

    @property
    def running(self) -> bool:
        """True until it has ended; a stalled process is running."""
        return self._popen.poll() is None

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for a signal, None while it runs."""
        return self._popen.poll()

    def log_text(self) -> str:
        """Returns what the log file holds now."""
        return self.log.read_text(errors="replace")

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal; nothing happens when the process has ended."""
        self._popen.send_signal(number)

    def terminate(self) -> None:
        """Asks it to end (SIGTERM); a stalled process is resumed first, it could not hear the request."""
        self.resume()
        self.send_signal(signal.SIGTERM)

    def kill9(self) -> None:
        """Ends it at once (SIGKILL) and reaps it."""
        self.send_signal(signal.SIGKILL)
        self._popen.wait(10)

    def stall(self) -> None:
        """Stops its execution (SIGSTOP) and waits until each thread stands; its sockets stay open."""
        self._stalled = True
        stall(self.pid)

    def resume(self) -> None:
        """Continues a stalled process (SIGCONT)."""
        if self._stalled:
            self._stalled = False
            self.send_signal(signal.SIGCONT)

    async def wait_exit(self, within_s: float = 10.0) -> int:
        """Waits for its end and returns the exit code, negative for a signal.

        Raises:
            AssertionError: when it still runs after `within_s` seconds.
        """
        await eventually(lambda: not self.running, within_s, what=f"{self.argv[0]} ends")
        return self._popen.wait()

    async def end(self, within_s: float = 5.0) -> int:
        """Is `stop` for code with an event loop, which goes on meanwhile."""
        self.terminate()
        with contextlib.suppress(AssertionError):  # `stop` kills it
            await self.wait_exit(within_s)
        return self.stop(0.0)

    def stop(self, within_s: float = 5.0) -> int:
        """Asks it to end, kills it after `within_s` seconds, closes the pipes, returns the exit code."""
        self.terminate()
        try:
            self._popen.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill9()
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # unsent input of a process that is gone
                    pipe.close()
        return self._popen.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
