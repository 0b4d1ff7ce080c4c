"""Something breaks in the middle of a page that silences a call: the call comes back in time, and nobody stays on hold.

The door lives in a network namespace, where a real page is sent over real multicast.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from tests.faults.house import House, stalled

from doorbus_testkit.netns import Namespaces
from doorbus_testkit.page_sender import PageSender
from doorbus_testkit.polling import eventually
from doorbus_testkit.wire_call import WireCall

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.netns]

GROUP, PORT = "239.77.1.1", 5004
MULTICAST = f"""
multicast:
  interface: eth0
  barge: 1
  listeners: [{{label: fire, address: "{GROUP}:{PORT}"}}]
"""
BACK_S = 4.0
"""So soon after a death the call is back."""
SLACK_S = 1.5
"""For a busy machine, and for the sound to be measured."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[House]:
    """A door that listens to pages, in a namespace of its own; the test's thread enters it."""
    with Namespaces(1) as (here,), here.entered():
        async with House(more=MULTICAST) as running:
            yield running


@asynccontextmanager
async def _held(house: House) -> AsyncIterator[tuple[WireCall, PageSender]]:
    """A call that a page has silenced, and the page."""
    async with house.phone() as phone:
        call = await house.talk(phone)
        with PageSender(GROUP, PORT) as page:
            await house.stack.event("call.held", by="local", since=call.times["acknowledged"])
            await _reaches(call, "sendonly")
            yield call, page


async def _reaches(call: WireCall, direction: str, within_s: float = 15.0) -> None:
    def is_so() -> bool:
        return call.remote_audio is not None and call.remote_audio.direction == direction

    await eventually(is_so, within_s, 0.01, f"a={direction} from the door")


async def _comes_back(house: House, call: WireCall, since: float, within_s: float = BACK_S) -> None:
    """Waits until the call has sound each way again, so soon after `since`."""
    await _reaches(call, "sendrecv")
    assert time.monotonic() - since < within_s + SLACK_S
    await house.both_ways(call, 0.5)


async def test_multicast_stands_still(house: House) -> None:
    """SIGSTOP: its lease runs out after 3 s. When it goes on, and the page still sends, the call is held again."""
    async with _held(house) as (call, page):
        since = time.monotonic()
        with stalled(house.process("multicast")):
            await _comes_back(house, call, since)
        await _reaches(call, "sendonly")
        page.stop()
        await _comes_back(house, call, time.monotonic())


async def test_multicast_is_killed(house: House) -> None:
    """SIGKILL, and the sender stops too: nobody tells the end of the page, and the call is back all the same."""
    async with _held(house) as (call, page):
        since = time.monotonic()
        house.process("multicast").kill()
        page.stop()
        await _comes_back(house, call, since)
        assert house.stack.told("page.ended", since=since) == []
        await house.bus_is_back()


async def test_policy_is_killed(house: House) -> None:
    """The page goes on: the next life finds the hold and leaves it. The page ends: it resumes the call."""
    async with _held(house) as (call, page):
        since = time.monotonic()
        await house.kill("policy")
        await house.policy_has_the_call()
        await eventually(lambda: house.stack.wish("status"), 5.0, what="policy answers")
        await _page_is_known(house)
        assert house.stack.told("call.resumed", since=since) == []
        page.stop()
        await _comes_back(house, call, time.monotonic(), 1.5)


async def test_policy_stands_still_when_the_page_ends(house: House) -> None:
    """Sip hears that the page is over, waits a second for policy, and resumes the call by itself."""
    async with _held(house) as (call, page):
        with stalled(house.process("policy")):
            since = time.monotonic()
            page.stop()
            await _comes_back(house, call, since)
        await house.bus_is_back()


async def test_the_bus_is_gone(house: House) -> None:
    """Sip resumes the call 4 s after it last heard of the page; with the bus back it is held again, while it plays."""
    async with _held(house) as (call, page):
        since = time.monotonic()
        async with house.without_bus():
            await _comes_back(house, call, since)
        await _reaches(call, "sendonly", 25.0)
        page.stop()
        await _comes_back(house, call, time.monotonic())
        await house.bus_is_back()


async def _page_is_known(house: House) -> None:
    async def known() -> bool:
        return (await house.stack.wish("status")).get("page") is not None

    await eventually(known, 5.0, what="policy knows of the page")
