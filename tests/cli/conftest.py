"""A NATS server with the users of a door, commands run against it, and services that speak on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from doorbus.contract.nats_config import render
from doorbus.contract.permissions import SUPERVISOR, Role, client_user, service_user, supervisor_user
from doorbus.runtime.bus import Bus
from doorbus.runtime.settings import ServiceSettings
from doorbus.runtime.stores import ensure_stores
from doorbus_cli.context import SavedContext, write_context
from doorbus_cli.main import app
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import eventually

USERS = [
    *(service_user(name) for name in ("sip", "io", "policy", "actions")),
    supervisor_user(),
    client_user("operator", Role.OPERATOR),
    client_user("viewer", Role.VIEWER),
]


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    """A NATS server with an empty store; each user's password is its name."""
    async with NatsServer(config_text=render(USERS, {user.name: user.name for user in USERS})) as running:
        yield running


@pytest.fixture
async def make_bus(server: NatsServer) -> AsyncIterator[Callable[[str], Awaitable[Bus]]]:
    """Makes the places of services of the door `front` on the bus, with bus time known."""
    tasks: list[asyncio.Task[Any]] = []
    buses: list[Bus] = []

    def spawn(work: Coroutine[Any, Any, Any], what: str) -> asyncio.Task[Any]:
        tasks.append(asyncio.create_task(work, name=what))
        return tasks[-1]

    async def make(service: str) -> Bus:
        settings = ServiceSettings(
            doors=("front",), nats_url=server.url, nats_user=service, nats_password=SecretStr(service)
        )
        bus = Bus(service, "0.1.0", settings, spawn)
        buses.append(bus)
        await bus.start()
        await bus.connection.wait_connected()

        async def measured() -> bool:
            await bus.connection.measure()
            return bus.clock.known

        if service == SUPERVISOR:
            await ensure_stores(bus.connection)
        await eventually(measured, what="bus time is known")
        return bus

    await make(SUPERVISOR)
    yield make
    for bus in buses:
        await bus.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def run_dir(server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run directory that an `up` of the door `front` on this server would have left."""
    for name in ("DOORBUS_RUN_DIR", "DOORBUS_NATS_URL", "DOORBUS_NATS_USER", "DOORBUS_NATS_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    directory = tmp_path / "run"
    (directory / "passwords").mkdir(parents=True)
    for user in ("operator", "viewer"):
        (directory / "passwords" / user).write_text(user)
    saved = SavedContext(
        door="front", url=server.url, user="operator", password_file=directory / "passwords" / "operator"
    )
    write_context(directory, saved)
    return directory


@pytest.fixture
def doorbus(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Awaitable[Any]]:
    """Runs a command of `doorbus` to its end, in a thread, so that the test's own services can answer it."""
    monkeypatch.setenv("TERMINAL_WIDTH", "200")

    async def run(*words: str | Path) -> Any:
        return await asyncio.to_thread(lambda: CliRunner().invoke(app, [str(word) for word in words]))

    return run
