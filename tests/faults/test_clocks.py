"""Hosts whose clocks are half a minute apart, or stand in 1970: one service at a time gets such a clock.

libfaketime shifts the wall clock of a process and leaves its monotonic clock alone.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.faults.house import GATE, House, for_a_while

from doorbus_testkit.stack import Options

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not LIBRARIES and "CI" not in os.environ, reason="Debian's faketime is not installed"),
]

CLOCKS = [
    pytest.param(("policy", "+30s"), id="policy is 30 s ahead"),
    pytest.param(("policy", "1970-01-02 00:00:00"), id="policy stands in 1970"),
    pytest.param(("io", "-30s"), id="io is 30 s behind"),
    pytest.param(("io", "1970-01-02 00:00:00"), id="io stands in 1970"),
    pytest.param(("sip", "+30s"), id="sip is 30 s ahead"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=CLOCKS)
async def skewed(request: pytest.FixtureRequest) -> AsyncIterator[tuple[House, str]]:
    """A door one of whose services has a wrong clock, and that service's name."""
    service, clock = request.param
    settings = {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME": clock,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    words = [f"{service}:{name}={value}" for name, value in settings.items()]
    wrap = (sys.executable, str(Path(__file__).with_name("up_with.py")), *words, "--")
    async with House(Options(wrap=wrap)) as house:
        yield house, service
        await house.quieten()


async def test_skew_is_reported(skewed: tuple[House, str]) -> None:
    """The service says that its clock differs from the bus, and only that service."""
    house, service = skewed
    assert {service} == await _kept_skews(house)


async def test_press_rings_and_limits_hold(skewed: tuple[House, str]) -> None:
    """A press rings at once, the call has sound each way, and a press ends it."""
    house, _ = skewed
    async with house.phone() as phone:
        call = await house.talk(phone)
        await house.press()
        await call.wait("ended", 5.0)


async def test_unlock_opens_and_an_expired_one_does_not(skewed: tuple[House, str]) -> None:
    """A wish stamped with the right time opens; one that has expired in bus time does not, whatever the clock says."""
    house, _ = skewed
    await house.unlock()
    opened, began = house.opened(), time.monotonic()
    subject = "door.front.cmd.policy.unlock.gate.operator"
    late = await house.send(house.stack.client, subject, house.body(-1.0))
    assert (late["ok"], late["code"]) == (False, "expired")
    ahead = await house.send(house.stack.client, subject, house.body(31.0))
    assert (ahead["ok"], ahead["code"]) == (False, "expires_too_late")
    await for_a_while(0.7, lambda: house.opened() == opened, "an expired wish opened")
    await house.chip.press(1)
    await house.chip.wait_level(GATE, 1, 2.0)
    told = await house.stack.event("door.unlocked", since=began, method="input")
    assert told.headers["ce-clock"] == "bus"
    await house.chip.wait_level(GATE, 0, 5.0)


async def _kept_skews(house: House) -> set[str]:
    """Returns the services that told of a skewed clock, from the stream: they tell it before a test can listen."""
    js = house.stack.client.jetstream()
    subscription = await js.subscribe(
        "door.front.event.service.degraded", stream="DOORBUS_EVENTS", ordered_consumer=True
    )
    found: set[str] = set()
    try:
        while True:
            message = await subscription.next_msg(timeout=1.5)
            if b'"clock"' in message.data:
                found.add((message.headers or {})["ce-source"].rsplit("/", 1)[-1])
    except TimeoutError:
        return found
    finally:
        await subscription.unsubscribe()
