"""A press switches relays: presses and relays on the simulated chip, calls on the wire."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
from tests.features.conftest import NewPhone
from tests.features.doors import GATE, LAMP, document, idle, press, show, stays

from doorbus_testkit.behaviour import Answer, Manual, Refuse, Ring
from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Stack
from doorbus_testkit.wire import WirePhone
from doorbus_testkit.wire_call import WireCall

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDED = {"id": "light", "type": "relay", "relay": "lamp", "reset": "call_ended"}
CONNECTED = {"id": "chime", "type": "relay", "relay": "gate", "reset": "call_connected"}
PULSE_S = 0.5
"""`hold_s` of both relays."""
RINGS_S, TALKS_S = 8, 20
CALLS = {"dial_out_s": RINGS_S, "max_call_s": TALKS_S, "warn_s": 0, "push_to_hang_up": {"hold_s": 0}}


def _document(phone: WirePhone | None, *actions: Mapping[str, Any], **calls: Any) -> str:
    numbers = [] if phone is None else [phone.uri]
    return document(numbers, calls={**CALLS, **calls}, actions=actions or (ENDED, CONNECTED))


async def _rings(door: Stack, phone: WirePhone) -> tuple[WireCall, float]:
    """Presses; returns the call at its phone and the press's second, with both relays energised."""
    edge = await press(door)
    call = await phone.wait_call()
    for line in (LAMP, GATE):
        await door.chip.wait_level(line, 1)
    show("edge to the lamp", _changes(door, LAMP, 1, edge)[0] - edge)
    return call, edge


def _changes(door: Stack, line: int, level: int, since: float) -> list[float]:
    """Returns when a relay's line went to `level` since then."""
    return [change.at for change in door.chip.history(line) if change.level == level and change.at >= since]


async def _rests(door: Stack, line: int, since: float) -> float:
    """Waits until a line rests, ordered so; returns the second. It had not rested before `since`."""
    at = await door.chip.wait_level(line, 0)
    assert at >= since, "it rested too early"
    relay = {LAMP: "lamp", GATE: "gate"}[line]
    assert (await door.event("relay.reset", since=since, relay=relay)).data["why"] == "order"
    return at


@pytest.mark.feature("button.relay")
@pytest.mark.parametrize("reset", ["call_ended", "call_connected"])
async def test_a_press_without_a_call_pulses_the_relay(door: Stack, reset: str) -> None:
    """The relay named is energised for its own hold_s; the event says which button did it, and no unlock is told."""
    await door.apply(_document(None, {**ENDED, "reset": reset}))
    edge = await press(door)
    await door.chip.wait_level(LAMP, 1)
    await door.event("relay.reset", relay="lamp")
    (on,), (off,) = _changes(door, LAMP, 1, edge), _changes(door, LAMP, 0, edge)
    show("edge to the lamp", on - edge)
    assert PULSE_S - 0.05 <= off - on <= PULSE_S + 1.0
    energised = (await door.event("relay.energised", relay="lamp")).data
    assert energised["cause"] == {"kind": "action", "by": "button1"}
    assert door.told("door.unlocked") == []
    assert _changes(door, GATE, 1, edge) == []


@pytest.mark.feature("button.relay")
async def test_a_press_that_answers_pulses_the_relay(door: Stack, phone: NewPhone) -> None:
    """A call that the press answers is not one that it makes: the lamp rests while the two talk."""
    await door.apply(_document(await phone(), ENDED))
    call = await (await phone()).invite(door.uri)
    await call.wait("ringing")
    edge = await press(door)
    await call.wait("answered")
    await door.chip.wait_level(LAMP, 1)
    assert (await door.event("relay.reset", relay="lamp")).data["why"] == "hold"
    assert len(_changes(door, LAMP, 1, edge)) == 1
    assert call.state == "answered"


@pytest.mark.feature("button.relay")
async def test_a_clients_press_is_named_in_the_cause(door: Stack) -> None:
    """A program presses: the relay moves, and the audit shows the program instead of a finger."""
    await door.apply(_document(None, ENDED))
    assert (await door.wish("press", input="button1"))["ok"]
    energised = (await door.event("relay.energised", relay="lamp")).data
    assert energised["cause"] == {"kind": "action", "by": "operator"}
    await door.event("relay.reset", relay="lamp")


@pytest.mark.feature("button.relay_reset_ended", "button.relay_reset_connected")
@pytest.mark.parametrize("ends", ["there", "button", "client"])
async def test_an_answered_call(door: Stack, phone: NewPhone, ends: str) -> None:
    """`call_connected` rests when the phone picks up, `call_ended` when the call ends, whoever ends it."""
    callee = await phone(Manual())
    await door.apply(_document(callee))
    call, edge = await _rings(door, callee)
    call.respond(180)
    await stays(lambda: not _changes(door, GATE, 0, edge), what="both are energised while it rings")
    picked_up = time.monotonic()
    call.respond(200)
    await call.wait("acknowledged")
    show("200 to the gate's rest", await _rests(door, GATE, picked_up) - picked_up)
    await stays(lambda: not _changes(door, LAMP, 0, edge), what="the lamp stays on while they talk")
    ended = time.monotonic()
    match ends:
        case "there":
            call.bye()
        case "button":
            await press(door)
        case _:
            assert (await door.wish("hangup"))["ok"]
    await call.wait("ended")
    show("end to the lamp's rest", await _rests(door, LAMP, ended) - ended)
    assert len(_changes(door, LAMP, 1, edge)) == 1
    assert len(_changes(door, GATE, 1, edge)) == 1
    assert door.told("door.unlocked") == []


@pytest.mark.feature("button.relay_reset_ended", "button.relay_reset_connected")
@pytest.mark.parametrize("why", ["refused", "dial_timeout", "push_button"])
async def test_a_call_that_nobody_answers(door: Stack, phone: NewPhone, why: str) -> None:
    """A call that ends unanswered resets both kinds."""
    callee = await phone(Refuse(603, after_s=1.0, ring=True) if why == "refused" else Ring())
    await door.apply(_document(callee, dial_out_s=2 if why == "dial_timeout" else RINGS_S))
    _, edge = await _rings(door, callee)
    if why == "push_button":
        await press(door)
    ended = await door.event("call.ended")
    assert why == ended.data["reason"]
    for line in (LAMP, GATE):
        await _rests(door, line, edge)
        assert len(_changes(door, line, 1, edge)) == 1


@pytest.mark.feature("button.relay_reset_ended")
async def test_a_relay_held_for_a_call_is_bounded_by_the_call(door: Stack, phone: NewPhone) -> None:
    """Not by `max_on_s`: it is energised for the ringing limit and `max_call_s`, and stays so beyond `max_on_s`."""
    callee = await phone(Answer())
    text = _document(callee, ENDED)
    assert text.count('"hold_s": 0.5}]') == 1
    await door.apply(text.replace('"hold_s": 0.5}]', '"hold_s": 0.5, "max_on_s": 1}]'))
    edge = await press(door)
    await door.event("call.answered")
    energised = await door.event("relay.energised", relay="lamp")
    assert RINGS_S + TALKS_S <= energised.data["for_s"] <= RINGS_S + TALKS_S + 30
    assert energised.data["cause"]["call"] == (await door.event("button.activated")).data["call"]
    await stays(lambda: not _changes(door, LAMP, 0, edge), for_s=2.0, what="the lamp is on for longer than max_on_s")
    await idle(door)
    await _rests(door, LAMP, edge + 2.0)


@pytest.mark.feature("button.relay_reset_ended", "button.relay_reset_connected")
@pytest.mark.parametrize("missed", ["the answer", "the end"])
async def test_policy_dies_and_makes_good_what_it_missed(door: Stack, phone: NewPhone, missed: str) -> None:
    """Killed while the call is answered, or ends: the next policy resets what is due then, and nothing else."""
    callee = await phone(Manual())
    await door.apply(_document(callee))
    call, edge = await _rings(door, callee)
    call.respond(180)
    if missed == "the end":
        call.respond(200)
        await door.event("call.answered")
        await _rests(door, GATE, edge)
    door.up.stall()  # it would start another policy at once
    killed = time.monotonic()
    try:
        door.process("policy").kill()
        if missed == "the answer":
            call.respond(200)
            await call.wait("acknowledged")
        else:
            call.bye()
            await call.wait("ended")
        await stays(lambda: _nothing_moved(door, killed), what="nobody resets while policy is dead")
    finally:
        door.up.resume()
    line = GATE if missed == "the answer" else LAMP
    await _rests(door, line, killed)
    if missed == "the answer":
        await stays(lambda: not _changes(door, LAMP, 0, edge), what="the lamp stays on while they talk")
        call.bye()
        await _rests(door, LAMP, killed)


def _nothing_moved(door: Stack, since: float) -> bool:
    """Whether no relay moved since then."""
    return not any(change.at >= since for line in (LAMP, GATE) for change in door.chip.history(line))


@pytest.mark.feature("button.relay")
async def test_a_relay_that_is_not_there_disturbs_nothing(door: Stack, phone: NewPhone) -> None:
    """Its chip is missing: `action.failed` says so, the phone rings, and the other relay of the press moves."""
    callee = await phone(Ring())
    text = _document(callee)
    lamp = f'"chip": "sim", "line": {LAMP}'
    assert text.count(lamp) == 1
    await door.apply(text.replace(lamp, f'"chip": "gpiochip99", "line": {LAMP}'))
    await press(door)
    await callee.wait_call()
    failed = (await door.event("action.failed")).data
    activated = (await door.event("button.activated")).data
    assert ("light", activated["press"], activated["call"], "io refused the order: not_ready") == (
        failed["action"],
        failed["press"],
        failed["call"],
        failed["why"],
    )
    await door.chip.wait_level(GATE, 1)
    await idle(door)
    await eventually(lambda: door.told("relay.reset", relay="gate"), what="the other relay is reset")
