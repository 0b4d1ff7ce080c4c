"""Child processes: each in a group of its own with a log file, ended when we end, however we end.

PR_SET_PDEATHSIG (prctl(2)) goes with the thread that started a child: only the main thread starts any.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping
from pathlib import Path

from doorbus_cli.up.programs import Program

PR_SET_PDEATHSIG = 1
HELPER_S = 5.0
"""A helper that rests relays takes half a second, most of it starting Python."""

LEFTOVERS_POLL_S = 0.02

_libc = ctypes.CDLL(None, use_errno=True)


async def start(program: Program, env: Mapping[str, str]) -> Process:
    """Starts a program. Raises OSError when it cannot be started."""
    program.log.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
        return await asyncio.create_subprocess_exec(
            *program.argv,
            stdin=DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(env),
            process_group=0,
            preexec_fn=_die_with(os.getpid(), signal.SIGTERM),
        )


def signal_group(pid: int, number: signal.Signals) -> None:
    """Sends a signal to all that is left of a child's group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def group_alive(pid: int) -> bool:
    """Tells whether anything of a child's group is left."""
    try:
        os.killpg(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


async def end(process: Process, grace_s: float) -> bool:
    """Ends a child and its group; True when it had to be killed."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        signal_group(process.pid, signal.SIGCONT)  # a stopped process hears SIGTERM only when it goes on
    killed = False
    try:
        async with asyncio.timeout(grace_s):
            await process.wait()
    except TimeoutError:
        killed = True
    signal_group(process.pid, signal.SIGKILL)  # also what the child has left behind
    await process.wait()
    return killed


async def end_leftovers(pid: int, grace_s: float) -> None:
    """Lets what a dead child left behind end by itself, sip's workers hang up their calls so, and kills the rest."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + grace_s
    while loop.time() < deadline and group_alive(pid):  # noqa: ASYNC110  # a group tells nobody of its end
        await asyncio.sleep(LEFTOVERS_POLL_S)
    signal_group(pid, signal.SIGKILL)


async def run_helper(argv: tuple[str, ...], env: Mapping[str, str], log: Path) -> int | None:
    """Runs a short program to its end; returns its exit code, None when it was too slow or cannot be started."""
    program = Program("helper", argv, env, log, 0)
    try:
        process = await start(program, env)
    except OSError:
        return None
    try:
        async with asyncio.timeout(HELPER_S):
            return await process.wait()
    except TimeoutError:
        await end(process, 0)
        return None


class Guard:
    """Our end of the guard's pipe: see `doorbus_cli.up.guard`."""

    def __init__(self) -> None:
        self._process: Process | None = None

    async def start(self, lock: int) -> None:
        """Starts the guard.

        Args:
            lock: descriptor of the run directory's lock, which it holds until it has ended everything.
        """
        argv = (sys.executable, "-m", "doorbus_cli.up.guard")
        self._process = await asyncio.create_subprocess_exec(
            *argv, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True, pass_fds=(lock,)
        )

    def add(self, pid: int, program: Program) -> None:
        """Has a group looked after."""
        helper = program.after_kill
        self._tell({"group": pid, "after_kill": helper, "env": dict(program.env) if helper else None})

    def remove(self, pid: int) -> None:
        """A group has ended."""
        self._tell({"gone": pid})

    async def close(self) -> None:
        """Ends the guard, once everything it looks after has ended."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()

    def _tell(self, message: dict[str, object]) -> None:
        if self._process is not None and self._process.stdin is not None and self._process.returncode is None:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")


def _die_with(parent: int, number: signal.Signals) -> Callable[[], None]:
    def in_child() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # we ended before prctl took hold
            os._exit(1)

    return in_child
