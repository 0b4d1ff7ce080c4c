"""The live page while a real page plays: real multicast between network namespaces, a real browser."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from tests.features.console import SLOW_S, soonest
from tests.features.doors import ENV, document

from doorbus_testkit.netns import Host, Namespaces
from doorbus_testkit.page_sender import PageSender
from doorbus_testkit.stack import Options, Stack

pytestmark = [pytest.mark.netns, pytest.mark.asyncio(loop_scope="module")]

GROUP, PORT = "239.1.1.1", 5004
LISTENERS = {"interface": "eth0", "listeners": [{"label": "fire", "address": f"{GROUP}:{PORT}"}]}


@pytest.fixture(scope="module")
def sender() -> Iterator[Host]:
    """The sender's host; the door, its pages and the browser are in another one."""
    with Namespaces(2) as (here, there), here.entered():
        yield there


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_door(sender: Host) -> AsyncIterator[Stack]:
    """The file's door, listening."""
    assert sender is not None
    async with Stack(document() + f"multicast: {json.dumps(LISTENERS)}\n", Options(env=ENV, web=True)) as stack:
        yield stack


@pytest.mark.feature("web.live")
async def test_a_page_that_plays_is_shown(door: Stack, sender: Host, page: Page) -> None:
    """The open page names the listener within a second of the first packet, and says when nothing plays any more."""
    assert door.told("page.started") == []
    await page.goto("/doors/front")
    card = page.get_by_role("region", name="Announcement", exact=True)
    await expect(card).to_contain_text("Nothing is playing")

    async def once() -> float:
        with PageSender(GROUP, PORT, host=sender, seconds=SLOW_S) as sent:
            await card.get_by_text("fire").wait_for(timeout=SLOW_S * 1000)
            shown = time.monotonic() - sent.first_at
        await expect(card).to_contain_text("Nothing is playing", timeout=SLOW_S * 1000)
        return shown

    await soonest("first packet of a page to the browser's page", once)


@pytest.mark.feature("web.live")
async def test_a_page_is_over_when_nobody_plays_it(door: Stack, sender: Host, page: Page) -> None:
    """Multicast dies in a page and stays dead: the open page says that nothing plays when the lease has run out."""
    await page.goto("/doors/front")
    card = page.get_by_role("region", name="Announcement", exact=True)
    door.up.stall()  # so that nobody starts it again
    try:
        with PageSender(GROUP, PORT, host=sender, seconds=4 * SLOW_S):
            await card.get_by_text("fire").wait_for(timeout=SLOW_S * 1000)
            door.process("multicast").kill()
            await expect(card).to_contain_text("Nothing is playing", timeout=3 * SLOW_S * 1000)
    finally:
        door.up.resume()
    with PageSender(GROUP, PORT, host=sender, seconds=4 * SLOW_S):
        await card.get_by_text("fire").wait_for(timeout=4 * SLOW_S * 1000)
