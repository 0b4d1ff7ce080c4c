"""The phone with real audio: against itself, and against the scripted phone."""

import re
from dataclasses import replace
from hashlib import md5

import pytest

from doorbus_testkit.behaviour import Answer, Manual, Refuse, Ring, Silent
from doorbus_testkit.phone import Registration, SipPhone
from doorbus_testkit.polling import eventually
from doorbus_testkit.program import ProgramError
from doorbus_testkit.sip_message import SipMessage, response_to
from doorbus_testkit.tones import audible_spans, tone_level, tone_share
from doorbus_testkit.wire import WirePhone


async def test_two_phones_hear_each_others_tones_and_digits() -> None:
    """A call with audio both ways: each records the other's tone and not its own; digits arrive in both directions."""
    async with SipPhone("callee", Answer(0.1), hz=1000) as callee, SipPhone("caller", hz=400) as caller:
        await caller.call(callee.uri)
        ringing, answered = await caller.wait_for("ringing"), await caller.wait_for("answered")
        assert (ringing.code, answered.code) == (180, 200)
        assert answered.at - ringing.at >= 0.08
        await callee.wait_for("answered")
        await eventually(lambda: tone_level(caller.heard, 1000) > 0.2, what="the caller hears 1000 Hz")
        await eventually(lambda: tone_level(callee.heard, 400) > 0.2, what="the callee hears 400 Hz")
        assert tone_share(caller.heard, 400) < 0.1
        assert tone_share(callee.heard, 1000) < 0.1
        await caller.send_dtmf("12#")
        await eventually(lambda: callee.digits == "12#", what="the events")
        await callee.send_dtmf("*90", "info_relay")
        await eventually(lambda: caller.digits == "*90", what="the INFOs")
        assert {"rfc4733"} == {event.detail["method"] for event in callee.of("dtmf")}
        assert {"info_relay"} == {event.detail["method"] for event in caller.of("dtmf")}
        await caller.hangup()
        assert (await callee.wait_for("ended")).code == 200
        await caller.wait_for("ended")


@pytest.mark.parametrize("codec", ["PCMA", "G722"])
async def test_a_phone_speaks_the_codec_it_is_given(codec: str) -> None:
    """With one codec on both sides the offer names it alone (beside telephone events), and the tone arrives."""
    async with SipPhone("callee", Answer(), hz=800, codecs=[codec]) as callee, SipPhone(codecs=[codec]) as caller:
        await caller.call(callee.uri)
        offer = (await callee.wait_for("incoming")).detail["message"]
        assert {codec, "telephone-event"} == set(re.findall(r"a=rtpmap:\d+ ([\w-]+)/", offer))
        await eventually(lambda: tone_level(caller.heard, 800) > 0.2, what="the tone")


async def test_a_phone_holds_and_resumes() -> None:
    """The far side is told of the hold and of its end, and hears the tone again after it."""
    async with SipPhone("callee", Answer()) as callee, SipPhone("caller", hz=500) as caller:
        await caller.call(callee.uri)
        await eventually(lambda: tone_share(callee.heard, 500) > 0.5, what="the tone before the hold")
        await caller.hold()
        assert (await callee.wait_for("held")).detail["by_remote"]
        await caller.resume()
        resumed = await callee.wait_for("resumed")
        begin = callee.of("audio")[0].at

        def heard_again() -> bool:
            spans = audible_spans(callee.heard, 500)
            return begin + spans[-1][1] > resumed.at

        await eventually(heard_again, what="the tone after the resumption")
        await caller.hangup()
        await callee.wait_for("ended")


async def test_the_scripted_phone_is_called_by_a_real_one() -> None:
    """Pjsua calls a scripted phone: offer, answer, ACK, RTP both ways, INFO digits and the BYE are seen on the wire."""
    async with WirePhone(Answer(0.05), rtp=True) as wire, SipPhone("caller", hz=600) as phone:
        await phone.call(wire.uri, headers={"X-Door": "front"})
        call = await wire.wait_call()
        await call.wait("acknowledged")
        assert call.invite.header("X-Door") == "front"
        call.send_audio(900)
        await eventually(lambda: len(call.rtp.received) > 20, what="RTP from the phone")
        await eventually(lambda: tone_level(phone.heard, 900) > 0.2, what="the phone hears the script's tone")
        call.rtp.send_digits("7#")
        await eventually(lambda: phone.digits == "7#", what="the script's digits")
        await phone.send_dtmf("42")
        await eventually(lambda: call.rtp.digits == "42", what="the phone's digits")
        await phone.send_dtmf("5", "info_dtmf")
        info = (await wire.wait_received("INFO")).message
        assert (info.header("Content-Type"), info.body) == ("application/dtmf", b"5")
        await phone.hangup()
        await call.wait("ended")
        assert call.ended_by == "bye"
        assert wire.received("BYE", repeated=True) == []


async def test_the_scripted_phone_calls_a_real_one() -> None:
    """A scripted caller is answered by pjsua by hand, holds the call, and ends it with a reason."""
    async with SipPhone("callee", Manual()) as phone, WirePhone(rtp=True) as wire:
        call = await wire.invite(phone.uri, headers={"Alert-Info": "<urn:alert:service:x>"})
        incoming = await phone.wait_for("incoming")
        assert "Alert-Info: <urn:alert:service:x>" in incoming.detail["message"]
        await phone.answer(180)
        await call.wait("ringing")
        await phone.answer()
        await call.wait("answered")
        await phone.wait_for("answered")
        hold = call.reinvite("sendonly")
        await eventually(lambda: hold.final, what="the answer to the hold")
        assert (await phone.wait_for("held")).detail["by_remote"]
        call.reinvite()
        await phone.wait_for("resumed")
        call.bye({"Reason": "Q.850;cause=16"})
        assert (await phone.wait_for("ended")).detail["reason"] == "Q.850;cause=16"


async def test_a_ringing_phone_sees_the_cancel_and_its_reason() -> None:
    """A Ring() phone stays at 180; CANCEL ends the call with 487 and the caller's Reason header."""
    async with SipPhone("callee", Ring()) as phone, WirePhone() as wire:
        call = await wire.invite(phone.uri)
        await call.wait("ringing")
        call.cancel({"Reason": 'SIP;cause=200;text="Call completed elsewhere"'})
        assert (await call.wait_final()).status == 487
        ended = await phone.wait_for("ended")
        assert (ended.code, ended.detail["reason"]) == (487, 'SIP;cause=200;text="Call completed elsewhere"')


async def test_a_refusing_phone_can_change_its_mind() -> None:
    """Refuse(603) refuses with 603, and with another behaviour the same phone answers the next call."""
    async with SipPhone("callee", Refuse(603)) as phone, WirePhone() as wire:
        assert (await (await wire.invite(phone.uri)).wait_final()).status == 603
        await phone.behave(Answer())
        assert (await (await wire.invite(phone.uri)).wait_final()).status == 200


async def test_a_phone_registers_with_its_password() -> None:
    """Challenged by a registrar, the phone answers with the digest of its password (RFC 2617) and is registered."""
    async with WirePhone(user="registrar") as registrar:
        seen: list[str] = []

        def register(request: SipMessage) -> SipMessage:
            authorization = request.header("Authorization")
            if authorization is None:
                challenge = 'Digest realm="test", nonce="n0", algorithm=MD5'
                return response_to(request, 401, to_tag="r", headers={"WWW-Authenticate": challenge})
            fields = dict(re.findall(r'(\w+)="?([^",]+)', authorization))
            secret = md5(b"door:test:opensesame").hexdigest()
            action = md5(f"REGISTER:{fields['uri']}".encode()).hexdigest()
            expected = md5(f"{secret}:n0:{action}".encode()).hexdigest()
            seen.append(request.required("To"))
            contact = f"{request.header('Contact')};expires=60"
            status = 200 if fields["response"] == expected else 403
            return response_to(request, status, to_tag="r", headers={"Contact": contact})

        registrar.handlers["REGISTER"] = register
        aor = f"sip:door@127.0.0.1:{registrar.port}"
        account = Registration(f"sip:127.0.0.1:{registrar.port}", aor, "door", "opensesame", expires_s=60)
        async with SipPhone("door", registration=account) as phone:
            assert (await phone.wait_for("registered")).code == 200
        assert seen[0] == "<sip:door@127.0.0.1>"  # To and From carry no port (RFC 3261, table 1)
        async with SipPhone("door", registration=replace(account, password="wrong")) as phone:
            assert (await phone.wait_for("unregistered")).code == 403


async def test_what_a_phone_cannot_do_is_an_error() -> None:
    """Hanging up without a call, a behaviour that pjsua cannot have, and a dead process raise."""
    with pytest.raises(TypeError, match="WirePhone"):
        SipPhone("none", Silent())
    async with SipPhone("phone") as phone:
        with pytest.raises(ProgramError, match="no call"):
            await phone.hangup()
        phone.process.kill9()
        with pytest.raises(ProgramError, match="ended"):
            await phone.hangup()
