"""io dies, and stands still, with a relay on."""

from __future__ import annotations

import time

import pytest
from tests.faults.house import EXIT, GATE, LAMP, House, stalled

from doorbus_testkit.polling import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUSE = {"gate_s": 1, "lamp_s": 40}
SOON_S = 15.0
"""The supervisor's helper takes half a second, a start of io about one, and ten where much else runs."""


async def test_killed_with_a_relay_on_it_rests_soon(house: House) -> None:
    """A kill with 40 s of a pulse left: the line is at rest within seconds, and the bus state says so.

    A call in progress goes on, and the door opens again.
    """
    async with house.phone() as phone:
        call = await house.talk(phone)
        await _light(house)
        began = time.monotonic()
        await house.kill("io")
        chip = await house.chip_again()
        await chip.wait_level(LAMP, 0, SOON_S)
        assert time.monotonic() - began < SOON_S + 4.0
        assert any(each["event"] == "after_kill" and each["code"] == 0 for each in house.stack.progress())
        await eventually(lambda: _told_at_rest(house), 8.0, 0.1, "the bus state says that the lamp is off")
        await house.both_ways(call, 1.0)
        await house.unlock()
        await house.chip.press(EXIT)
        await house.chip.wait_level(GATE, 1, 2.0)
        await house.chip.wait_level(GATE, 0, 5.0)


async def test_state_does_not_say_energised_for_long(house: House) -> None:
    """While io is dead the bus state does not go on saying that the relay is on."""
    await _light(house)
    await eventually(lambda: _told_on(house), 3.0, 0.05, "the bus state says that the lamp is on")
    await house.kill("io")
    await eventually(lambda: _told_at_rest(house), SOON_S, 0.05, "the bus state says that the lamp is off")
    await house.chip_again()


async def test_stalled_with_a_relay_on_it_rests_when_it_goes_on(house: House) -> None:
    """A stopped process times nothing: the line stays on over the end of its pulse, and rests as soon as io goes on.

    Nothing else can rest it: the lines belong to the process. `doorbus up` bounds this: it kills a service that is
    silent for 5 to 15 s, and its helper rests the lines (`tests/cli`).
    """
    assert (await house.stack.wish("unlock", relay="gate"))["ok"]
    await house.chip.wait_level(GATE, 1)
    with stalled(house.process("io")):
        stopped = time.monotonic()
        await eventually(lambda: time.monotonic() > stopped + 3.0, 5.0, what="the pulse of 1 s is over")
    await house.chip.wait_level(GATE, 0, 1.0)
    on, off = house.chip.history(GATE)[-2:]
    assert (on.level, off.level) == (1, 0)
    assert 3.0 < off.at - on.at < 6.0
    reset = await house.stack.event("relay.reset", since=stopped, relay="gate")
    assert reset.data["why"] == "hold"


async def test_order_during_the_stall_never_moves_a_line(house: House) -> None:
    """An unlock ordered while io stands still is denied at once, and does not happen when io goes on 4 s later."""
    opened, began = house.opened(), time.monotonic()
    with stalled(house.process("io")):
        reply = await house.stack.wish("unlock", relay="gate")
        assert reply["ok"] is False
        denied = await house.stack.event("door.unlock_denied", since=began)
        assert denied.data["why"] == "io_silent"
        await eventually(lambda: time.monotonic() > began + 4.5, 8.0, what="the order has expired")
    await house.unlock()
    assert opened + 1 == house.opened()


async def _light(house: House) -> None:
    assert (await house.stack.wish("unlock", relay="lamp"))["ok"]
    await house.chip.wait_level(LAMP, 1, 3.0)


async def _lamp(house: House) -> object:
    state = await house.stack.state("io")
    return next((each["energised"] for each in state["relays"] if each["relay"] == "lamp"), None)


async def _told_on(house: House) -> bool:
    return await _lamp(house) is True


async def _told_at_rest(house: House) -> bool:
    return await _lamp(house) is False
