"""A real NATS server a test, and processes' places on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from tests.bus.support import MakeBus

from doorbus.runtime.bus import Bus
from doorbus.runtime.connection import close_client
from doorbus.runtime.settings import ServiceSettings
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import eventually


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    """A NATS server with an empty store."""
    async with NatsServer() as running:
        yield running


@pytest.fixture
async def client(server: NatsServer) -> AsyncIterator[Client]:
    """A client that is no Doorbus service."""
    connected = await nats.connect(server.url, inbox_prefix="_INBOX.tester", max_reconnect_attempts=-1)
    yield connected
    await close_client(connected)


@pytest.fixture
async def make_bus(server: NatsServer) -> AsyncIterator[MakeBus]:
    """Makes places on the bus, connected and with bus time known."""
    tasks: list[asyncio.Task[Any]] = []
    buses: list[Bus] = []

    def spawn(work: Coroutine[Any, Any, Any], what: str) -> asyncio.Task[Any]:
        tasks.append(asyncio.create_task(work, name=what))
        return tasks[-1]

    async def make(service: str = "io", doors: str = "front", url: str | None = None, wait: bool = True) -> Bus:
        settings = ServiceSettings(doors=doors, nats_url=url or server.url)
        bus = Bus(service, "0.1.0", settings, spawn)
        buses.append(bus)
        await bus.start()
        if wait:
            await bus.connection.wait_connected()
            await eventually(lambda: bus.clock.known or _measure(bus), what="bus time is known")
        return bus

    yield make
    for bus in buses:
        await bus.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _measure(bus: Bus) -> bool:
    await bus.connection.measure()
    return bus.clock.known
