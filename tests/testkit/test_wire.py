"""The scripted phone against itself: what is on the wire, when, and what a test can do in a call."""

import asyncio

import pytest

from doorbus_testkit.behaviour import Answer, Manual, Refuse, Ring, Silent
from doorbus_testkit.polling import eventually
from doorbus_testkit.sip_message import SipMessage, SipSyntaxError, address_of, parameter, response_to, uri_of
from doorbus_testkit.wire import WirePhone


def test_a_message_survives_encoding_and_parsing() -> None:
    """Compact names become long ones, the body is cut at Content-Length, and encoding restores what was parsed."""
    data = (
        b"INFO sip:a@127.0.0.1:5060 SIP/2.0\r\nv: SIP/2.0/UDP h:1;branch=z9hG4bKx\r\nf: <sip:b@h>;tag=1\r\n"
        b"t: <sip:a@h>\r\ni: call\r\nCSeq: 7 INFO\r\nl: 3\r\n\r\nabcdef"
    )
    message = SipMessage.parse(data)
    assert message.method == "INFO"
    assert message.branch == "z9hG4bKx"
    assert (message.from_tag, message.to_tag) == ("1", None)
    assert message.cseq == (7, "INFO")
    assert message.body == b"abc"
    again = SipMessage.parse(message.encode())
    assert message.body == again.body
    assert [pair for pair in message.headers if pair[0] != "Content-Length"] == [
        pair for pair in again.headers if pair[0] != "Content-Length"
    ]


@pytest.mark.parametrize(
    "data", [b"", b"\r\n\r\n", b"hello\r\n\r\n", b"INVITE sip:a\r\n\r\n", b"A b SIP/2.0\r\nx\r\n\r\n"]
)
def test_what_is_no_sip_message_is_refused(data: bytes) -> None:
    """Bytes without a start line, an empty line or header colons raise SipSyntaxError."""
    with pytest.raises(SipSyntaxError):
        SipMessage.parse(data)


def test_header_values_are_taken_apart() -> None:
    """Parameters inside angle brackets or quotes belong to the URI or the name, not to the header."""
    value = '"A;tag=no" <sip:a@127.0.0.1:5070;transport=udp;tag=no>;tag=yes'
    assert parameter(value, "tag") == "yes"
    assert parameter(value, "transport") is None
    assert uri_of(value) == "sip:a@127.0.0.1:5070;transport=udp;tag=no"
    assert address_of(uri_of(value)) == ("127.0.0.1", 5070)
    assert address_of("sip:pbx.example.com") == ("pbx.example.com", 5060)


async def test_a_call_is_answered_held_resumed_and_ended() -> None:
    """INVITE, 180, 200, ACK, hold, resume, INFO, BYE pass between two phones, in this order and once each."""
    async with WirePhone(Answer(0.05)) as callee, WirePhone() as caller:
        call = await caller.invite(callee.uri, headers={"Alert-Info": "<urn:alert:service:x>"})
        assert (await call.wait_final()).status == 200
        heard = await callee.wait_call()
        await heard.wait("acknowledged")
        assert [record.message.name for record in call.responses] == ["180", "200"]
        assert call.times["answered"] - call.times["ringing"] >= 0.045
        assert heard.invite.header("Alert-Info") == "<urn:alert:service:x>"

        hold = call.reinvite("sendonly")
        await eventually(lambda: hold.final, what="the answer to the hold")
        assert heard.remote_audio is not None
        assert heard.remote_audio.direction == "sendonly"
        assert call.remote_audio is not None
        assert call.remote_audio.direction == "recvonly"
        resume = call.reinvite("sendrecv")
        await eventually(lambda: resume.final, what="the answer to the resumption")
        assert call.remote_audio.direction == "sendrecv"

        info = call.info("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n")
        await eventually(lambda: info.final, what="the answer to the INFO")
        assert callee.received("INFO")[0].message.body == b"Signal=5\r\nDuration=160\r\n"

        call.bye({"Reason": "Q.850;cause=16"})
        await heard.wait("ended")
        assert (heard.ended_by, heard.end_reason) == ("bye", "Q.850;cause=16")
        names = [record.message.name for record in callee.records if record.incoming]
        assert names == ["INVITE", "ACK", "INVITE", "ACK", "INVITE", "ACK", "INFO", "BYE"]


async def test_a_cancel_ends_a_ringing_call_with_its_reason() -> None:
    """CANCEL gets 200, the INVITE 487, its ACK stops the repeats, and the Reason header is kept."""
    async with WirePhone(Ring()) as callee, WirePhone() as caller:
        call = await caller.invite(callee.uri)
        await call.wait("ringing")
        cancel = call.cancel({"Reason": 'SIP;cause=200;text="Call completed elsewhere"'})
        assert (await call.wait_final()).status == 487
        await eventually(lambda: cancel.final, what="the answer to CANCEL")
        assert cancel.final is not None
        assert cancel.final.message.status == 200
        heard = await callee.wait_call()
        assert (heard.ended_by, heard.end_reason) == ("cancel", 'SIP;cause=200;text="Call completed elsewhere"')
        await callee.wait_received("ACK")
        assert len(callee.sent("487")) == 1


async def test_a_refusal_comes_after_its_delay() -> None:
    """Refuse(603, 0.1) sends nothing for 0.1 s and then 603."""
    async with WirePhone(Refuse(603, 0.1)) as callee, WirePhone() as caller:
        call = await caller.invite(callee.uri)
        assert (await call.wait_final()).status == 603
        assert [record.message.name for record in call.responses] == ["603"]
        assert call.times["ended"] - caller.sent("INVITE")[0].at >= 0.09
        assert call.ended_by == "refused"


async def test_a_silent_phone_sees_the_invite_repeated_at_doubled_intervals() -> None:
    """Nothing comes back, and the INVITE is sent again after 0.5 s and 1 s more (timer A of RFC 3261)."""
    async with WirePhone(Silent()) as callee, WirePhone() as caller:
        call = await caller.invite(callee.uri)
        await eventually(lambda: len(callee.received("INVITE", repeated=None)) == 3, what="two repeats")
        first, second, third = (record.at for record in callee.received("INVITE", repeated=None))
        assert second - first >= 0.45
        assert third - second >= 0.95
        assert call.responses == []


async def test_an_unacknowledged_answer_is_repeated_until_its_ack() -> None:
    """Without an ACK the 200 comes again; after the ACK it does not, and a repeated INVITE gets the same answer."""
    async with WirePhone(Manual()) as callee, WirePhone() as caller:
        call = await caller.invite(callee.uri, auto_ack=False)
        heard = await callee.wait_call()
        heard.respond(200, headers={"Server": "test"})
        await eventually(lambda: len(call.responses) == 2, what="the repeated 200")
        assert [record.message.name for record in call.responses] == ["200", "200"]
        call.ack()
        await heard.wait("acknowledged")
        assert heard.uas is not None
        assert heard.uas.timer is None
        caller.send_raw(call.invite.encode(), ("127.0.0.1", callee.port))
        await eventually(lambda: len(call.responses) == 3, what="the answer to the repeated INVITE")
        assert len(callee.calls) == 1
        assert call.responses[2].message.header("Server") == "test"


async def test_options_handlers_ignored_methods_and_nonsense() -> None:
    """OPTIONS is answered; a handler answers in its place; an ignored method gets nothing; nonsense is kept apart."""
    async with WirePhone() as phone, WirePhone() as tester:
        assert (await tester.options(phone.uri)).status == 200
        phone.handlers["OPTIONS"] = lambda request: response_to(request, 503, to_tag="x")
        assert (await tester.options(phone.uri)).status == 503
        phone.ignored.add("MESSAGE")
        ignored = tester.request("MESSAGE", phone.uri, body=("text/plain", b"hello"))
        await phone.wait_received("MESSAGE")
        stray = tester.request("BYE", phone.uri)
        final = await eventually(lambda: stray.final, what="the answer to a BYE of no call")
        assert final.message.status == 481
        assert ignored.final is None
        tester.send_raw(b"nonsense", ("127.0.0.1", phone.port))
        await eventually(lambda: phone.malformed, what="the nonsense")
        assert phone.malformed[0][1] == b"nonsense"


async def test_tones_and_digits_pass_between_the_media_sockets() -> None:
    """PCMU flows both ways, and RFC 4733 digits arrive once each although their packets are repeated."""
    async with WirePhone(Answer(), rtp=True) as callee, WirePhone(rtp=True) as caller:
        call = await caller.invite(callee.uri)
        await call.wait("answered")
        heard = await callee.wait_call()
        call.send_audio(700)
        heard.send_audio()
        await eventually(lambda: len(heard.rtp.received) > 10 and len(call.rtp.received) > 10, what="RTP both ways")
        call.rtp.send_digits("15#*D")
        await eventually(lambda: heard.rtp.digits == "15#*D", what="the digits")
        assert call.rtp.digits == ""
        call.bye()
        await heard.wait("ended")


async def test_forty_phones_ring_in_one_loop() -> None:
    """Forty phones get a call each and all ring: the kit is cheap enough for group calls of any size."""
    async with asyncio.timeout(30), WirePhone() as caller:
        phones = [WirePhone(Ring()) for _ in range(40)]
        for phone in phones:
            await phone.__aenter__()
        try:
            calls = [await caller.invite(phone.uri) for phone in phones]
            for call in calls:
                await call.wait("ringing")
            assert [len(phone.received("INVITE")) for phone in phones] == [1] * 40
        finally:
            for phone in phones:
                await phone.__aexit__(None, None, None)
