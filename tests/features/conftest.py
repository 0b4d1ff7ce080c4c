"""One running door for each test file, idle before and after each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from contextlib import AsyncExitStack
from typing import Protocol

import pytest
import pytest_asyncio
from tests.features.doors import ENV, document, idle

from doorbus_testkit.behaviour import Behaviour, Manual
from doorbus_testkit.stack import Options, Stack
from doorbus_testkit.wire import WirePhone

FAILED = pytest.StashKey[bool]()


class NewPhone(Protocol):
    """Opens a scripted phone that is closed at the test's end."""

    async def __call__(
        self, behaviour: Behaviour = ..., *, user: str = ..., host: str = ..., rtp: bool = ...
    ) -> WirePhone:
        """Returns the phone, open."""
        ...


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remembers that a test has failed, for its fixtures."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_door() -> AsyncIterator[Stack]:
    """The file's door."""
    async with Stack(document(), Options(env=ENV)) as stack:
        yield stack


@pytest_asyncio.fixture(loop_scope="module")
async def door(running_door: Stack, request: pytest.FixtureRequest) -> AsyncIterator[Stack]:
    """The file's door, idle, and what it has told since the test's begin. A failed test shows what everybody said."""
    await idle(running_door)
    running_door.events.clear()
    yield running_door
    if request.node.stash.get(FAILED, False):
        running_door.print_logs()
    await idle(running_door)


@pytest_asyncio.fixture(loop_scope="module")
async def phone(door: Stack) -> AsyncIterator[NewPhone]:
    """Opens phones; they outlive the door's last call, so that it can end in order."""
    async with AsyncExitStack() as phones:

        async def new(
            behaviour: Behaviour = Manual(),  # noqa: B008 - frozen and without fields
            *,
            user: str = "wire",
            host: str = "127.0.0.1",
            rtp: bool = False,
        ) -> WirePhone:
            return await phones.enter_async_context(WirePhone(behaviour, user=user, host=host, rtp=rtp))

        yield new
        await idle(door)
