"""The life of a service process: logs, health, the bus, an orderly stop.

    async def main(settings):
        async with running("io", version, settings) as service:
            ...compose...
            await service.until_stopped()

The first SIGTERM or SIGINT stops in order, a second one at once. A background task that fails ends the process with
exit code 1, so that its supervisor starts it anew: half a service is worse than none.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog

from doorbus.contract.services import ServiceStopped
from doorbus.runtime import metrics
from doorbus.runtime.bus import Bus
from doorbus.runtime.health import Health
from doorbus.runtime.logs import detached, set_up_logging
from doorbus.runtime.settings import ServiceSettings
from doorbus.runtime.tasks import end_tasks

FREEZE_AFTER_S = 1.0
"""A thousand doors start within seconds, and are one load."""

log = structlog.get_logger()


class ServiceFailedError(Exception):
    """A background task failed; the process shall end with exit code 1."""


class Service:
    """A running service.

    Attributes:
        name: of the service.
        settings: as given.
        health: its conditions of readiness.
        bus: its place on the bus.
    """

    def __init__(self, name: str, version: str, settings: ServiceSettings) -> None:
        self.name = name
        self.settings = settings
        self.health = Health()
        self.bus = Bus(name, version, settings, self.spawn)
        self._tasks: dict[asyncio.Task[Any], str] = {}
        self._stop = asyncio.Event()
        self._failed: str | None = None
        self._freezing: asyncio.TimerHandle | None = None

    def spawn(self, work: Coroutine[Any, Any, Any], what: str) -> asyncio.Task[Any]:
        """Runs `work` in the background for the life of the service; its failure ends the service.

        Its log lines name no call unless it says so itself (`logs.about`).
        """
        task = asyncio.create_task(work, name=what, context=detached())
        self._tasks[task] = what
        task.add_done_callback(self._done)
        return task

    def stop(self) -> None:
        """Asks for an orderly stop."""
        self._stop.set()

    async def until_stopped(self) -> None:
        """Waits until somebody asks for a stop.

        Raises:
            ServiceFailedError: a background task failed.
        """
        self._freeze()
        await self._stop.wait()
        if self._failed is not None:
            raise ServiceFailedError(self._failed)

    def freeze_soon(self) -> None:
        """Says that something was loaded that stays: a second after the last such word nobody collects it any more."""
        if self._freezing is not None:
            self._freezing.cancel()
        self._freezing = asyncio.get_running_loop().call_later(FREEZE_AFTER_S, self._freeze, context=detached())

    def _freeze(self) -> None:
        """Keeps the garbage collector off what is there now.

        A full collection over what the imports left takes 35 ms, over 1,000 doors 100 ms more, and a call would wait
        for it. What is not in a cycle, as documents are, is freed all the same. What the imports needed for a moment
        goes back to the machine.
        """
        gc.collect()
        gc.freeze()
        with contextlib.suppress(OSError, AttributeError):  # another C library than glibc
            ctypes.CDLL(None).malloc_trim(0)

    async def close(self) -> None:
        """Tells the end, sends what waits, ends the tasks."""
        for door in self.bus.doors_told:
            self.bus.tell(door, ServiceStopped(service=self.name))
        if self._freezing is not None:
            self._freezing.cancel()
        await self.bus.close()
        for task in list(self._tasks):
            task.remove_done_callback(self._done)
        await end_tasks(self._tasks)
        self.health.close()

    def _done(self, task: asyncio.Task[Any]) -> None:
        what = self._tasks.pop(task)
        if task.cancelled() or task.exception() is None:
            return
        self._failed = f"{what}: {task.exception()!r}"
        log.error("a background task failed", task=what, exc_info=task.exception())
        self._stop.set()


@asynccontextmanager
async def running(name: str, version: str, settings: ServiceSettings) -> AsyncIterator[Service]:
    """Runs a service's life around the body, which composes it and waits for `until_stopped`."""
    set_up_logging(name, settings)
    service = Service(name, version, settings)
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if service._stop.is_set():
            log.warning("stopping at once")
            os._exit(128 + number)
        log.info("stopping in order", signal=signal.Signals(number).name)
        service.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    service.health.set("bus", False)  # before anybody can ask: without conditions a service is ready
    service.spawn(service.health.beat(), "heartbeat")
    if settings.health_port is not None:
        log.info("health", port=service.health.serve(settings.health_host, settings.health_port))

    def bus_lost() -> None:
        service.health.set("bus", False)

    async def bus_back() -> None:
        service.health.set("bus", True)

    service.bus.connection.on_lost(bus_lost)
    await service.bus.start()
    service.bus.connection.on_every_connect(bus_back)
    metrics.BUS_CONNECTED.set(0)
    try:
        yield service
    finally:
        await service.close()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs a service's main coroutine; exit code 1 when it failed."""
    try:
        asyncio.run(main)
    except ServiceFailedError as failure:
        log.error("the service failed", why=str(failure))  # noqa: TRY400  # its task has logged the traceback
        raise SystemExit(1) from None
