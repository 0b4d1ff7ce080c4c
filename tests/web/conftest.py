"""The web service without a bus."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.web.world import Site, build


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Site]:
    """The site of a door `front`, with no bus and no user."""
    world = build(tmp_path)
    yield world
    for client in world.clients:
        await client.aclose()
    world.parts.access.close()
