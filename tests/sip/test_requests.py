"""Requests other than those of a call's life: answered properly, inside and outside of calls."""

import pytest
from tests.sip.conftest import MakeDoor

from doorbus_sip import facts
from doorbus_sip.limits import Limits
from doorbus_testkit.behaviour import Answer
from doorbus_testkit.polling import eventually
from doorbus_testkit.sip_message import SipMessage
from doorbus_testkit.wire import WirePhone
from doorbus_testkit.wire_call import WireCall
from doorbus_testkit.wire_endpoint import ClientTransaction

TEXT = ("text/plain", b"hello")
EVENT = {"Event": "dialog"}
REFERRED = {"Refer-To": "<sip:other@127.0.0.1:9>"}


async def _final(request: ClientTransaction) -> SipMessage:
    return (await eventually(lambda: request.final, what=f"answer to {request.request.method}")).message


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("OPTIONS", {}, 200),
        ("REFER", REFERRED, 603),
        ("NOTIFY", EVENT, 481),
        ("BYE", {}, 481),
        ("PRACK", {"RAck": "1 1 INVITE"}, 481),
        ("PUBLISH", EVENT, 489),
        ("REGISTER", {}, 405),
        ("INFO", {}, 405),
        ("UPDATE", {}, 405),
        ("FROBNICATE", {}, 405),
    ],
)
async def test_outside_of_calls(make_door: MakeDoor, method: str, headers: dict[str, str], status: int) -> None:
    """Each method has its answer; OPTIONS and 405 name the methods that the door takes (RFC 3261, 11.2 and 21.4.6)."""
    door = await make_door()
    async with WirePhone() as phone:
        final = await _final(phone.request(method, door.uri, headers=headers))
        assert status == final.status
        if status in (200, 405):
            assert {"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS"} <= set(final.required("Allow").split(", "))
        assert (await phone.options(door.uri)).status == 200
    assert door.told(facts.CallbackFailed) == []


async def test_stray_ack_gets_nothing(make_door: MakeDoor) -> None:
    """An ACK of no call is never answered (RFC 3261, 17.1.1.3), and the next request is."""
    door = await make_door()
    async with WirePhone() as phone:
        ack = phone.request("ACK", door.uri)
        assert (await phone.options(door.uri)).status == 200
        assert ack.responses == []
        received = [record.message for record in phone.records if record.incoming]
    assert {"OPTIONS"} == {message.cseq[1] for message in received}


@pytest.mark.parametrize(
    ("method", "headers", "body", "status"),
    [
        ("OPTIONS", {}, None, 200),
        ("REFER", REFERRED, None, 603),
        ("UPDATE", {}, None, 200),
        ("MESSAGE", {}, TEXT, 200),
        ("INFO", {}, None, 200),
        ("INFO", {}, TEXT, 415),
        ("INFO", {}, ("application/dtmf-relay", b"Signal=\r\nDuration=nonsense\r\n"), 415),
        ("NOTIFY", EVENT, TEXT, 481),
        ("SUBSCRIBE", EVENT, None, 489),
        ("FROBNICATE", {}, None, 405),
    ],
)
async def test_within_a_call(
    make_door: MakeDoor, method: str, headers: dict[str, str], body: tuple[str, bytes] | None, status: int
) -> None:
    """Each method has its answer in a call too, made or received, and the call goes on."""
    door = await make_door()
    async with WirePhone(Answer()) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        await door.wait(facts.CallAnswered)
        made = await phone.wait_call()
        received = await phone.invite(door.uri)
        await door.engine.answer((await door.wait(facts.IncomingCall)).call, Limits())
        await door.wait(facts.CallAnswered, 2)
        for call in (made, received):
            final = await _final(call.request(method, headers=headers, body=body))
            assert status == final.status
            await _still_up(call)
    assert door.told(facts.CallEnded) + door.told(facts.CallbackFailed) == []


async def test_options_and_refer_while_it_rings(make_door: MakeDoor) -> None:
    """A caller whose call still rings gets answers within its early dialog."""
    door = await make_door()
    async with WirePhone() as phone:
        call = await phone.invite(door.uri)
        incoming = await door.wait(facts.IncomingCall)
        await door.engine.ring(incoming.call)
        await call.wait("ringing")
        assert (await _final(call.request("OPTIONS"))).status == 200
        assert (await _final(call.request("REFER", headers=REFERRED))).status == 603
        assert (await phone.options(door.uri)).status == 200
        await door.engine.refuse(incoming.call, 486)
        await call.wait_final()


async def _still_up(call: WireCall) -> None:
    again = await _final(call.request("OPTIONS"))
    assert again.status == 200
    assert call.state == "answered"
