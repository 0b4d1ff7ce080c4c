"""What no phone sends: the worker lives on, and the next call works."""

import os
import socket

import pytest
from tests.sip.conftest import Door, MakeDoor

from doorbus_sip import facts
from doorbus_sip.limits import Limits
from doorbus_testkit.polling import eventually
from doorbus_testkit.wire import WirePhone
from doorbus_testkit.wire_call import WireCall

HEAD = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n"
ADDRESS = b"c=IN IP4 127.0.0.1\r\nt=0 0\r\n"
OFFERS = {
    "no connection line": HEAD + b"t=0 0\r\nm=audio 40000 RTP/AVP 0\r\n",
    "no media": HEAD + ADDRESS,
    "port zero": HEAD + ADDRESS + b"m=audio 0 RTP/AVP 0\r\n",
    "unknown codec": HEAD + ADDRESS + b"m=audio 40000 RTP/AVP 99\r\na=rtpmap:99 NOPE/8000\r\n",
    "no format": HEAD + ADDRESS + b"m=audio 40000 RTP/AVP\r\n",
    "port too large": HEAD + ADDRESS + b"m=audio 99999999 RTP/AVP 0\r\n",
    "event payload 0": HEAD + ADDRESS + b"m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 telephone-event/8000\r\n",
    "event payload 300": HEAD + ADDRESS + b"m=audio 40000 RTP/AVP 0 300\r\na=rtpmap:300 telephone-event/8000\r\n",
    "only events": HEAD + ADDRESS + b"m=audio 40000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n",
    "twenty audio lines": HEAD + ADDRESS + b"m=audio 40000 RTP/AVP 0\r\n" * 20,
    "video only": HEAD + ADDRESS + b"m=video 40000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
    "audio and video": HEAD + ADDRESS + b"m=audio 40000 RTP/AVP 0\r\nm=video 40002 RTP/AVP 96\r\n",
    "old hold": HEAD + b"c=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n",
    "secure": HEAD + ADDRESS + b"m=audio 40000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n",
    "bad address": HEAD + b"c=IN IP4 999.1.1.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n",
    "no sdp at all": b"\x00\xff\xfe nonsense \r\n\r\n\r\n",
    "none": b"",
}


async def next_call_works(door: Door) -> None:
    before = len(door.told(facts.CallAnswered))
    seen = len(door.told(facts.IncomingCall))
    async with WirePhone(user="friend") as phone:
        call = await phone.invite(door.uri)
        incoming = await door.wait(facts.IncomingCall, seen + 1)
        await door.engine.answer(incoming.call, Limits())
        await door.wait(facts.CallAnswered, before + 1)
        call.bye()
        await eventually(lambda: not door.engine.snapshot(), what="the end of the call")


async def decided(door: Door, call: WireCall, seen: int) -> None:
    await eventually(lambda: call.final or len(door.told(facts.IncomingCall)) > seen, what="a decision")


async def test_offers_that_make_no_sense(make_door: MakeDoor) -> None:
    """Each offer gets a final answer, whether the door would take the call or not."""
    door = await make_door()
    pid = door.engine.workers["front"]
    for offer in OFFERS.values():
        seen = len(door.told(facts.IncomingCall))
        async with WirePhone() as phone:
            call = await phone.invite(door.uri, sdp=offer)
            await decided(door, call, seen)
            if call.final is None:
                await door.engine.answer(door.told(facts.IncomingCall)[seen].call, Limits())
            final = await call.wait_final()
            if final.status < 300:
                call.bye()
            await eventually(lambda: not door.engine.snapshot(), what="the end of the call")
    await next_call_works(door)
    assert door.engine.workers["front"] == pid
    assert len(OFFERS) == 17


@pytest.mark.parametrize("payload_type", [0, 101, 120, 127])
async def test_rtp_that_makes_no_sense(make_door: MakeDoor, payload_type: int) -> None:
    """Short, long, random and wrong events during a call disturb neither the call nor the worker."""
    door = await make_door()
    pid = door.engine.workers["front"]
    async with WirePhone() as phone:
        call = await phone.invite(door.uri)
        incoming = await door.wait(facts.IncomingCall)
        await door.engine.answer(incoming.call, Limits())
        await door.wait(facts.CallAnswered)
        assert call.remote_audio is not None
        target = (call.remote_audio.address, call.remote_audio.port)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in range(200):
                body = (b"", b"\xff", b"\xff\xff\xff\xff", b"\x0b\x80", os.urandom(7), os.urandom(1400))[number % 6]
                header = bytes((0x80, 0x80 | payload_type)) + number.to_bytes(2, "big") + bytes(4) + b"abcd"
                sender.sendto((header + body) if number % 7 else os.urandom(number % 30), target)
        call.bye()
        await eventually(lambda: not door.engine.snapshot(), what="the end of the call")
    await next_call_works(door)
    assert door.engine.workers["front"] == pid


async def test_datagrams_that_are_no_sip(make_door: MakeDoor) -> None:
    """Random bytes, half messages and wrong lengths on the SIP port disturb nothing."""
    door = await make_door()
    pid = door.engine.workers["front"]
    target = ("127.0.0.1", door.engine.ports.udp)
    start = f"INVITE {door.uri} SIP/2.0\r\n".encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for size in range(0, 1400, 20):
            sender.sendto(os.urandom(size), target)
            sender.sendto(start + os.urandom(size), target)
            sender.sendto(start + b"Via: " + b"x" * size + b"\r\n\r\n", target)
        sender.sendto(start + b"Content-Length: -1\r\n\r\n", target)
        sender.sendto(start + b"A: b\r\n" * 5000 + b"\r\n", target)
    await next_call_works(door)
    assert door.engine.workers["front"] == pid
