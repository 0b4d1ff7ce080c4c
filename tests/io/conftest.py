"""An io process a test, alone or with policy's place on a NATS server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import pytest
from tests.io.io_process import IoProcess, io_document
from tests.io.policy_on_bus import Policy, apply, is_ready

from doorbus.contract.subjects import KV_CONFIG
from doorbus.runtime.connection import settle
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import eventually


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[IoProcess]:
    """An io process with no bus at all, not started, that remembers a document."""
    made = IoProcess(tmp_path)
    made.remember(io_document())
    yield made
    made.close()


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    """A NATS server."""
    async with NatsServer() as running:
        yield running


@pytest.fixture
async def policy(server: NatsServer) -> AsyncIterator[Policy]:
    """Policy's place on the bus."""
    client = await nats.connect(
        server.url, inbox_prefix="_INBOX.policy", reconnect_time_wait=0.1, max_reconnect_attempts=-1
    )
    made = Policy(client)
    await client.subscribe("door.front.event.>", cb=made.on_event)
    await settle(client)
    yield made
    await client.close()


@pytest.fixture
async def io(server: NatsServer, policy: Policy, tmp_path: Path) -> AsyncIterator[IoProcess]:
    """Io with a document, its lines claimed, taking orders."""
    made = IoProcess(tmp_path, server.url)
    made.start()
    js = policy.client.jetstream()
    await eventually(lambda: js.key_value(KV_CONFIG), what="io makes the stores")
    await apply(policy.client, io_document())
    await eventually(lambda: is_ready(policy), what="io is ready")
    yield made
    made.close()
