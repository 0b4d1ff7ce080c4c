"""A real browser for the console's pages: Debian's Chromium through Playwright.

async with Browser() as browser:
page = await browser.page(url)
await sign_in(page, url, user, one_time_password)
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Self

from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserContext, Page, async_playwright

from doorbus_testkit.peers import require_program

PASSWORD = "gate of the garden 12"
"""Chosen in place of the one-time password."""
DESKTOP, PHONE = (1180, 800), (390, 780)
WAIT_MS = 15_000


@asynccontextmanager
async def chromium() -> AsyncIterator[Chromium]:
    """A Chromium, ended with the block. Without one `require_program` says what happens."""
    program = require_program("chromium")
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]  # in containers, as root
        browser = await playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        await browser.close()


class Browser:
    """One Chromium, ended with the block."""

    async def __aenter__(self) -> Self:
        self._open = AsyncExitStack()
        self._chromium: Chromium = await self._open.enter_async_context(chromium())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def page(self, base: str, *, phone: bool = False, dark: bool = False, scripts: bool = True) -> Page:
        """Returns a page in a context of its own: another person, with no login."""
        width, height = PHONE if phone else DESKTOP
        context: BrowserContext = await self._chromium.new_context(
            base_url=base,
            viewport={"width": width, "height": height},
            has_touch=phone,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            java_script_enabled=scripts,
            locale="en-GB",
        )
        context.set_default_timeout(WAIT_MS)
        return await context.new_page()


async def sign_in(page: Page, user: str, password: str, *, new: str | None = PASSWORD) -> None:
    """Signs a page's person in; `new` replaces a one-time password, None = it is one's own already."""
    await page.goto("/login")
    await page.fill("#user", user)
    await page.fill("#password", password)
    await page.click("button:has-text('Sign in')")
    if new is not None:
        await page.wait_for_url("**/account/password")
        await page.fill("#current", password)
        await page.fill("#new", new)
        await page.fill("#again", new)
        await page.click("button:has-text('Change the password')")
    await page.wait_for_url("**/")
