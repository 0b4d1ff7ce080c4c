"""What tests of the console's pages share: a second person, what the door's document is now, what a page looks like."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page
from tests.features.console import Console

from doorbus.contract.document import to_json
from doorbus.contract.document.load import load_document
from doorbus_testkit.stack import Stack

LOOK = (Path(__file__).parent / "look.js").read_text()
"""Returns what is hard to read, too small for a finger, or wider than the screen."""


async def stored(console: Console) -> Any:
    """Returns the door's document as the store has it."""
    return (await console.admin.get("/api/v1/doors/front/document")).json()


async def save(page: Page) -> None:
    """Saves the page's form and waits until the page says so."""
    await page.locator(".save button").click()
    await page.get_by_text("Saved.").wait_for()


@asynccontextmanager
async def second_person(chromium: Browser, console: Console, **options: Any) -> AsyncIterator[Page]:
    """Another browser in which the admin has signed in, too."""
    context = await chromium.new_context(base_url=console.url, reduced_motion="reduce", **options)
    async with console.browser() as browser:
        await console.sign_in(browser)
        cookies = [{"name": each.name, "value": each.value or "", "url": console.url} for each in browser.cookies.jar]
    await context.add_cookies(cookies)  # type: ignore[arg-type]  # a TypedDict that has the same fields
    try:
        yield await context.new_page()
    finally:
        await context.close()


async def begin_with(door: Stack, console: Console, text: str) -> None:
    """Applies a document, where the door works by another one."""
    wanted = json.loads(to_json(load_document(door.fill(text))))
    if await stored(console) != wanted:
        await door.apply(text)
