"""Servers for the button's messages, and an authority that certifies them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from tests.actions.world import World

from doorbus_actions.tools import Tools
from doorbus_testkit.certificates import Authority
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.receivers import Kind, Receiver


class NewReceiver(Protocol):
    """Starts a server that is ended at the test's end."""

    async def __call__(self, kind: Kind, **options: Any) -> Receiver:
        """Returns the server, started."""
        ...


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that the tools trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def tools(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    """Tools that trust the authority, find the secret `DOORBUS_SECRET_IT`, and do not wait long."""
    monkeypatch.setenv("DOORBUS_SECRET_IT", "geheim")
    return Tools(connect_s=5.0, try_s=10.0, secrets_dir=tmp_path, ca=authority.cert)


@pytest.fixture
async def receiver() -> AsyncIterator[NewReceiver]:
    """Starts servers."""
    async with AsyncExitStack() as stack:

        async def new(kind: Kind, **options: Any) -> Receiver:
            return await stack.enter_async_context(Receiver(kind, **options))

        yield new


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    """A NATS server with an empty store."""
    async with NatsServer() as running:
        yield running


@pytest.fixture
async def world(server: NatsServer, authority: Authority, tmp_path: Path) -> AsyncIterator[World]:
    """A bus with a policy that presses buttons, and actions as a process."""
    async with World(server, authority, tmp_path) as running:
        yield running
