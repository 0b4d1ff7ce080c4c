"""Calls as PBXs and phones expect them, on the wire and on the bus."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.features.conftest import NewPhone
from tests.features.doors import document, idle, press, show, statuses, stays

from doorbus_testkit.behaviour import Answer, Refuse
from doorbus_testkit.polling import eventually
from doorbus_testkit.sdp import parse_audio
from doorbus_testkit.sip_message import SipMessage, response_to
from doorbus_testkit.stack import Stack
from doorbus_testkit.tones import AUDIBLE, WINDOW_S, read_wav, tone_share, window_levels, write_tone
from doorbus_testkit.wire_call import WireCall
from doorbus_testkit.wire_endpoint import ClientTransaction

pytestmark = pytest.mark.asyncio(loop_scope="module")

AUTO = {"sip": {"enabled": True}, "ip": {"enabled": True}}
OF_DOOR_HZ, OF_PHONE_HZ = 440.0, 1000.0
RING_HZ, RINGBACK_HZ, ERROR_HZ = 660.0, 425.0, 950.0
MEDIA_TIMEOUT_S = 2


async def _final(request: ClientTransaction) -> SipMessage:
    return (await eventually(lambda: request.final, what=f"answer to {request.request.method}")).message


async def _hang_up(call: WireCall) -> None:
    assert (await _final(call.bye())).status == 200


@pytest.mark.feature("sip.options")
async def test_options_gets_200_at_any_time(door: Stack, phone: NewPhone) -> None:
    """OPTIONS gets 200 with Allow while the door is idle, while a call rings, and in a call, within and outside it."""
    await door.apply(document())
    caller, other = await phone(), await phone()
    idle = await caller.options(door.uri)
    assert idle.status == 200
    assert {"INVITE", "BYE", "OPTIONS"} <= set(idle.required("Allow").split(", "))
    call = await caller.invite(door.uri)
    await call.wait("ringing")
    assert (await _final(call.request("OPTIONS"))).status == 200
    assert (await other.options(door.uri)).status == 200
    await press(door)
    await call.wait("answered")
    within = await _final(call.request("OPTIONS"))
    assert within.status == 200
    assert "INVITE" in within.required("Allow")
    assert (await other.options(door.uri)).status == 200
    assert call.state == "answered"
    await _hang_up(call)


@pytest.mark.feature("sip.options")
async def test_options_to_the_worker_that_dials(door: Stack, phone: NewPhone) -> None:
    """A phone that the door called in a group gets 200 too, from whichever of its processes has the call."""
    first, second = await phone(), await phone(Answer(0.2))
    await door.apply(document([first.uri, second.uri]))
    await press(door)
    call = await second.wait_call()
    await call.wait("answered")
    assert (await _final(call.request("OPTIONS"))).status == 200
    assert (await second.options(door.uri)).status == 200
    await _hang_up(call)


@pytest.mark.feature("sip.refer")
async def test_refer_is_declined_and_dials_nothing(door: Stack, phone: NewPhone) -> None:
    """REFER gets 603 outside of calls and within one, made or received; nobody is called, the call goes on."""
    target, callee = await phone(), await phone(Answer())
    await door.apply(document([callee.uri], calls={"auto_answer": AUTO}))
    headers = {"Refer-To": f"<{target.uri}>"}
    caller = await phone()
    assert (await _final(caller.request("REFER", door.uri, headers=headers))).status == 603
    received = await caller.invite(door.uri)
    await received.wait("answered")
    assert (await _final(received.request("REFER", headers=headers))).status == 603
    await stays(lambda: target.received("INVITE") == [] and received.state == "answered", what="nobody is called")
    await _hang_up(received)
    await door.event("call.ended")
    await press(door)
    made = await callee.wait_call()
    await made.wait("acknowledged")
    assert (await _final(made.request("REFER", headers=headers))).status == 603
    await stays(lambda: target.received("INVITE") == [] and made.state == "answered", what="nobody is called")
    await _hang_up(made)
    assert door.told("leg.failed") == []


def _impatient(media_timeout_s: float, numbers: Sequence[str] = (), **calls: Any) -> str:
    """Returns the document of a door that answers by itself and takes a peer for dead after `media_timeout_s`."""
    text = document(numbers, calls={"auto_answer": AUTO, **calls})
    return text.replace("\nsip:\n", f"\nsip:\n  media_timeout_s: {media_timeout_s}\n")


async def _answered_call(door: Stack, phone: NewPhone) -> WireCall:
    """Returns a call to the impatient door that is up."""
    await door.apply(_impatient(MEDIA_TIMEOUT_S))
    call = await (await phone(rtp=True)).invite(door.uri)
    await call.wait("answered")
    await door.event("call.answered")
    return call


async def _answer_offer(call: WireCall) -> None:
    """Sends the ACK of a call without an offer, with this phone's answer in it."""
    ack = call.dialog.request("ACK", call.invite.cseq[0]).with_body("application/sdp", call.description())
    call.endpoint.request(ack, call.dialog.next_hop)


def _heard(call: WireCall, hz: float, folder: Path) -> float:
    """Returns the share of the call's received sound in which a tone is audible."""
    call.rtp.record(folder / "heard.wav")
    return tone_share(folder / "heard.wav", hz)


@pytest.mark.feature("sip.offerless")
@pytest.mark.parametrize("by_press", [False, True], ids=["auto-answer", "press"])
async def test_an_invite_without_sdp_gets_an_offer(
    door: Stack, phone: NewPhone, tmp_path: Path, by_press: bool
) -> None:
    """The 200 offers audio, the ACK answers it, and sound runs both ways."""
    play, heard = tmp_path / "play.wav", tmp_path / "door.wav"
    write_tone(play, OF_DOOR_HZ, 1.0)
    audio = {"backend": "file", "play": str(play), "record": str(heard)}
    await door.apply(document(calls={} if by_press else {"auto_answer": AUTO}, audio=audio))
    caller = await phone(rtp=True)
    call = await caller.invite(door.uri, sdp=b"")
    call.auto_ack = False
    if by_press:
        await call.wait("ringing")
        await press(door)
    final = await call.wait_final()
    assert (final.status, final.required("Content-Type")) == (200, "application/sdp")
    assert call.remote_audio is not None
    assert call.remote_audio.direction == "sendrecv"
    assert 0 in call.remote_audio.payload_types
    await _answer_offer(call)
    await door.event("call.answered", direction="incoming")
    call.send_audio(OF_PHONE_HZ)
    await eventually(lambda: _heard(call, OF_DOOR_HZ, tmp_path) > 0.5, what="the door's sound")
    await eventually(lambda: tone_share(heard, OF_PHONE_HZ) > 0.2, what="the phone's sound")
    await _hang_up(call)
    assert (await door.event("call.ended")).data["reason"] == "remote_hangup"


@pytest.mark.feature("sip.hold")
@pytest.mark.parametrize("way", ["sendonly", "inactive", "0.0.0.0"])
async def test_the_far_side_holds_and_resumes(door: Stack, phone: NewPhone, way: str) -> None:
    """Each way to hold is answered and told, silence then outlasts the media timeout, and the call comes back."""
    call = await _answered_call(door, phone)
    call.send_audio(OF_PHONE_HZ)
    offer = call.description("sendrecv" if way == "0.0.0.0" else way)
    held = await _final(call.reinvite(sdp=offer.replace(b"c=IN IP4 127.0.0.1", f"c=IN IP4 {_address(way)}".encode())))
    assert held.status == 200
    answer = parse_audio(held.body)
    assert {"sendonly": "recvonly", "inactive": "inactive"}.get(way, answer.direction) == answer.direction
    assert (await door.event("call.held")).data["by"] == "remote"
    call.rtp.stop_sending()
    sent = len(call.rtp.received)
    await stays(lambda: call.state == "answered", MEDIA_TIMEOUT_S + 2, "a held call is up in silence")
    assert len(call.rtp.received) - sent < 5, "the door sends on although it is on hold"
    resumed = await _final(call.reinvite("sendrecv"))
    assert (resumed.status, parse_audio(resumed.body).direction) == (200, "sendrecv")
    assert (await door.event("call.resumed")).data["by"] == "remote"
    sent = len(call.rtp.received)
    call.send_audio(OF_PHONE_HZ)
    await eventually(lambda: len(call.rtp.received) > sent + 10, what="the door's RTP comes back")
    await stays(lambda: call.state == "answered", MEDIA_TIMEOUT_S + 1, "the call is up")
    await _hang_up(call)
    assert (len(door.told("call.held")), len(door.told("call.resumed"))) == (1, 1)


@pytest.mark.feature("sip.dead_peer")
@pytest.mark.parametrize("outgoing", [False, True], ids=["in", "out"])
async def test_a_silent_peer_is_hung_up_on(door: Stack, phone: NewPhone, outgoing: bool) -> None:
    """A phone whose RTP stops gets BYE when `media_timeout_s` has passed, and the call ends as `media_failed`."""
    callee = await phone(Answer(), rtp=True)
    await door.apply(_impatient(MEDIA_TIMEOUT_S, [callee.uri]))
    if outgoing:
        await press(door)
        call = await callee.wait_call()
    else:
        call = await (await phone(rtp=True)).invite(door.uri)
    await call.wait("answered")
    await door.event("call.answered")
    call.send_audio(OF_PHONE_HZ)
    await stays(lambda: call.state == "answered", MEDIA_TIMEOUT_S + 1, "a call with sound is up")
    silent_from = time.monotonic()
    call.rtp.stop_sending()
    ended = await call.wait("ended")
    show("BYE after the last RTP, over the timeout", ended - silent_from - MEDIA_TIMEOUT_S)
    assert call.ended_by == "bye"
    assert MEDIA_TIMEOUT_S - 1 < ended - silent_from < MEDIA_TIMEOUT_S + 4
    assert (await door.event("call.ended")).data["reason"] == "media_failed"


@pytest.mark.feature("sip.dead_peer")
async def test_rtcp_alone_keeps_a_call(door: Stack, phone: NewPhone) -> None:
    """A phone that sends no RTP, as one with silence suppression does, stays connected while its RTCP comes."""
    call = await _answered_call(door, phone)
    reports = asyncio.create_task(_send_rtcp(call))
    await stays(lambda: call.state == "answered", MEDIA_TIMEOUT_S + 3, "the call is up")
    reports.cancel()
    await call.wait("ended")
    assert (await door.event("call.ended")).data["reason"] == "media_failed"


@pytest.mark.feature("sip.dead_peer")
async def test_an_expired_session_timer_ends_the_call(door: Stack, phone: NewPhone) -> None:
    """A phone that promised to refresh a session of 90 s, the least there is, and does not, gets BYE before its end.

    RFC 4028, 10: a third of the interval, at most 32 s, before.
    """
    await door.apply(_impatient(0, max_call_s=0))
    timer = {"Supported": "timer", "Session-Expires": "90;refresher=uac"}
    call = await (await phone()).invite(door.uri, headers=timer)
    final = await call.wait_final()
    assert final.required("Session-Expires").replace(" ", "") == "90;refresher=uac"
    began = time.monotonic()
    ended = await call.wait("ended", 90)
    show("BYE after the answer", ended - began)
    assert call.ended_by == "bye"
    assert 50 < ended - began < 75
    assert (await door.event("call.ended")).data["reason"] == "media_failed"


@pytest.mark.feature("sip.dead_peer")
async def test_a_refused_refresh_ends_the_call(door: Stack, phone: NewPhone) -> None:
    """The door refreshes at half the interval; a phone that answers 481 knows the call no more, and it ends."""
    await door.apply(_impatient(0, max_call_s=0))
    caller = await phone()
    timer = {"Supported": "timer", "Session-Expires": "90;refresher=uas"}
    call = await caller.invite(door.uri, headers=timer)
    assert (await call.wait_final()).required("Session-Expires").replace(" ", "") == "90;refresher=uas"
    for method in ("UPDATE", "INVITE"):
        caller.handlers[method] = lambda request: response_to(request, 481, to_tag=call.dialog.local_tag)
    ended = (await door.event("call.ended", 60)).data
    assert caller.received("UPDATE") + caller.received("INVITE") != []
    assert ended["reason"] == "media_failed"


@pytest.mark.feature("sip.busy")
async def test_a_second_caller_gets_486(door: Stack, phone: NewPhone) -> None:
    """While a call rings, is up, or is being dialed, another INVITE gets 486 and the first call goes on."""
    callee = await phone()
    await door.apply(document([callee.uri], call={"timeout_s": 30}))
    caller, other = await phone(), await phone()

    async def is_busy() -> None:
        second = await other.invite(door.uri)
        assert (await second.wait_final()).status == 486
        assert 180 not in statuses(second)

    call = await caller.invite(door.uri)
    await call.wait("ringing")
    await is_busy()
    assert call.state == "ringing"
    await press(door)
    await call.wait("answered")
    await is_busy()
    assert "ended" not in call.times
    await _hang_up(call)
    await door.event("call.ended", reason="remote_hangup")
    await idle(door)
    await press(door)
    dialed = await callee.wait_call()
    await is_busy()
    dialed.respond(180)
    await door.event("call.ringing", direction="outgoing")
    await is_busy()
    assert callee.received("CANCEL") == []
    await eventually(lambda: len(door.told("call.ended", reason="busy")) == 4, what="each is told as busy")
    assert {told.data["code"] for told in door.told("call.ended", reason="busy")} == {486}


@pytest.mark.feature("sip.busy")
async def test_dnd_outranks_busy(door: Stack, phone: NewPhone) -> None:
    """With a call up and DND on, another INVITE gets DND's code, not 486."""
    dnd = {"enabled": True, "return_code": 603}
    callee = await phone(Answer())
    await door.apply(document([callee.uri], calls={"dnd": dnd}))
    await press(door)
    call = await callee.wait_call()
    await call.wait("acknowledged")
    second = await (await phone()).invite(door.uri)
    assert (await second.wait_final()).status == 603
    assert (await door.event("call.ended", reason="dnd")).data["code"] == 603
    assert call.state == "answered"
    await _hang_up(call)


@pytest.mark.feature("sip.prack")
async def test_a_caller_may_require_prack(door: Stack, phone: NewPhone) -> None:
    """`Require: 100rel` gets a reliable 180, sent again until its PRACK, which gets 200 (RFC 3262)."""
    await door.apply(document())
    call = await (await phone()).invite(door.uri, headers={"Require": "100rel", "Supported": "100rel"})
    await call.wait("ringing")
    ringing = next(record.message for record in call.responses if record.message.status == 180)
    assert ringing.required("Require") == "100rel"
    sequence = ringing.required("RSeq")
    await eventually(lambda: _count(call, 180) > 1, what="the 180 is sent again")
    prack = call.request("PRACK", headers={"RAck": f"{sequence} {call.invite.cseq[0]} INVITE"})
    assert (await _final(prack)).status == 200
    count = _count(call, 180)
    await press(door)
    await call.wait("answered")
    assert count == _count(call, 180)
    await door.event("call.answered")
    await _hang_up(call)


@pytest.mark.feature("sip.prack")
async def test_a_phone_may_require_prack(door: Stack, phone: NewPhone) -> None:
    """A phone that sends its 180 reliably gets PRACK, and its 183 with media too; then it is answered as any other."""
    callee = await phone()
    await door.apply(document([callee.uri]))
    await press(door)
    call = await callee.wait_call()
    assert "100rel" in call.invite.required("Supported")
    call.respond(180, headers={"Require": "100rel", "RSeq": "700"})
    first = await callee.wait_received("PRACK")
    assert first.message.required("RAck") == f"700 {call.invite.cseq[0]} INVITE"
    call.respond(183, headers={"Require": "100rel", "RSeq": "701"}, sdp=call.description())
    second = await callee.wait_received("PRACK", 2)
    assert second.message.required("RAck") == f"701 {call.invite.cseq[0]} INVITE"
    call.respond(200)
    await call.wait("acknowledged")
    await door.event("call.answered", direction="outgoing")
    await _hang_up(call)


@pytest.mark.feature("sip.prack")
async def test_require_of_something_unknown_gets_420(door: Stack, phone: NewPhone) -> None:
    """An extension that the door does not have is refused with 420 that names it (RFC 3261, 8.2.2.3); nothing rings."""
    await door.apply(document())
    call = await (await phone()).invite(door.uri, headers={"Require": "frobnication"})
    final = await call.wait_final()
    assert (final.status, final.header("Unsupported")) == (420, "frobnication")
    assert door.told("call.incoming") == []


def _count(call: WireCall, status: int) -> int:
    return sum(record.message.status == status for record in call.responses)


def _address(way: str) -> str:
    return way if way == "0.0.0.0" else "127.0.0.1"  # the old way to say "hold" (RFC 2543)


async def _send_rtcp(call: WireCall) -> None:
    """Sends a receiver report about the door's stream (RFC 3550, 6.4.2) twice a second."""
    await eventually(lambda: call.rtp.received, what="the door's RTP")
    assert call.remote_audio is not None
    heard = call.rtp.received[0].packet.ssrc
    report = bytes([0x81, 201, 0, 7]) + (4711).to_bytes(4) + heard.to_bytes(4) + bytes(20)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        while True:
            sender.sendto(report, (call.remote_audio.address, call.remote_audio.port + 1))
            await asyncio.sleep(0.5)


def _with_speaker(speaker: Path, numbers: Sequence[str] = (), **fields: Any) -> str:
    audio = {"backend": "file", "record": str(speaker)}
    return document(numbers, audio=audio, **fields)


def _heard_s(path: Path, hz: float) -> float:
    """Returns the seconds in which a tone is audible in a recording that still grows."""
    try:
        samples, rate = read_wav(path)
    except (OSError, ValueError):  # nothing yet
        return 0.0
    return float((window_levels(samples, rate, hz) >= AUDIBLE).sum() * WINDOW_S)


async def _plays(speaker: Path, hz: float, seconds: float = 0.3) -> None:
    await eventually(lambda: _heard_s(speaker, hz) >= seconds, 15, what=f"the loudspeaker plays {hz} Hz")


@pytest.mark.feature("sip.tones")
async def test_an_incoming_call_rings_at_the_door(door: Stack, phone: NewPhone, tmp_path: Path) -> None:
    """The ring tone is heard while the call rings, after the 180, and ends with the answer."""
    speaker = tmp_path / "speaker.wav"
    await door.apply(_with_speaker(speaker))
    call = await (await phone(rtp=True)).invite(door.uri)
    ringing = await call.wait("ringing")
    show("180 after the INVITE", ringing - call.responses[0].at)
    await _plays(speaker, RING_HZ)
    await press(door)
    await call.wait("answered")
    await door.event("call.answered")
    rung = _heard_s(speaker, RING_HZ)
    call.send_audio(OF_PHONE_HZ)
    await _plays(speaker, OF_PHONE_HZ, 2.5)  # longer than the pause within the ring tone
    assert _heard_s(speaker, RING_HZ) - rung < 0.3
    await _hang_up(call)


@pytest.mark.feature("sip.tones")
async def test_one_phone_rings_back_until_its_early_media(door: Stack, phone: NewPhone, tmp_path: Path) -> None:
    """Ringback is heard from the press; a 183 with media is heard in its place, and so is the call after it."""
    speaker = tmp_path / "speaker.wav"
    callee = await phone(rtp=True)
    await door.apply(_with_speaker(speaker, [callee.uri]))
    await press(door)
    call = await callee.wait_call()
    call.respond(180)
    await _plays(speaker, RINGBACK_HZ)
    call.send_audio(OF_PHONE_HZ)
    call.respond(183, sdp=call.description())
    await _plays(speaker, OF_PHONE_HZ, 1)
    rung = _heard_s(speaker, RINGBACK_HZ)
    await _plays(speaker, OF_PHONE_HZ, 5.5)  # ringback comes every 5 s
    assert _heard_s(speaker, RINGBACK_HZ) - rung < 0.1
    call.respond(200)
    await door.event("call.answered")
    heard = _heard_s(speaker, OF_PHONE_HZ)
    await _plays(speaker, OF_PHONE_HZ, heard + 1)
    await _hang_up(call)


@pytest.mark.feature("sip.tones")
async def test_a_group_rings_back_whatever_its_phones_say(door: Stack, phone: NewPhone, tmp_path: Path) -> None:
    """With two phones ringing their early media stays unheard and ringback goes on."""
    speaker = tmp_path / "speaker.wav"
    callees = [await phone(rtp=True) for _ in range(2)]
    await door.apply(_with_speaker(speaker, [callee.uri for callee in callees]))
    await press(door)
    for callee in callees:
        call = await callee.wait_call()
        call.send_audio(OF_PHONE_HZ)
        call.respond(183, sdp=call.description())
    await _plays(speaker, RINGBACK_HZ, 1.5)
    assert _heard_s(speaker, OF_PHONE_HZ) < 0.2


@pytest.mark.feature("sip.tones")
@pytest.mark.parametrize("kind", ["group", "sequence"])
async def test_nobody_can_be_reached(door: Stack, phone: NewPhone, tmp_path: Path, kind: str) -> None:
    """When all phones have failed the error tone is heard once; after the first of a sequence ringback goes on."""
    speaker = tmp_path / "speaker.wav"
    first, second = await phone(Refuse(404)), await phone(Refuse(480, after_s=1.5))
    await door.apply(_with_speaker(speaker, [first.uri, second.uri], call={"type": kind}))
    await press(door)
    await door.event("leg.failed", code=404)
    await _plays(speaker, RINGBACK_HZ, 0.8)
    assert _heard_s(speaker, ERROR_HZ) < 0.2
    assert (await door.event("call.ended")).data["reason"] == "no_route"
    await _plays(speaker, ERROR_HZ, 0.5)
    before = _heard_s(speaker, ERROR_HZ)
    await stays(lambda: _heard_s(speaker, ERROR_HZ) - before < 0.5, 3, "the error tone is over")
    await stays(lambda: _heard_s(speaker, RINGBACK_HZ) < 2.2, 1, "ringback is over")


@pytest.mark.feature("sip.tones")
async def test_sound_that_does_not_work_costs_no_call(door: Stack, phone: NewPhone, tmp_path: Path) -> None:
    """A loudspeaker that cannot be used is told as degraded; calls ring and are answered all the same.

    Another one is told as recovered.
    """
    await door.apply(_with_speaker(tmp_path / "missing" / "speaker.wav"))
    await door.event("service.degraded", service="sip", part="audio")
    call = await (await phone()).invite(door.uri)
    await call.wait("ringing")
    await press(door)
    await call.wait("answered")
    await door.event("call.answered")
    await _hang_up(call)
    assert len(door.told("service.degraded", part="audio")) == 1
    await door.apply(_with_speaker(tmp_path / "speaker.wav"))
    await door.event("service.degraded", service="sip", part="audio", recovered=True)


@pytest.mark.feature("sip.tones")
async def test_a_refusal_that_stops_a_sequence_is_heard(door: Stack, phone: NewPhone, tmp_path: Path) -> None:
    """With `do_not_call_next` the first refusal ends the sequence between two numbers: the busy tone says so."""
    speaker = tmp_path / "speaker.wav"
    first, second = await phone(Refuse(486, after_s=0.5)), await phone()
    call = {"type": "sequence", "when_refused": "do_not_call_next"}
    await door.apply(_with_speaker(speaker, [first.uri, second.uri], call=call))
    await press(door)
    await door.event("call.ended", reason="refused")
    before = _heard_s(speaker, RINGBACK_HZ)
    await _plays(speaker, RINGBACK_HZ, before + 1.6)  # four bursts of 0.5 s; ringback has one second in five
    assert _heard_s(speaker, ERROR_HZ) < 0.2
    assert second.received("INVITE") == []
