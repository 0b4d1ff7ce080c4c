"""io on a real NATS server: policy's orders move lines once, facts follow, everything else is refused."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import nats
import pytest
from tests.io.io_process import BUTTON, CONTACT, EXIT, GATE, LAMP, IoProcess, io_document
from tests.io.policy_on_bus import ACTION, UNLOCK, Policy, apply, body

from doorbus.contract.lines import IoSnapshot
from doorbus.contract.subjects import KV_STATE
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import eventually


async def test_a_pulse_moves_the_line_and_is_told(policy: Policy, io: IoProcess) -> None:
    """An order energises the gate; energised, unlocked and reset are told with cause and command."""
    async with io.hands() as hands:
        assert (await policy.order("pulse", id="order-1", relay="gate", cause=UNLOCK))["ok"]
        await hands.wait_level(GATE, 1)
        energised = await policy.wait("relay.energised")
        assert energised == {"relay": "gate", "cause": UNLOCK, "for_s": 0.5, "command": "order-1"}
        unlocked = await policy.wait("door.unlocked")
        assert unlocked == {"relay": "gate", "method": "dtmf", "by": "101", "call": "call-1"}
        assert (await policy.wait("relay.reset"))["why"] == "hold"
        assert await hands.level(GATE) == 0
    assert list(range(policy.sequences[0], policy.sequences[0] + len(policy.sequences))) == policy.sequences


async def test_inputs_are_told(policy: Policy, io: IoProcess) -> None:
    """Button, contact and exit button are told, the exit button with its unlock."""
    async with io.hands() as hands:
        await hands.press(BUTTON)
        await policy.wait("input.released")
        await hands.press(CONTACT)
        await policy.wait("input.closed")
        await hands.press(EXIT)
        unlocked = await policy.wait("door.unlocked")
        assert unlocked == {"relay": "gate", "method": "input", "by": "exit1"}
        await policy.wait("input.released", count=2)
    assert policy.told("input")[:4] == ["input.pressed", "input.released", "input.opened", "input.closed"]
    assert await policy.wait("input.pressed") == {"input": "button1", "kind": "push_button", "virtual": False}


async def test_the_edge_is_told_at_once(policy: Policy, io: IoProcess) -> None:
    """From the edge to the event at a reader takes milliseconds (median of 20, bound generous for a busy machine)."""
    delays = []
    async with io.hands() as hands:
        for count in range(1, 21):
            edge = await hands.set(BUTTON, 0)
            await policy.wait("input.pressed", count)
            delays.append(time.monotonic() - edge)
            await hands.set(BUTTON, 1)
            await policy.wait("input.released", count)
    assert sorted(delays)[10] < 0.1


async def test_energise_holds_until_reset(policy: Policy, io: IoProcess) -> None:
    """A relay held for a call stays energised past its own hold until policy resets it; an action unlocks nothing."""
    async with io.hands() as hands:
        assert (await policy.order("energise", relay="lamp", max_s=360.0, cause=ACTION))["ok"]
        await hands.wait_level(LAMP, 0)
        (lamp,) = [each for each in (await policy.snapshot()).relays if each.relay == "lamp"]
        assert lamp.energised
        assert lamp.left_s is not None
        assert 300 < lamp.left_s <= 360
        assert (await policy.order("reset", relay="lamp"))["ok"]
        await hands.wait_level(LAMP, 1)
    assert (await policy.wait("relay.reset"))["why"] == "order"
    assert policy.told("door") == []


async def test_energise_is_bounded_by_its_own_maximum(policy: Policy, io: IoProcess) -> None:
    """When policy dies the relay that it held rests by itself."""
    assert (await policy.order("energise", relay="lamp", max_s=0.3, cause=ACTION))["ok"]
    assert (await policy.wait("relay.reset"))["why"] == "max_on"


async def test_a_repeated_order_moves_once(policy: Policy, io: IoProcess) -> None:
    """The same order twice, as after a lost answer: the same answer twice, the line moves once."""
    async with io.hands() as hands:
        first = await policy.order("pulse", id="once", relay="gate", cause=UNLOCK)
        await policy.wait("relay.reset")
        assert first == await policy.order("pulse", id="once", relay="gate", cause=UNLOCK)
        await policy.order("pulse", id="twice", relay="gate", cause=UNLOCK)
        await policy.wait("relay.reset", count=2)
        assert [change.level for change in hands.history(GATE)] == [1, 0, 1, 0]


WRONG_ORDERS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("pulse", {"expires_in_s": -0.5, "relay": "gate", "cause": UNLOCK}, "expired"),
    ("pulse", {"expires_in_s": 60.0, "relay": "gate", "cause": UNLOCK}, "expires_too_late"),
    ("pulse", {"epoch": 4, "relay": "gate", "cause": UNLOCK}, "old_epoch"),
    ("pulse", {"relay": "garage", "cause": UNLOCK}, "unknown_relay"),
    ("pulse", {"relay": "gate"}, "malformed"),
    ("pulse", {"relay": "gate", "cause": {"kind": "wish"}}, "malformed"),
    ("energise", {"relay": "gate", "max_s": -1.0, "cause": ACTION}, "malformed"),
    ("explode", {"relay": "gate"}, "unknown_command"),
)


async def test_wrong_orders_are_refused_and_move_nothing(policy: Policy, io: IoProcess) -> None:
    """Late, early, old, unknown and unreadable orders get a stable code, and the gate stays at rest."""
    async with io.hands() as hands:
        for verb, fields, code in WRONG_ORDERS:
            reply = await policy.order(verb, **fields)
            assert (False, code) == (reply["ok"], reply["code"])
        assert (await policy.order("pulse", id="good", relay="gate", cause=UNLOCK))["ok"]
        await policy.wait("relay.reset")
        assert [change.level for change in hands.history(GATE)] == [1, 0]
    assert (await policy.wait("relay.energised"))["command"] == "good"


async def test_a_forged_reply_subject_is_refused(policy: Policy, server: NatsServer, io: IoProcess) -> None:
    """An order whose answer goes elsewhere than to policy is told as rejected and moves nothing."""
    forger = await nats.connect(server.url, inbox_prefix="_INBOX.web")
    for reply_to in ("_INBOX.web.1", "door.front.cmd.sip.dial", ""):
        await forger.publish("door.front.cmd.io.pulse", body(relay="gate", cause=UNLOCK), reply=reply_to)
    await forger.flush()
    rejected = await policy.wait("message.rejected", count=3)
    assert rejected["code"] == "bad_reply_subject"
    async with io.hands() as hands:
        assert await hands.level(GATE) == 0
    assert policy.told("relay") == []
    await forger.close()


async def test_a_changed_relay_rests_and_the_other_goes_on(policy: Policy, io: IoProcess) -> None:
    """A new document moves the gate to another line: it rests on the old one, the lamp stays on, the new one obeys."""
    async with io.hands() as hands:
        await policy.order("energise", relay="gate", max_s=360.0, cause=UNLOCK)
        await policy.order("energise", relay="lamp", max_s=360.0, cause=ACTION)
        await apply(policy.client, io_document(line=10, hold_s=2.0))
        assert (await policy.wait("relay.reset"))["why"] == "reconfigured"
        assert await hands.level(GATE) == 0
        await eventually(lambda: pulses(policy), what="the new gate obeys")
        await hands.wait_level(10, 1)
        assert await hands.level(LAMP) == 0
        assert [change.level for change in hands.history(LAMP)] == [0]
        assert await hands.level(GATE) == 0


async def pulses(policy: Policy) -> bool:
    """Orders a pulse of the gate; False while it is refused."""
    return bool((await policy.order("pulse", relay="gate", cause=UNLOCK))["ok"])


async def test_the_state_is_kept(policy: Policy, io: IoProcess) -> None:
    """The store says what is energised, and after an orderly end that everything rests."""
    bucket = await policy.client.jetstream().key_value(KV_STATE)

    async def energised() -> set[str]:
        entry = await bucket.get("front.io")
        return {each.relay for each in IoSnapshot.model_validate_json(entry.value or b"").relays if each.energised}

    async def is_energised(expected: set[str]) -> bool:
        return await energised() == expected

    await policy.order("energise", relay="lamp", max_s=360.0, cause=ACTION)
    await eventually(lambda: is_energised({"lamp"}), what="the state names the lamp")
    assert io.process is not None
    await asyncio.to_thread(io.process.stop)
    assert (await policy.wait("relay.reset"))["why"] == "stopped"
    await policy.wait("service.stopped")
    assert set() == await energised()
    assert io.latched(LAMP) == 1


async def test_after_a_kill_the_state_says_unknown(policy: Policy, io: IoProcess) -> None:
    """After kill -9 the supervisor's helper rests the gate, and io's state says unknown until io itself says more."""
    await policy.order("energise", relay="gate", max_s=30, cause=ACTION)
    assert io.process is not None
    await eventually(lambda: _says(policy, [True, False]), what="the state is kept")
    io.process.kill9()
    await asyncio.to_thread(io.rest)
    state = IoSnapshot.model_validate_json((await _kept(policy)) or b"")
    assert [(each.relay, each.energised) for each in state.relays] == [("gate", None), ("lamp", None)]
    io.start()
    await eventually(lambda: _says(policy, [False, False]), what="the new io says that both rest")


async def _says(policy: Policy, energised: list[bool]) -> bool:
    kept = IoSnapshot.model_validate_json((await _kept(policy)) or b"")
    return [each.energised for each in kept.relays] == energised


async def _kept(policy: Policy) -> bytes | None:
    bucket = await policy.client.jetstream().key_value(KV_STATE)
    return (await bucket.get("front.io")).value


async def test_the_document_outlives_the_bus(policy: Policy, server: NatsServer, io: IoProcess) -> None:
    """Io restarted with the bus down works from the document that it kept, and tells what happened when it is back."""
    assert io.process is not None
    before = len(await policy.kept("door.unlocked"))
    await eventually((io.folder / "io-front.json").exists, what="the document is kept")
    await asyncio.to_thread(io.process.stop)
    server.stop()
    io.start()
    async with io.hands() as hands:
        await hands.wait_level(GATE, 0)
        await hands.press(EXIT)
        await hands.wait_level(GATE, 1)
        server.start()
        assert (await policy.next_kept("door.unlocked", before))["by"] == "exit1"


@pytest.mark.parametrize("stalled", [False, True])
async def test_the_bus_goes_in_a_pulse(policy: Policy, server: NatsServer, io: IoProcess, stalled: bool) -> None:
    """With the bus killed or stalled, a running pulse ends in time and the exit button opens; it is told afterwards."""
    async with io.hands() as hands:
        await policy.order("pulse", relay="gate", cause=UNLOCK)
        server.stall() if stalled else server.kill()
        await hands.wait_level(GATE, 0)
        on, off = hands.history(GATE)
        assert off.at - on.at < 2.0
        await hands.press(EXIT)
        await eventually(lambda: len(hands.history(GATE)) == 4, what="the exit button's pulse")
        server.resume() if stalled else server.start()
        assert (await policy.next_kept("door.unlocked", before=1))["by"] == "exit1"
        assert (await policy.next_kept("relay.reset", before=1))["relay"] == "gate"


async def test_an_unlock_sent_in_a_stall_never_happens(policy: Policy, server: NatsServer, io: IoProcess) -> None:
    """An order that sits in a stalled server past its expiry is refused when it arrives."""
    async with io.hands() as hands:
        server.stall()
        order = body(expires_in_s=1.0, relay="gate", cause=UNLOCK)
        await policy.client.publish("door.front.cmd.io.pulse", order, reply=policy.client.new_inbox())
        await asyncio.sleep(1.5)  # what is shown is that its second passes
        server.resume()
        await eventually(lambda: pulses(policy), 30, what="io obeys again")
        await policy.wait("relay.reset")
        assert [change.level for change in hands.history(GATE)] == [1, 0]
