"""The rows page.barge_over and page.barge_under as sip and policy keep them, with pages that the test tells of.

That multicast itself keeps them, with real RTP and real sound, `test_page_barge_sound.py` shows.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from tests.features.conftest import NewPhone
from tests.features.doors import CODE, GATE, LAMP, document, press, show, stays

from doorbus_testkit.behaviour import Answer, Behaviour, Ring
from doorbus_testkit.page_teller import PageTeller
from doorbus_testkit.polling import eventually
from doorbus_testkit.rtp import decode_ulaw
from doorbus_testkit.sip_message import SipMessage, response_to
from doorbus_testkit.stack import Stack
from doorbus_testkit.tones import write_tone
from doorbus_testkit.wire import WirePhone
from doorbus_testkit.wire_call import WireCall

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWERS = Answer()
CALLS = {
    "unlock_codes": [{"code": {"env": "DOORBUS_SECRET_GATE"}, "relay": "gate"}],
    "hang_up_after_unlock": {"methods": []},
    "push_to_hang_up": {"hold_s": 0},
    "warn_s": 0,
}
LIGHT = {"id": "light", "type": "relay", "relay": "lamp", "reset": "call_ended"}
LOUD = 1000


async def _call(
    door: Stack, phone: NewPhone, behaviour: Behaviour = ANSWERS, **calls: object
) -> tuple[WirePhone, WireCall]:
    """Has the button call a phone; with one that picks up, waits for the talk."""
    callee = await phone(behaviour, rtp=True)
    tone = door.folder / "tone.wav"
    write_tone(tone, 440.0, 1.0)
    audio = {"backend": "file", "play": str(tone)}
    await door.apply(document([callee.uri], calls={**CALLS, **calls}, actions=[LIGHT], audio=audio))
    await press(door)
    call = await callee.wait_call()
    if isinstance(behaviour, Answer):
        await call.wait("acknowledged")
        await door.event("call.answered")
        call.send_audio(1000.0)
        await eventually(lambda: _loud_since(call, 0.0), what="the door's sound at the phone")
    return callee, call


def _direction(call: WireCall) -> str | None:
    return call.remote_audio.direction if call.remote_audio else None


async def _reaches(call: WireCall, direction: str) -> None:
    await eventually(lambda: _direction(call) == direction, 8.0, 0.002, f"a={direction} from the door")


def _loud_since(call: WireCall, since: float) -> bool:
    """Whether the door was to be heard after `since`."""
    packets = (item.packet for item in call.rtp.received if item.at > since and item.packet.payload_type == 0)
    return any(int(np.abs(decode_ulaw(packet.payload)).max()) > LOUD for packet in packets)


def _refusing(call: WireCall, code: int) -> Callable[[SipMessage], SipMessage]:
    """Returns a handler that answers the first re-INVITE with `code`, and takes the others."""
    left = [code]

    def handle(offer: SipMessage) -> SipMessage:
        return response_to(offer, left.pop(), to_tag=call.dialog.local_tag) if left else call.accept(offer)

    return handle


@pytest.mark.feature("page.barge_over")
async def test_the_call_is_held_and_comes_back(door: Stack, phone: NewPhone) -> None:
    """`a=sendonly` and silence while the page plays, told as held; `sendrecv` and sound when it is over."""
    _, call = await _call(door, phone)
    async with PageTeller(door) as pages:
        began = time.monotonic()
        page = await pages.start()
        await _reaches(call, "sendonly")
        show("page told until the hold is on the wire", time.monotonic() - began)
        held = await door.event("call.held", by="local")
        assert held.at - began < 3.0
        await stays(lambda: not _loud_since(call, held.at + 0.2), 0.5, "the microphone is silent")
        status = await door.wish("status")
        assert (status["stage"], status["held"], status["page"]) == ("answered", True, page)
        over = time.monotonic()
        await pages.end()
        await _reaches(call, "sendrecv")
        await door.event("call.resumed", by="local")
        await eventually(lambda: _loud_since(call, over), what="the door's sound again")
        assert call.state == "answered"


@pytest.mark.feature("page.barge_over")
@pytest.mark.parametrize("code", [488, 491])
async def test_the_page_plays_whatever_the_far_side_answers(door: Stack, phone: NewPhone, code: int) -> None:
    """491 is tried again; 488 leaves the call silenced here alone, which is told. Both come back."""
    callee, call = await _call(door, phone)
    callee.handlers["INVITE"] = _refusing(call, code)
    async with PageTeller(door) as pages:
        await pages.start()
        held = await door.event("call.held", by="local")
        if code == 491:
            await _reaches(call, "sendonly")
        else:
            refused = await door.event("call.hold_refused")
            assert (refused.data["held"], refused.data["code"]) == (True, 488)
        await stays(lambda: not _loud_since(call, held.at + 0.2), 0.5, "the microphone is silent")
        over = time.monotonic()
        await pages.end()
        await door.event("call.resumed", by="local")
        await _reaches(call, "sendrecv")
        await eventually(lambda: _loud_since(call, over), what="the door's sound again")
        assert call.state == "answered"


@pytest.mark.feature("page.barge_over")
async def test_codes_and_limits_go_on_during_the_hold(door: Stack, phone: NewPhone) -> None:
    """A code typed on hold opens the gate; `max_call_s` ends the call on hold, counted from the answer."""
    _, call = await _call(door, phone, max_call_s=5)
    async with PageTeller(door) as pages:
        await pages.start()
        await _reaches(call, "sendonly")
        call.rtp.send_digits(CODE)
        await door.chip.wait_level(GATE, 1)
        assert (await door.event("door.unlocked")).data["method"] == "dtmf"
        ended = await call.wait("ended")
        assert 4.9 < ended - call.times["acknowledged"] < 6.5
        assert (await door.event("call.ended")).data["reason"] == "max_duration"


@pytest.mark.feature("page.barge_over")
@pytest.mark.parametrize("direction", ["ringing", "dialing"])
async def test_a_call_that_is_not_answered_ends(door: Stack, phone: NewPhone, direction: str) -> None:
    """A caller at whom the door rings gets 480, a phone that is dialed a CANCEL; both are told as `page`."""
    callee = await phone(Ring())
    await door.apply(document([callee.uri], calls=CALLS))
    if direction == "ringing":
        call = await callee.invite(door.uri)
        await call.wait("ringing")
    else:
        await press(door)
        call = await callee.wait_call()
        await door.event("leg.ringing")
    async with PageTeller(door) as pages:
        await pages.start()
        await call.wait("ended")
        if direction == "ringing":
            assert (await call.wait_final()).status == 480
        else:
            assert call.ended_by == "cancel"
        assert (await door.event("call.ended")).data["reason"] == "page"


@pytest.mark.feature("page.barge_over")
async def test_no_call_begins_while_it_plays(door: Stack, phone: NewPhone) -> None:
    """A caller gets 480, a client's call a refusal, a press dials nothing, says so, and runs its actions."""
    callee = await phone(Ring())
    await door.apply(document([callee.uri], calls=CALLS, actions=[LIGHT]))
    async with PageTeller(door) as pages:
        await pages.start()
        await eventually(lambda: _page_is_known(door), what="policy knows of the page")
        caller = await phone()
        refused = await caller.invite(door.uri)
        assert (await refused.wait_final()).status == 480
        assert (await door.event("call.ended")).data["reason"] == "page"
        wished = await door.wish("call", to=callee.uri)
        assert (wished["ok"], wished["code"]) == (False, "page")
        await press(door)
        pressed = await door.event("button.activated")
        assert (pressed.data["does"], pressed.data["why"]) == ("nothing", "page")
        await door.chip.wait_level(LAMP, 1)
        await pages.end()
        await stays(lambda: not callee.calls, 0.5, "nobody was called")
        await press(door)
        await callee.wait_call()


async def _page_is_known(door: Stack) -> bool:
    return (await door.wish("status")).get("page") is not None


@pytest.mark.feature("page.barge_under")
async def test_a_page_under_calls_leaves_them_alone(door: Stack, phone: NewPhone) -> None:
    """No hold and no refusal: such a page is multicast's to silence."""
    _, call = await _call(door, phone)
    async with PageTeller(door) as pages:
        await pages.start(outranks=False, place=2)
        began = time.monotonic()
        await stays(lambda: _direction(call) == "sendrecv" and not door.told("call.held"), 1.0, "no hold")
        await eventually(lambda: _loud_since(call, began), what="the door's sound")
        caller = await phone()
        busy = await caller.invite(door.uri)
        assert (await busy.wait_final()).status == 486
