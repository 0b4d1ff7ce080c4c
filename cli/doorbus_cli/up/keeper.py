"""Keeps one program running: starts it again when it ended, and when it hangs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from asyncio.subprocess import Process

from doorbus.runtime.tasks import end_tasks
from doorbus_cli.up import children
from doorbus_cli.up.children import Guard
from doorbus_cli.up.health import until_it_hangs
from doorbus_cli.up.ports import free_port, is_free
from doorbus_cli.up.programs import Program
from doorbus_cli.up.progress import Progress
from doorbus_cli.up.restarts import Restarts, after_exit


class Keeper:
    """Starts a program, starts it again when it ends, and ends it.

    Args:
        program: what.
        progress: told of starts and ends.
        guard: told of groups.
    """

    def __init__(self, program: Program, progress: Progress, guard: Guard) -> None:
        self.program = program
        self.health_port: int | None = None
        self.started = asyncio.Event()
        """Set while the program runs."""
        self.exits = 0
        self._progress = progress
        self._guard = guard
        self._process: Process | None = None
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Runs until `stop`. Raises OSError when the program cannot be started at all."""
        restarts = Restarts()
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._live()
            if self._stopping.is_set():
                return
            restarts, pause_s = after_exit(restarts, time.monotonic() - began)
            name = self.program.name
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            again = f"again in {pause_s:g} s" if pause_s else "again at once"
            self._progress.say(
                "exited", f"{name} {how}, {again}: {self.program.log}", service=name, code=code, pause_s=pause_s
            )
            if code != 0:
                await self._after_kill()
            try:
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()
            except TimeoutError:
                pass

    async def stop(self) -> None:
        """Ends the program: in order within its grace, else by a kill."""
        self._stopping.set()
        process = self._process
        if process is None:
            return
        if await children.end(process, self.program.grace_s):
            self._progress.say(
                "killed", f"{self.program.name} did not end in time and was killed", service=self.program.name
            )
            await self._after_kill()

    def kill(self) -> None:
        """Ends the program at once."""
        self._stopping.set()
        if self._process is not None:
            children.signal_group(self._process.pid, signal.SIGKILL)

    async def _live(self) -> int:
        """Runs the program once and returns its exit code, negative for a signal."""
        env = dict(self.program.env)
        if self.program.has_health:
            if self.health_port is None or not is_free(self.health_port):
                self.health_port = free_port()
            env["DOORBUS_HEALTH_PORT"] = str(self.health_port)
        process = await children.start(self.program, env)
        self._process = process
        self._guard.add(process.pid, self.program)
        self.started.set()
        name = self.program.name
        self._progress.say(
            "started",
            f"{name:<7} pid {process.pid}, log {self.program.log}",
            service=name,
            pid=process.pid,
            health_port=self.health_port,
            log=str(self.program.log),
        )
        watch = asyncio.create_task(self._end_when_it_hangs(process))
        try:
            code = await process.wait()
        finally:
            self.started.clear()
            await end_tasks((watch,))
        self.exits += 1
        await children.end_leftovers(process.pid, self.program.grace_s)
        self._guard.remove(process.pid)
        return code

    async def _end_when_it_hangs(self, process: Process) -> None:
        if not self.program.has_health or self.health_port is None:
            return
        await until_it_hangs(self.health_port)
        name = self.program.name
        self._progress.say("hangs", f"{name} hangs and is killed: {self.program.log}", service=name, pid=process.pid)
        with contextlib.suppress(ProcessLookupError):
            process.kill()  # not its group: sip's workers hang up their calls when their parent is gone

    async def _after_kill(self) -> None:
        helper = self.program.after_kill
        if helper is None:
            return
        code = await children.run_helper(helper, self.program.env, self.program.log)
        name = self.program.name
        words = f"what {name} left is at rest" if code == 0 else f"what {name} left may not be at rest: see its log"
        self._progress.say("after_kill", words, service=name, code=code)
