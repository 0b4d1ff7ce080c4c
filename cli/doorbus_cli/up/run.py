"""A door on one box, composed: read from top to bottom, this is all that `doorbus up` does."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import nats.errors
import structlog

from doorbus.contract.document import Door
from doorbus.runtime.tasks import end_tasks
from doorbus_cli.context import CONTEXT_FILE, SavedContext, write_context
from doorbus_cli.documents import ConflictError
from doorbus_cli.up import health
from doorbus_cli.up.children import Guard
from doorbus_cli.up.keeper import Keeper
from doorbus_cli.up.programs import Service, program_of, waves
from doorbus_cli.up.progress import Progress
from doorbus_cli.up.server import Server, wait_until_it_listens
from doorbus_cli.up.store import Store
from doorbus_cli.up.web import Web

BUS_S = 15.0
"""A server that does not take clients by then has a problem that waiting does not solve."""

POLL_S = 0.05
COMPLAIN_EVERY_S = 10.0

log = structlog.get_logger()


class StartError(Exception):
    """The door cannot be started; the text says why."""


@dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
        path: the file of the document.
        lock: descriptor of the run directory's lock.
        web: where the pages are, None without the web service.
    """

    document: Door
    path: Path
    run_dir: Path
    lock: int
    server: Server
    services: tuple[Service, ...]
    secrets_dir: Path
    log_level: str
    web: Web | None = None


async def run(plan: Plan, progress: Progress) -> None:
    """Runs a door until SIGINT or SIGTERM; a second one ends it at once.

    Raises:
        StartError: it cannot be started; all that was started has ended.
    """
    door, url = plan.document.door, plan.server.url
    guard = Guard()
    await guard.start(plan.lock)
    stop = asyncio.Event()
    store = Store(plan.server, plan.path, plan.document, progress)
    server = Keeper(plan.server.program, progress, guard) if plan.server.program is not None else None
    services = [
        Keeper(
            program_of(
                service,
                door=door,
                url=url,
                password=plan.server.passwords.get(service.name),
                run_dir=plan.run_dir,
                secrets_dir=plan.secrets_dir,
                log_level=plan.log_level,
            ),
            progress,
            guard,
        )
        for service in plan.services
    ]
    keepers = [*services, *([server] if server is not None else [])]
    _on_signals(stop, keepers)
    tasks: list[asyncio.Task[None]] = []
    try:
        if server is not None:
            tasks.append(asyncio.create_task(server.run(), name="nats"))
        tasks.append(asyncio.create_task(store.connection.run(), name="store"))
        if await _unless(stop, tasks, _set_up_bus(store, server, url), BUS_S):
            progress.say("bus", f"bus at {url}", url=url, run_dir=str(plan.run_dir))
            tasks += [asyncio.create_task(keeper.run(), name=keeper.program.name) for keeper in services]
            _leave_context(plan)
            if await _unless(stop, tasks, _until_ready(services, progress), None):
                fields = {"door": door, "url": url, "run_dir": str(plan.run_dir)}
                if plan.web is not None:
                    plan.web.introduce(progress)
                progress.say("ready", f"door {door} is ready", **fields)
                await _unless(stop, tasks, stop.wait(), None)
        progress.say("stopping", "stopping")
    finally:
        (plan.run_dir / CONTEXT_FILE).unlink(missing_ok=True)
        of = {keeper.program.name: keeper for keeper in services}
        for wave in waves(plan.services):
            await asyncio.gather(*(of[service.name].stop() for service in wave))
        await store.connection.close()
        if server is not None:
            await server.stop()
        await end_tasks(tasks)
        await guard.close()
    progress.say("stopped", "all stopped")


def _on_signals(stop: asyncio.Event, keepers: list[Keeper]) -> None:
    def on_signal() -> None:
        if stop.is_set():
            for keeper in keepers:
                keeper.kill()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)


async def _unless(stop: asyncio.Event, tasks: list[asyncio.Task[None]], work: object, within_s: float | None) -> bool:
    """Does `work`; False when a stop was asked for first.

    Raises:
        StartError: it took longer than `within_s`, or a task that should run on has ended.
    """
    working = asyncio.ensure_future(work)  # type: ignore[call-overload]  # any awaitable
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({working, stopping, *tasks}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    try:
        if stop.is_set():
            return False
        for task in tasks:
            if task.done():
                raise StartError(f"{task.get_name()}: {task.exception() or 'ended'}")
        if not working.done():
            raise StartError(f"the bus could not be set up within {within_s:g} s: see nats.log in the run directory")
        try:
            await working
        except (nats.errors.Error, TimeoutError, ConflictError) as error:
            raise StartError(f"the bus could not be set up: {error or 'it does not answer'}") from None
        return True
    finally:
        working.cancel()
        stopping.cancel()


async def _set_up_bus(store: Store, server: Keeper | None, url: str) -> None:
    if server is not None:
        await wait_until_it_listens(url)
    await store.set_up()


def _leave_context(plan: Plan) -> None:
    directory = plan.server.password_dir
    password_file = directory / "operator" if directory is not None else None
    write_context(
        plan.run_dir,
        SavedContext(door=plan.document.door, url=plan.server.url, user="operator", password_file=password_file),
    )


async def _until_ready(services: list[Keeper], progress: Progress) -> None:
    complained = time.monotonic()
    while True:
        waits: dict[str, list[str]] = {}
        for keeper in services:
            wanted = await health.missing(keeper.health_port) if keeper.health_port is not None else None
            if not keeper.started.is_set():
                wanted = None
            if wanted is None or wanted:
                waits[keeper.program.name] = ["an answer"] if wanted is None else wanted
        if not waits:
            return
        if time.monotonic() - complained > COMPLAIN_EVERY_S:
            complained = time.monotonic()
            text = "; ".join(f"{name} ({', '.join(what)})" for name, what in waits.items())
            progress.say("waiting", f"not ready yet, waiting for {text}", services=waits)
        await asyncio.sleep(POLL_S)
