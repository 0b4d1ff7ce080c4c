"""Real NATS, the real policy service, and scripted services in place of sip and io."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.policy.fakes import Box

from doorbus_testkit.nats_server import NatsServer


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    """A NATS server with an empty store."""
    async with NatsServer() as running:
        yield running


@pytest.fixture
async def box(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Box]:
    """A door whose sip and io are scripted."""
    monkeypatch.setenv("DOORBUS_SECRET_GATE", "1234")
    made = Box(server.url)
    await made.start()
    yield made
    await asyncio.wait_for(made.close(), 20)
