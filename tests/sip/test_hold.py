"""Hold and resume of an answered call, with far sides that take it, refuse it, collide with it or do not answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from tests.sip.conftest import Door, MakeDoor

from doorbus_sip import facts
from doorbus_sip.config import FileAudio
from doorbus_sip.facts import Reason
from doorbus_sip.limits import Limits
from doorbus_testkit.behaviour import Answer
from doorbus_testkit.polling import eventually
from doorbus_testkit.rtp import decode_ulaw
from doorbus_testkit.sip_message import SipMessage, response_to
from doorbus_testkit.tones import write_tone
from doorbus_testkit.wire import WirePhone
from doorbus_testkit.wire_call import WireCall

OF_DOOR_HZ, OF_PHONE_HZ = 440.0, 1000.0
LOUD = 1000
"""Of 32768; the tone has 16,000, what is left of a muted frame 0."""


@asynccontextmanager
async def talking(door: Door, phone: WirePhone) -> AsyncIterator[WireCall]:
    """A call that the door made, with sound from the phone."""
    async with phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        await door.wait(facts.CallAnswered)
        call = await phone.wait_call()
        await call.wait("acknowledged")
        if phone.rtp:
            call.send_audio(OF_PHONE_HZ)
        yield call
        phone.handlers.clear()
        phone.ignored.clear()
        await door.engine.hangup("c")
        await call.wait("ended")


def answers(call: WireCall, *codes: int) -> Callable[[SipMessage], SipMessage | None]:
    """Returns a handler of re-INVITEs that refuses with these codes in turn, then takes them."""
    left = list(codes)
    seen: set[str] = set()

    def handle(message: SipMessage) -> SipMessage | None:
        branch = message.required("Via")
        if left and branch not in seen:
            seen.add(branch)
            return response_to(message, left.pop(0), to_tag=call.dialog.local_tag)
        return call.accept(message)

    return handle


def of(call: WireCall) -> str | None:
    """Returns the direction of the door's last description."""
    return call.remote_audio.direction if call.remote_audio else None


async def reaches(call: WireCall, direction: str) -> None:
    """Waits until the door's description says so."""
    await eventually(lambda: of(call) == direction, what=f"a={direction} from the door")


def re_invites(phone: WirePhone) -> int:
    """Returns how many re-INVITEs came."""
    return len([record for record in phone.received("INVITE") if record.message.to_tag is not None])


def loud_after(call: WireCall, since: float) -> list[float]:
    """Returns when, after `since`, packets with sound came from the door, in seconds after it."""
    return [
        item.at - since
        for item in call.rtp.received
        if item.at > since
        and item.packet.payload_type == 0
        and int(np.abs(decode_ulaw(item.packet.payload)).max()) > LOUD
    ]


def seconds_recorded(record: Path) -> float:
    """Returns how long the loudspeaker has played, from the size of its recording (16 kHz, 16 bits)."""
    return record.stat().st_size / 32_000 if record.exists() else 0.0


async def test_a_hold_is_silent_at_once_whatever_the_far_side_does(make_door: MakeDoor, tmp_path: Path) -> None:
    """The re-INVITE is never answered: microphone and loudspeaker are silent all the same, and back with the resume."""
    play, record = tmp_path / "play.wav", tmp_path / "record.wav"
    write_tone(play, OF_DOOR_HZ, 1.0)
    door = await make_door(audio=FileAudio(play=str(play), record=str(record)), codecs=("PCMU",))
    async with talking(door, phone := WirePhone(Answer(), rtp=True)) as call:
        await eventually(lambda: loud_after(call, 0.0) and seconds_recorded(record) > 0.1, what="sound both ways")
        phone.ignored.add("INVITE")
        ordered = time.monotonic()
        await door.engine.hold("c")
        await door.wait(facts.CallHeld)
        await phone.wait_received("INVITE", 2)
        await asyncio.sleep(0.3)  # what is on its way arrives
        quiet_from, played = time.monotonic(), seconds_recorded(record)
        await asyncio.sleep(0.5)  # what would be heard now is wrong
        assert loud_after(call, quiet_from) == []
        assert max(loud_after(call, ordered), default=0.0) < 0.3
        assert seconds_recorded(record) == played
        resumed = time.monotonic()
        await door.engine.resume("c")
        await eventually(
            lambda: loud_after(call, resumed) and seconds_recorded(record) > played, what="sound both ways again"
        )


@pytest.mark.parametrize("code", [403, 488, 500, 606])
async def test_a_refused_hold_leaves_the_call_silent_here(make_door: MakeDoor, code: int) -> None:
    """It is told, asked no more, ends nothing; the resume asks the far side nothing."""
    door = await make_door()
    async with talking(door, phone := WirePhone(Answer())) as call:
        phone.handlers["INVITE"] = answers(call, code)
        await door.engine.hold("c")
        assert facts.CallHoldRefused("c", True, code) == await door.wait(facts.CallHoldRefused)
        assert door.engine.snapshot()[0].held_by == ("local",)
        await door.engine.resume("c")
        await door.wait(facts.CallResumed)
        await door.engine.hold("c")  # the next page asks anew
        await reaches(call, "sendonly")
        assert re_invites(phone) == 2
        assert door.told(facts.CallEnded) == []


@pytest.mark.parametrize("made_by", ["door", "phone"])
async def test_a_glare_is_tried_again(make_door: MakeDoor, made_by: str) -> None:
    """491: the hold is asked for again after the pause of RFC 3261, 14.1, and nothing is told of it."""
    door = await make_door()
    async with WirePhone(Answer()) as phone:
        if made_by == "door":
            await door.engine.dial("c", None, (("l", phone.uri),), Limits())
            call = await phone.wait_call()
        else:
            call = await phone.invite(door.uri)
            await door.engine.answer((await door.wait(facts.IncomingCall)).call)
        id_ = (await door.wait(facts.CallAnswered)).call
        phone.handlers["INVITE"] = answers(call, 491)
        await door.engine.hold(id_)
        await reaches(call, "sendonly")
        first, second = (record.at for record in phone.received("INVITE") if record.message.to_tag is not None)
        await door.engine.hangup(id_)
        await call.wait("ended")
    shortest, longest = (2.1, 4.0) if made_by == "door" else (0.0, 2.0)
    assert shortest <= second - first < longest + 1
    assert door.told(facts.CallHoldRefused) == []


async def test_a_resume_under_way_of_the_hold_is_not_lost(make_door: MakeDoor) -> None:
    """The far side is slow: it answers the hold, then gets the resume."""
    door = await make_door()
    async with talking(door, phone := WirePhone(Answer())) as call:
        phone.ignored.add("INVITE")
        await door.engine.hold("c")
        await phone.wait_received("INVITE", 2)
        await door.engine.resume("c")
        await door.wait(facts.CallResumed)
        phone.ignored.clear()
        late = phone.received("INVITE")[-1]
        phone.send_raw(call.accept(late.message).encode(), late.peer)
        await reaches(call, "sendrecv")
        assert [record.message.body.count(b"a=sendonly") for record in phone.received("INVITE")[1:]] == [1, 0]
        assert door.told(facts.CallbackFailed) == []


async def test_a_hold_waits_for_the_far_sides_own_re_invite(make_door: MakeDoor) -> None:
    """Their re-INVITE is unacknowledged for a while: the hold is sent after it."""
    door = await make_door()
    async with talking(door, WirePhone(Answer())) as call:
        theirs = call.reinvite(auto_ack=False)
        await eventually(lambda: theirs.final, what="the answer to their re-INVITE")
        await door.engine.hold("c")
        await door.wait(facts.CallHeld)
        call.acknowledge(theirs)
        await reaches(call, "sendonly")
        assert door.told(facts.CallHoldRefused) == []


async def test_a_hold_before_the_ack_waits_for_it(make_door: MakeDoor) -> None:
    """The door has answered, the caller has not acknowledged: silent at once, told when it may be."""
    door = await make_door()
    async with WirePhone() as phone:
        call = await phone.invite(door.uri, auto_ack=False)
        incoming = await door.wait(facts.IncomingCall)
        await door.engine.answer(incoming.call)
        await phone.wait_received("200")
        await door.engine.hold(incoming.call)
        await door.wait(facts.CallHeld)
        assert re_invites(phone) == 0
        call.ack()
        await reaches(call, "sendonly")
        await door.engine.hangup(incoming.call)
        await call.wait("ended")


async def test_a_hold_of_the_far_side_beside_ours(make_door: MakeDoor) -> None:
    """Each side's hold is told by itself, and ends by itself."""
    door = await make_door()
    async with talking(door, phone := WirePhone(Answer())) as call:
        await door.engine.hold("c")
        await reaches(call, "sendonly")
        call.reinvite("sendonly")
        await eventually(lambda: facts.CallHeld("c", "remote") in door.facts, what="their hold")
        assert door.engine.snapshot()[0].held_by == ("local", "remote")
        on_hold = call.description("sendonly")
        phone.handlers["INVITE"] = lambda offer: call.accept(offer).with_body("application/sdp", on_hold)
        await door.engine.resume("c")
        await phone.wait_received("INVITE", 3)
        await reaches(call, "sendrecv")
        assert door.engine.snapshot()[0].held_by == ("remote",)
        phone.handlers.clear()
        call.reinvite("sendrecv")
        await eventually(lambda: facts.CallResumed("c", "remote") in door.facts, what="their resume")
        await reaches(call, "sendrecv")
        assert door.engine.snapshot()[0].held_by == ()


async def test_our_hold_ends_no_hold_of_the_far_side(make_door: MakeDoor) -> None:
    """They held first: that stays told until they resume."""
    door = await make_door()
    async with talking(door, WirePhone(Answer())) as call:
        call.reinvite("sendonly")
        await door.wait(facts.CallHeld)
        await door.engine.hold("c")
        await door.wait(facts.CallHeld, 2)
        await eventually(lambda: of(call) == "inactive", what="nobody sends")
        assert door.told(facts.CallResumed) == []
        call.reinvite("sendrecv")
        await eventually(lambda: facts.CallResumed("c", "remote") in door.facts, what="their resume")
        assert door.engine.snapshot()[0].held_by == ("local",)


@pytest.mark.parametrize("method", ["rfc4733", "info"])
async def test_digits_are_heard_on_hold(make_door: MakeDoor, method: str) -> None:
    """The far side agreed to the hold and types: each digit comes, once."""
    door = await make_door()
    async with talking(door, WirePhone(Answer(), rtp=True)) as call:
        await door.engine.hold("c")
        await reaches(call, "sendonly")
        for digit in "12":
            if method == "info":
                call.info("application/dtmf-relay", f"Signal={digit}\r\nDuration=160\r\n".encode())
            else:
                call.rtp.send_digits(digit)
        await eventually(lambda: len(door.told(facts.DtmfDigit)) == 2, what="two digits")
        assert [fact.digit for fact in door.told(facts.DtmfDigit)] == ["1", "2"]


async def test_a_call_that_the_far_side_has_lost_ends(make_door: MakeDoor) -> None:
    """481 to the hold (RFC 3261, 12.2.1.2)."""
    door = await make_door()
    async with WirePhone(Answer()) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        await door.wait(facts.CallAnswered)
        phone.handlers["INVITE"] = answers(await phone.wait_call(), 481)
        await door.engine.hold("c")
        assert (await door.wait(facts.CallEnded)).reason == Reason.MEDIA_FAILED


async def test_a_page_refuses_a_call_that_waits_with_480(make_door: MakeDoor) -> None:
    """page.barge_over: a ringing caller hears that the door is not available for now."""
    door = await make_door()
    async with WirePhone() as phone:
        call = await phone.invite(door.uri)
        incoming = await door.wait(facts.IncomingCall)
        await door.engine.ring(incoming.call)
        await door.engine.hangup(incoming.call, Reason.PAGE)
        assert (await call.wait_final()).status == 480
    assert (await door.wait(facts.CallEnded)).reason == Reason.PAGE
