"""Push to hang up: presses on the simulated chip, calls on the wire."""

from __future__ import annotations

import time

import pytest
from tests.features.conftest import NewPhone
from tests.features.doors import LAMP, document, press, show, stays

from doorbus_testkit.behaviour import Answer, Ring
from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Stack
from doorbus_testkit.wire_call import WireCall

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIGHT = {"id": "light", "type": "relay", "relay": "lamp"}
HOLD_S = 2.0


def _document(uri: str, *, enabled: bool = True, hold_s: float = 0) -> str:
    calls = {"push_to_hang_up": {"enabled": enabled, "hold_s": hold_s}, "auto_answer": {"ip": {"enabled": True}}}
    return document([uri], calls=calls, actions=[LIGHT])


async def _outgoing(
    door: Stack, phone: NewPhone, answered: bool, *, enabled: bool = True, hold_s: float = 0
) -> tuple[WireCall, float]:
    """Presses; returns the call, dialing or answered, and the press's second."""
    callee = await phone(Answer(0.2) if answered else Ring())
    await door.apply(_document(callee.uri, enabled=enabled, hold_s=hold_s))
    edge = await press(door)
    call = await callee.wait_call()
    await (call.wait("acknowledged") if answered else door.event("leg.ringing"))
    if answered:
        await door.event("call.answered")
    assert (await door.event("button.activated")).data["does"] == "call"
    return call, edge


async def _press_again(door: Stack) -> dict[str, object]:
    """Presses and returns what the second `button.activated` says."""
    before = len(door.told("button.activated"))
    await press(door)
    await eventually(lambda: len(door.told("button.activated")) == before + 1, what="the press is taken")
    return door.told("button.activated")[-1].data


@pytest.mark.feature("hangup.press")
@pytest.mark.parametrize("answered", [False, True], ids=["dialing", "answered"])
async def test_a_press_ends_an_outgoing_call(door: Stack, phone: NewPhone, answered: bool) -> None:
    """A second press cancels the call that is dialed, or hangs up the answered one, and nothing else."""
    call, _ = await _outgoing(door, phone, answered)
    edge = await press(door)
    ended = await call.wait("ended")
    show("edge to the end", ended - edge)
    assert call.ended_by == ("bye" if answered else "cancel")
    assert (await door.event("call.ended")).data["reason"] == "push_button"
    await eventually(lambda: len(door.told("button.activated")) == 2, what="both presses are told")
    activated = door.told("button.activated")[1].data
    assert (activated["does"], activated["actions"]) == ("hang_up", [])
    await stays(lambda: len(door.told("call.dialing")) == 1, what="nobody is dialed anew")
    assert [change for change in door.chip.history(LAMP) if change.at >= edge and change.level == 1] == []


@pytest.mark.feature("hangup.press")
async def test_a_press_ends_an_incoming_call(door: Stack, phone: NewPhone) -> None:
    """A press in an answered incoming call hangs it up, runs no actions and dials nobody."""
    callee = await phone(Ring())
    await door.apply(_document(callee.uri))
    call = await (await phone()).invite(door.uri)
    await call.wait("answered")
    await door.event("call.answered")
    edge = await press(door)
    show("edge to BYE", await call.wait("ended") - edge)
    assert call.ended_by == "bye"
    assert (await door.event("call.ended")).data["reason"] == "push_button"
    activated = (await door.event("button.activated")).data
    assert (activated["does"], activated["actions"]) == ("hang_up", [])
    await stays(lambda: callee.received("INVITE") == [], what="nobody is dialed")


@pytest.mark.feature("hangup.hold")
@pytest.mark.parametrize("answered", [False, True], ids=["dialing", "answered"])
async def test_an_impatient_second_press_does_not_end_the_call(door: Stack, phone: NewPhone, answered: bool) -> None:
    """Within `hold_s` of the press that made the call a press leaves it; later a press ends it, also once answered."""
    call, edge = await _outgoing(door, phone, answered, hold_s=HOLD_S)
    again = await _press_again(door)
    assert (again["does"], again["why"]) == ("nothing", "hold")
    left_s = edge + HOLD_S - time.monotonic()
    assert left_s > 0, "the machine was too slow for this test"
    await stays(lambda: call.state in ("ringing", "answered"), left_s + 0.1, "the call is left alone")
    assert (await _press_again(door))["does"] == "hang_up"
    await call.wait("ended")
    assert (await door.event("call.ended")).data["reason"] == "push_button"


@pytest.mark.feature("hangup.hold")
async def test_other_calls_are_held_from_their_answer(door: Stack, phone: NewPhone) -> None:
    """In an incoming call `hold_s` counts from the answer."""
    callee = await phone(Ring())
    await door.apply(_document(callee.uri, hold_s=HOLD_S))
    call = await (await phone()).invite(door.uri)
    answered = await call.wait("answered")
    await door.event("call.answered")
    again = await _press_again(door)
    assert (again["does"], again["why"]) == ("nothing", "hold")
    await stays(lambda: call.state == "answered", answered + HOLD_S - time.monotonic() + 0.1, "the call is left alone")
    assert (await _press_again(door))["does"] == "hang_up"
    await call.wait("ended")
    assert (await door.event("call.ended")).data["reason"] == "push_button"


@pytest.mark.feature("hangup.off")
@pytest.mark.parametrize("answered", [False, True], ids=["dialing", "answered"])
async def test_switched_off_a_press_leaves_the_call_and_runs_its_actions(
    door: Stack, phone: NewPhone, answered: bool
) -> None:
    """Disabled, a press in a call changes nothing about it, and its actions are told to run."""
    call, _ = await _outgoing(door, phone, answered, enabled=False)
    again = await _press_again(door)
    assert (again["does"], again["why"], again["actions"]) == ("nothing", "push_to_hang_up_off", ["light"])
    await stays(lambda: call.state == ("answered" if answered else "ringing"), what="the call is left alone")
    assert len(door.told("call.dialing")) == 1


@pytest.mark.feature("hangup.off")
async def test_switched_off_a_press_leaves_an_incoming_call(door: Stack, phone: NewPhone) -> None:
    """Disabled, a press in an answered incoming call leaves it too."""
    callee = await phone(Ring())
    await door.apply(_document(callee.uri, enabled=False))
    call = await (await phone()).invite(door.uri)
    await call.wait("answered")
    await door.event("call.answered")
    assert (await _press_again(door))["actions"] == ["light"]
    await stays(lambda: call.state == "answered" and callee.received("INVITE") == [], what="the call is left alone")
