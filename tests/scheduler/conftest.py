"""A NATS server with its stores, an observer, schedulers, and a place for zones of a test's own."""

from __future__ import annotations

import asyncio
import zoneinfo
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime
from pathlib import Path

import nats
import pytest
from tests.scheduler.observer import Life, Observer, end_client

from doorbus.runtime.clock import BusClock
from doorbus.runtime.connection import Connection
from doorbus.runtime.settings import ServiceSettings
from doorbus.runtime.stores import ensure_stores
from doorbus.runtime.tasks import end_tasks
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.zone_file import search_path

StartLife = Callable[[datetime | None], Awaitable[Life]]
"""Starts a life, from a bus time on; None = the real one."""


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    """A NATS server with its stores made."""
    async with NatsServer() as running:
        connection = Connection("policy", ServiceSettings(nats_url=running.url), BusClock())
        task = asyncio.create_task(connection.run())
        await connection.wait_connected()
        await ensure_stores(connection)
        await end_tasks((task,))
        await connection.close()
        yield running


@pytest.fixture
async def observer(server: NatsServer) -> AsyncIterator[Observer]:
    """Somebody who sees everything."""
    client = await nats.connect(server.url, max_reconnect_attempts=-1, reconnect_time_wait=0.1)
    seeing = Observer(client)
    await seeing.start()
    yield seeing
    await end_client(client)


@pytest.fixture
async def begin(server: NatsServer) -> AsyncIterator[StartLife]:
    """Starts lives of the scheduler, and ends those that still are at the end."""
    lives: list[Life] = []

    async def start(at: datetime | None = None) -> Life:
        life = Life(server.url)
        lives.append(life)
        await life.start(at)
        return life

    yield start
    for life in lives:
        if life.running:
            await life.stop()


@pytest.fixture
def zones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of zones that this process and those it starts look into."""
    folder = tmp_path / "zones"
    folder.mkdir()
    before = zoneinfo.TZPATH
    monkeypatch.setenv(*search_path(folder))
    zoneinfo.reset_tzpath(to=[str(folder), *before])
    yield folder
    zoneinfo.reset_tzpath(to=before)
