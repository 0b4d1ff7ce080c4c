"""Auto-answer, on the wire and on the bus."""

from __future__ import annotations

import pytest
from tests.features.conftest import NewPhone
from tests.features.doors import PBX_HOST, document, press, show, statuses, stays

from doorbus_testkit.polling import eventually
from doorbus_testkit.sdp import pcmu_sdp
from doorbus_testkit.stack import Stack
from doorbus_testkit.wire import WirePhone
from doorbus_testkit.wire_call import WireCall

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIRECT_HOST = "127.0.0.1"


def _auto(sip: bool, ip: bool, delay_s: float = 0) -> str:
    rules = {"sip": {"enabled": sip, "delay_s": delay_s}, "ip": {"enabled": ip, "delay_s": delay_s}}
    return document(calls={"auto_answer": rules})


async def _hang_up(call: WireCall) -> None:
    bye = call.bye()
    await eventually(lambda: bye.final, what="the door takes the BYE")


async def _only_rings(call: WireCall) -> None:
    await call.wait("ringing")
    await stays(lambda: call.state == "ringing", what="the call rings and is not answered")
    call.cancel()
    assert (await call.wait_final()).status == 487


@pytest.mark.feature("answer.sip")
async def test_a_call_on_an_account_is_answered_by_itself(door: Stack, phone: NewPhone) -> None:
    """With `auto_answer.sip` a call from the account's trusted source gets 200 with SDP; a direct call only rings."""
    await door.apply(_auto(sip=True, ip=False))
    call = await (await phone(host=PBX_HOST)).invite(door.uri)
    final = await call.wait_final()
    assert final.status == 200
    assert b"m=audio" in final.body
    assert (await door.event("call.incoming")).data["account"] == "pbx"
    await door.event("call.answered", direction="incoming")
    await _hang_up(call)
    assert (await door.event("call.ended")).data["reason"] == "remote_hangup"
    await _only_rings(await (await phone(host=DIRECT_HOST)).invite(door.uri))


@pytest.mark.feature("answer.sip")
async def test_without_it_a_call_on_an_account_rings(door: Stack, phone: NewPhone) -> None:
    """Switched off, the call on the account rings until somebody decides."""
    await door.apply(_auto(sip=False, ip=False))
    await _only_rings(await (await phone(host=PBX_HOST)).invite(door.uri))


@pytest.mark.feature("answer.ip")
async def test_a_direct_call_follows_its_own_setting(door: Stack, phone: NewPhone) -> None:
    """With `auto_answer.ip` alone a direct call gets 200, and one on the account only rings."""
    await door.apply(_auto(sip=False, ip=True))
    call = await (await phone(host=DIRECT_HOST)).invite(door.uri)
    assert (await call.wait_final()).status == 200
    assert (await door.event("call.incoming")).data["account"] == "ip"
    await _hang_up(call)
    await door.event("call.ended")
    await _only_rings(await (await phone(host=PBX_HOST)).invite(door.uri))


@pytest.mark.feature("answer.delay")
async def test_the_answer_comes_after_the_delay(door: Stack, phone: NewPhone) -> None:
    """The 200 comes `delay_s` after the 180."""
    await door.apply(_auto(sip=True, ip=True, delay_s=1.5))
    call = await (await phone()).invite(door.uri)
    ringing, answered = await call.wait("ringing"), await call.wait("answered")
    assert statuses(call)[-2:] == [180, 200]
    show("180 to 200, over the delay", answered - ringing - 1.5)
    assert answered - ringing == pytest.approx(1.5, abs=0.3)
    await _hang_up(call)


@pytest.mark.feature("answer.delay")
async def test_who_gives_up_earlier_is_not_answered(door: Stack, phone: NewPhone) -> None:
    """A caller who cancels within the delay gets 487 and nothing else, and the next one is answered in his own time."""
    await door.apply(_auto(sip=True, ip=True, delay_s=1.5))
    caller = await phone()
    call = await caller.invite(door.uri)
    await call.wait("ringing")
    call.cancel()
    assert (await call.wait_final()).status == 487
    again = await caller.invite(door.uri)
    assert await again.wait("answered") - await again.wait("ringing") == pytest.approx(1.5, abs=0.3)
    await door.event("call.answered")
    assert [code for code in statuses(call) + statuses(again) if 200 <= code < 300] == [200]
    assert len(door.told("call.answered")) == 1
    await _hang_up(again)


@pytest.mark.feature("answer.header")
@pytest.mark.parametrize(
    ("header", "value", "delay_s"),
    [
        ("Call-Info", "<sip:127.0.0.1>;answer-after=0", 0.0),
        ("Call-Info", "<sip:127.0.0.1>;answer-after=1", 1.0),
        ("Alert-Info", "<http://127.0.0.1>;info=alert-autoanswer", 0.0),
        ("Alert-Info", "ring-answer", 0.0),
        ("Alert-Info", "Auto Answer", 0.0),
        ("Answer-Mode", "Auto", 0.0),
    ],
)
async def test_a_trusted_caller_may_ask_for_it(
    door: Stack, phone: NewPhone, header: str, value: str, delay_s: float
) -> None:
    """A caller in `trusted` who asks in the INVITE is answered, with the delay he asks for; anybody else just rings."""
    await door.apply(document(calls={"auto_answer": {"trusted": ["127.0.0.3"]}}))
    trusted = await (await phone(host="127.0.0.3")).invite(door.uri, headers={header: value})
    answered = await trusted.wait("answered")
    assert answered - trusted.times.get("ringing", answered) == pytest.approx(delay_s, abs=0.3)
    await _hang_up(trusted)
    await door.event("call.ended")
    await _only_rings(await (await phone()).invite(door.uri, headers={header: value}))


@pytest.mark.feature("answer.button")
async def test_a_press_answers_the_ringing_call(door: Stack, phone: NewPhone) -> None:
    """While a call rings at the door, a press answers it and dials nobody."""
    callee = await phone()
    await door.apply(document([callee.uri]))
    call = await (await phone()).invite(door.uri)
    await call.wait("ringing")
    edge = await press(door)
    show("edge to 200", await call.wait("answered") - edge)
    assert (await door.event("button.activated")).data["does"] == "answer"
    assert callee.received("INVITE") == []
    await _hang_up(call)


@pytest.mark.feature("answer.mode", missing="the video half, no camera yet; audio is answered and says so")
@pytest.mark.parametrize("mode", ["audio", "video"])
async def test_offered_video_is_declined_and_audio_is_answered(door: Stack, phone: NewPhone, mode: str) -> None:
    """An offer with video gets 200 with its video at port 0 and audio that runs; `video` says why it was not given."""
    rule = {"enabled": True, "delay_s": 0, "mode": mode}
    await door.apply(document(calls={"auto_answer": {"sip": rule, "ip": rule}}))
    caller = await phone(rtp=True)
    call = await caller.invite(door.uri, sdp=_with_video(caller))
    final = await call.wait_final()
    assert final.status == 200
    lines = final.body.decode().splitlines()
    (video,) = [line for line in lines if line.startswith("m=video")]
    (audio,) = [line for line in lines if line.startswith("m=audio")]
    assert video.split()[1] == "0"
    assert int(audio.split()[1]) > 0
    assert lines.index(audio) < lines.index(video), "the answer keeps the offer's order (RFC 3264, 6)"
    told = (await door.event("call.answered")).data
    assert (await door.event("call.incoming")).data["wants_video"] is True
    assert told["video"] is False
    assert told.get("no_video_because") == (None if mode == "audio" else "no camera is configured")
    call.send_audio(700)
    await stays(lambda: call.state == "answered", what="the call is up")
    await _hang_up(call)


async def test_an_offer_of_video_alone_is_not_answered(door: Stack, phone: NewPhone) -> None:
    """Without audio there is nothing to talk with: 488, and the next call is answered."""
    await door.apply(_auto(sip=True, ip=True))
    caller = await phone()
    offer = _with_video(caller).decode()
    alone = offer[: offer.index("m=audio")] + offer[offer.index("m=video") :]
    call = await caller.invite(door.uri, sdp=alone.encode())
    assert (await call.wait_final()).status == 488
    again = await caller.invite(door.uri)
    assert (await again.wait_final()).status == 200
    await door.event("call.answered")
    await _hang_up(again)


def _with_video(phone: WirePhone) -> bytes:
    """Returns an offer of audio and H.264 video (RFC 6184) to ports that nobody reads."""
    lines = ["m=video 40000 RTP/AVP 97", "a=rtpmap:97 H264/90000", "a=fmtp:97 profile-level-id=42e01f", "a=sendrecv"]
    return pcmu_sdp(phone.host, 40002) + "\r\n".join([*lines, ""]).encode()
