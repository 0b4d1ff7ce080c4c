"""One running door for each test file, idle before and after each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from contextlib import AsyncExitStack
from typing import Protocol

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page
from tests.features.console import Console
from tests.features.doors import ENV, document, idle

from doorbus_testkit.behaviour import Behaviour, Manual
from doorbus_testkit.browser import chromium
from doorbus_testkit.stack import Options, Stack
from doorbus_testkit.wire import WirePhone

BROWSER_S = 15.0
"""A page takes 0.1 s on an idle machine."""

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
async def running_door(request: pytest.FixtureRequest) -> AsyncIterator[Stack]:
    """The file's door, with pages where the file says `WEB = True`."""
    async with Stack(document(), Options(env=ENV, web=getattr(request.module, "WEB", False))) as stack:
        yield stack


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def console(running_door: Stack) -> AsyncIterator[Console]:
    """The pages and the API of the file's door, with an admin signed in."""
    async with Console(running_door) as signed_in:
        yield signed_in


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="chromium")
async def running_chromium() -> AsyncIterator[Browser]:
    """A real browser, for all tests of the file."""
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(chromium: Browser, console: Console) -> AsyncIterator[Page]:
    """An empty tab at the door's pages, with nobody signed in; its console must stay free of errors."""
    context = await chromium.new_context(base_url=console.url, reduced_motion="reduce")
    page = await context.new_page()
    page.set_default_timeout(BROWSER_S * 1000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    await context.close()
    assert errors == []


@pytest_asyncio.fixture(loop_scope="module")
async def page(visitor: Page, console: Console) -> Page:
    """A tab in which the admin has signed in with a session of its own."""
    async with console.browser() as browser:
        await console.sign_in(browser)
        cookies = [{"name": each.name, "value": each.value or "", "url": console.url} for each in browser.cookies.jar]
    await visitor.context.add_cookies(cookies)  # type: ignore[arg-type]  # a TypedDict that has the same fields
    return visitor


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
