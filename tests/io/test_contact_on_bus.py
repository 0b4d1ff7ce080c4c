"""Door contact, holds for a call and flapping lines on the real io process, with a real NATS server or none."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.io.io_process import BUTTON, CONTACT, EXIT, GATE, LAMP, IoProcess, io_document
from tests.io.policy_on_bus import ACTION, UNLOCK, Policy, apply

from doorbus.contract.subjects import KV_STATE
from doorbus_io.contact import UNLOCK_GRACE_S
from doorbus_io.limit import BURST
from doorbus_testkit.chip import SimulatedChip
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import eventually

HELD_FOR_CALL_1 = {**ACTION, "by": "button1", "call": "call-1"}
HELD_FOR_CALL_2 = {**ACTION, "by": "button1", "call": "call-2"}


async def after_the_grace() -> None:
    """Waits until a relay that rested, or was claimed, has rested for so long that an opening is forced."""
    await asyncio.sleep(UNLOCK_GRACE_S + 0.5)  # what is shown is that so much time passes


async def flap(hands: SimulatedChip, line: int, times: int, every_s: float = 0.03) -> None:
    """Has a line change as a broken wire would; it ends high, inactive."""
    for _ in range(times):
        await hands.set(line, 0)
        await asyncio.sleep(every_s)
        await hands.set(line, 1)
        await asyncio.sleep(every_s)


async def test_forced_and_left_open_are_told(policy: Policy, io: IoProcess) -> None:
    """The contact's line opens with the gate at rest: opened, forced, left open once, closed; no relay moves."""
    await apply(policy.client, io_document(contact={"left_open_s": 1.0}))
    await after_the_grace()
    async with io.hands() as hands:
        await hands.set(CONTACT, 0)
        left_open = await policy.wait("input.left_open")
        await asyncio.sleep(1.5)  # it is not told again
        await hands.set(CONTACT, 1)
        await policy.wait("input.closed")
    assert 1.0 <= left_open["open_s"] < 5.0
    expected = ["input.opened", "input.forced", "input.left_open", "input.closed"]
    assert expected == policy.told("input", "relay", "door")
    assert await policy.wait("input.forced") == {"input": "contact1", "kind": "door_contact", "virtual": False}


@pytest.mark.parametrize("by", ["exit button", "order"])
async def test_an_unlocked_door_is_not_forced(policy: Policy, io: IoProcess, by: str) -> None:
    """A door pulled a second after the strike released is not forced, whoever opened it; the next opening is."""
    await after_the_grace()
    async with io.hands() as hands:
        if by == "order":
            assert (await policy.order("pulse", relay="gate", cause=UNLOCK))["ok"]
        else:
            await hands.press(EXIT)
        await policy.wait("relay.reset")
        await hands.press(CONTACT, hold_s=0.2)
        await policy.wait("input.closed")
        assert "input.forced" not in policy.told("input")
        await after_the_grace()
        await hands.press(CONTACT, hold_s=0.2)
        await policy.wait("input.forced")


async def test_the_exit_button_unlocks_the_contact_with_no_bus(
    policy: Policy, server: NatsServer, io: IoProcess
) -> None:
    """With the server dead the exit button's opening is no forced one, a later one is; both are told afterwards."""
    await after_the_grace()
    server.kill()
    async with io.hands() as hands:
        await hands.press(EXIT)
        await hands.wait_level(GATE, 1)
        await hands.press(CONTACT, hold_s=0.2)
        await hands.wait_level(GATE, 0)
        await after_the_grace()
        await hands.press(CONTACT, hold_s=0.2)
        server.start()
        await policy.wait("input.closed", count=2)
    contact = [what for what in policy.told("input") if what not in ("input.pressed", "input.released")]
    assert contact == ["input.opened", "input.closed", "input.opened", "input.forced", "input.closed"]


async def test_a_calls_reset_leaves_an_unlock(policy: Policy, io: IoProcess) -> None:
    """Held for a call, unlocked meanwhile, call over: the line stays active until the pulse's own end, 5 s."""
    async with io.hands() as hands:
        assert (await policy.order("energise", relay="lamp", max_s=360.0, cause=HELD_FOR_CALL_1))["ok"]
        await hands.wait_level(LAMP, 0)
        assert (await policy.order("pulse", relay="lamp", cause=UNLOCK))["ok"]
        for _ in range(2):  # a repeat changes nothing
            assert (await policy.order("reset", relay="lamp", call="call-1"))["ok"]
        (lamp,) = [each for each in (await policy.snapshot()).relays if each.energised]
        assert (lamp.relay, lamp.cause and lamp.cause.kind) == ("lamp", "unlock")
        assert lamp.left_s is not None
        assert 0 < lamp.left_s <= 5.0
        reset = await policy.wait("relay.reset")
        on, off = hands.history(LAMP)
    assert (on.level, off.level) == (0, 1)
    assert 5.0 <= off.at - on.at < 30.0
    assert (reset["why"], reset["cause"]) == ("hold", UNLOCK)
    assert policy.told("relay", "door") == ["relay.energised", "relay.energised", "door.unlocked", "relay.reset"]


async def test_each_call_ends_its_own_hold(policy: Policy, io: IoProcess) -> None:
    """Lamp held for two calls: the first one's reset and one of a call unknown move nothing, the second one's does."""
    async with io.hands() as hands:
        await policy.order("energise", relay="lamp", max_s=360.0, cause=HELD_FOR_CALL_1)
        await policy.order("energise", relay="lamp", max_s=360.0, cause=HELD_FOR_CALL_2)
        await hands.wait_level(LAMP, 0)
        for call in ("call-1", "call-9"):
            assert (await policy.order("reset", relay="lamp", call=call))["ok"]
        assert await hands.level(LAMP) == 0
        assert (await policy.order("reset", relay="lamp", call="call-2"))["ok"]
        await hands.wait_level(LAMP, 1)
        assert [change.level for change in hands.history(LAMP)] == [0, 1]
    reset = await policy.wait("relay.reset")
    assert (reset["why"], reset["cause"]) == ("order", HELD_FOR_CALL_2)


async def test_a_flapping_button_floods_nothing(policy: Policy, io: IoProcess) -> None:
    """A button's wire flaps 100 times: the burst, the limit, the sum; the state is right, the next press is told."""
    async with io.hands() as hands:
        await flap(hands, BUTTON, 100)
        await hands.set(BUTTON, 0)
        await eventually(lambda: state_says(policy, "button1", active=True), what="the state says pressed")
        await hands.set(BUTTON, 1)
        over = await policy.wait("input.limited", count=2)
        pressed = policy.told("input").count("input.pressed")
        assert BURST <= pressed < 100
        assert pressed == policy.told("input").count("input.released")
        assert over["dropped"] == 2 * (101 - pressed)
        await hands.press(BUTTON)
        await policy.wait("input.pressed", count=pressed + 1)


async def state_says(policy: Policy, input_id: str, *, active: bool) -> bool:
    """Tells whether the store has this input so."""
    bucket = await policy.client.jetstream().key_value(KV_STATE)
    state = json.loads((await bucket.get("front.io")).value or b"")
    return {"input": input_id, "active": active} in state["inputs"]


async def test_a_flapping_exit_button_opens_and_floods_nothing(policy: Policy, io: IoProcess) -> None:
    """Over its limit the exit button still opens the gate each time that it rests, which only the sum tells."""
    async with io.hands() as hands:
        await flap(hands, EXIT, 100)
        over = await policy.wait("input.limited", count=2)
        await hands.wait_level(GATE, 0)
        opened = [change for change in hands.history(GATE) if change.level == 1]
    pressed = policy.told("input").count("input.pressed")
    assert BURST <= pressed < 100
    assert policy.told("door").count("door.unlocked") == pressed
    assert over["unlocks"] >= 1
    untold = len(opened) - policy.told("relay").count("relay.reset")
    assert untold == over["unlocks"]
    assert over["over"] is True


async def test_what_a_flapping_contact_ends_with_is_told(policy: Policy, io: IoProcess) -> None:
    """A contact that flaps and then stays open is told as opened when it is calm, and as left open."""
    await apply(policy.client, io_document(contact={"left_open_s": 8.0}))
    await after_the_grace()
    async with io.hands() as hands:
        await flap(hands, CONTACT, 40)
        await hands.set(CONTACT, 0)
        await policy.wait("input.left_open")
    assert policy.told("input")[-4:] == ["input.limited", "input.limited", "input.opened", "input.left_open"]
    assert policy.told("input").count("input.forced") == 1
