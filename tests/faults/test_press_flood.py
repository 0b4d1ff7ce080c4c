"""Floods of presses on the whole stack: a flapping wire, a client that has gone mad."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.faults.house import BUTTON, House

from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Told
from doorbus_testkit.wire import WirePhone

pytestmark = pytest.mark.asyncio(loop_scope="module")

BURST, PER_S = 10, 2.0
"""What policy takes of one button, from fingers and from clients each."""
FLAPS, FLAP_S = 60, 0.03
"""Each edge is longer than the debouncing, so each is a press."""
WISHES = 500
CALM_S = 15.0
"""The sum is told 5 s after the last press dropped, that of the line 6 s after its last change."""
SLACK = 2


async def test_a_flapping_wire_is_bounded_and_the_next_press_rings(house: House) -> None:
    """Sixty presses in some seconds: few are taken, an event says that there are too many and another how many.

    When it is calm the door is as usual: a press rings.
    """
    async with house.phone(rtp=False) as phone:
        began = time.monotonic()
        for _ in range(FLAPS):
            await house.chip.press(BUTTON, FLAP_S)
            await asyncio.sleep(FLAP_S)
        took_s = time.monotonic() - began
        taken = await _taken(house, began)
        assert BURST <= len(taken) <= BURST + PER_S * took_s + SLACK
        assert any(not told.data.get("over") for told in _limited(house, began))
        await eventually(
            lambda: any(told.data.get("over") for told in _limited(house, began)), CALM_S, what="the flood is over"
        )
        assert len(_limited(house, began)) <= 4
        await _rings(house, phone)


async def test_a_mad_client_is_bounded_and_told_so_and_a_finger_still_counts(house: House) -> None:
    """500 wishes at once: each is answered, few are taken, the others are `rate_limited`; a finger is not."""
    async with house.phone(rtp=False) as phone:
        began = time.monotonic()
        replies = await asyncio.gather(*(house.stack.wish("press", input="button1") for _ in range(WISHES)))
        took_s = time.monotonic() - began
        ok = [reply for reply in replies if reply["ok"]]
        assert BURST <= len(ok) <= BURST + PER_S * took_s + SLACK
        assert {"rate_limited"} == {reply["code"] for reply in replies if not reply["ok"]}
        refused = next(reply for reply in replies if not reply["ok"])
        assert refused["message"] == "input: button1 is pressed too often: 10 times at once, then 2 a second, are taken"
        assert len(ok) == len(await _taken(house, began))
        (first,) = house.stack.told("button.limited", began)
        assert (first.data["input"], first.data["virtual"], first.data["dropped"]) == ("button1", True, 1)
        pressed = await house.press()
        await eventually(
            lambda: len(house.stack.told("button.activated", pressed)) == 1, what="a finger's press counts"
        )
        over = await house.stack.event("button.limited", CALM_S, began, over=True)
        assert WISHES - len(ok) == over.data["dropped"]
        await _rings(house, phone)


async def _taken(house: House, since: float) -> list[Told]:
    """Returns the presses that were taken, once policy has answered a question that came after them all."""
    assert (await house.stack.wish("status"))["ok"]
    before = -1

    async def settled() -> bool:
        nonlocal before
        last, before = before, len(house.stack.told("button.activated", since))
        return last == before

    await eventually(settled, every_s=0.3, what="no further press is taken")
    return house.stack.told("button.activated", since)


def _limited(house: House, since: float) -> list[Told]:
    """Returns what was told of limits, by policy or by io, which may have left presses out before."""
    return [*house.stack.told("button.limited", since), *house.stack.told("input.limited", since)]


async def _rings(house: House, phone: WirePhone) -> None:
    """Presses the button of an idle door, and waits until the phone rings."""
    await house.quieten()
    calls = len(phone.calls)
    pressed = await house.press()
    await phone.wait_call(calls + 1)
    assert (await house.stack.event("button.activated", since=pressed)).data["does"] == "call"
