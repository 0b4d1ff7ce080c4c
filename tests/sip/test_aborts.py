"""What one caller could do to a worker once, found by mutation: abort its process, or take its slots for ever."""

import contextlib
import functools
import secrets
from collections.abc import AsyncIterator

import pytest
from tests.sip.attacked import works
from tests.sip.conftest import Door, MakeDoor
from tests.sip.talker import Talker
from tests.sip.test_nonsense import next_call_works
from tests.sip.test_torture import refusing
from tests.sip.torture.case import Place, plain

from doorbus_sip import facts
from doorbus_sip.config import Listen
from doorbus_sip.engine import UnknownCallError
from doorbus_sip.limits import Limits
from doorbus_testkit.polling import eventually
from doorbus_testkit.ports import free_tcp_port
from doorbus_testkit.sip_message import response_to
from doorbus_testkit.wire import WirePhone

HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n"
OTHER_FAMILY = HEAD + "c=IN IP4 ::1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
NO_ADDRESS = HEAD + "t=0 0\r\nm=audio 0 RTP/AVP 0\r\n"
HOST_NAME = HEAD + "c=IN IP4 phone.invalid\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
RTCP_NAME = HEAD + "c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\na=rtcp:40001 IN IP4 phone.invalid\r\n"
UNSAFE = {"other family": OTHER_FAMILY, "no address": NO_ADDRESS, "host name": HOST_NAME, "rtcp": RTCP_NAME}


@pytest.fixture
async def door(make_door: MakeDoor) -> AsyncIterator[Door]:
    """A door that must have the same worker, and work, at the end of the test."""
    one = await make_door()
    workers = one.engine.workers
    yield one
    await next_call_works(one)
    assert one.engine.workers == workers
    assert one.told(facts.CallbackFailed) == []


async def sent(door: Door, talker: Talker, **changed: str | None) -> bytes:
    """Sends an INVITE and returns its Call-ID."""
    place = Place(f"127.0.0.1:{door.engine.ports.udp}", talker.me, "UDP", secrets.token_hex(6))
    talker.send(plain(place, "INVITE", **changed))
    return f"{place.token}@visitors.example".encode()


@pytest.mark.parametrize("changed", [{"body": ""}, {"content_type": None}])
async def test_call_without_an_offer_is_refused_at_once(door: Door, changed: dict[str, str | None]) -> None:
    """Do not disturb refuses within the callback's wait, also a call without an offer (RFC 3261, 13.2.1)."""
    async with refusing(door), Talker(f"127.0.0.1:{door.engine.ports.udp}") as talker:
        for _ in range(5):
            call = await sent(door, talker, **changed)
            await eventually(functools.partial(talker.finals, call), what="an answer")
            assert talker.finals(call) == [486]


async def test_forbidden_call_without_an_offer(make_door: MakeDoor) -> None:
    """A source that may not call gets 403 for it."""
    door = await make_door(ip_allow=("127.9.9.9/32",))
    workers = door.engine.workers
    async with Talker(f"127.0.0.1:{door.engine.ports.udp}") as talker:
        for _ in range(3):
            call = await sent(door, talker, body="")
            await eventually(functools.partial(talker.finals, call), what="an answer")
            assert talker.finals(call) == [403]
    assert door.engine.workers == workers


async def test_slots_that_the_library_keeps(make_door: MakeDoor) -> None:
    """Four callers over TCP who never acknowledge, hung up, hold all slots, and yet a friend gets through in seconds.

    pjsua keeps the slots for good (see `worker.held`): the worker, idle, makes room for another one.
    """
    port = free_tcp_port()
    door = await make_door(listen=Listen(host="127.0.0.1", udp=port, tcp=port))
    names = door.engine.workers.keys()
    address = f"127.0.0.1:{port}"
    for number in range(4):
        async with Talker(address, "TCP") as talker:
            talker.send(plain(Place(address, talker.me, "TCP", f"gone{number}"), "INVITE"))
            incoming = await door.wait(facts.IncomingCall, number + 1)
        await door.engine.answer(incoming.call, Limits())
        await door.engine.hangup(incoming.call)
    await works(door)
    assert [fact.where for fact in door.told(facts.CallbackFailed)] == ["slots"]
    assert door.engine.workers.keys() == names


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
async def test_two_content_types(door: Door, method: str) -> None:
    """A body that is said to be two things is a bad request."""
    async with Talker(f"127.0.0.1:{door.engine.ports.udp}") as talker:
        for types in ("multipart/mixed\r\nc : application/sdp", "application/sdp\r\nCONTENT-TYPE\t: multipart/mixed"):
            place = Place(f"127.0.0.1:{door.engine.ports.udp}", talker.me, "UDP", secrets.token_hex(6))
            talker.send(plain(place, method, content_type=types, body=place.sdp()))
            call = f"{place.token}@visitors.example".encode()
            await eventually(functools.partial(talker.finals, call), what=f"an answer to {types}")
            assert talker.finals(call) == [400]


@pytest.mark.parametrize("name", UNSAFE)
async def test_unsafe_offer(door: Door, name: str) -> None:
    """An offer whose address is none is not acceptable, and nobody is asked."""
    async with Talker(f"127.0.0.1:{door.engine.ports.udp}") as talker:
        call = await sent(door, talker, body=UNSAFE[name])
        await eventually(lambda: talker.finals(call), what="an answer")
        assert talker.finals(call) == [488]
    assert door.told(facts.IncomingCall) == []


@pytest.mark.parametrize("name", UNSAFE)
async def test_unsafe_offer_within_a_call(door: Door, name: str) -> None:
    """The call goes on as it was."""
    async with WirePhone() as phone:
        call = await phone.invite(door.uri)
        incoming = await door.wait(facts.IncomingCall)
        await door.engine.answer(incoming.call, Limits())
        await door.wait(facts.CallAnswered)
        again = call.reinvite(sdp=UNSAFE[name].encode())
        final = await eventually(lambda: again.final, what="an answer to the re-INVITE")
        assert final.message.status == 488
        again = call.reinvite()
        final = await eventually(lambda: again.final, what="an answer to the next one")
        assert final.message.status == 200
        call.bye()
        await eventually(lambda: not door.engine.snapshot(), what="the end of the call")


@pytest.mark.parametrize("name", UNSAFE)
@pytest.mark.parametrize("status", [183, 200])
async def test_unsafe_answer(door: Door, name: str, status: int) -> None:
    """A dialed phone that answers so is not connected; when it refuses then, the call ends."""
    async with WirePhone() as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        call = await phone.wait_call()
        call.respond(180)
        await door.wait(facts.LegRinging)
        call.respond(status, sdp=UNSAFE[name].encode())
        assert (await phone.options(door.uri)).status == 200
        assert door.told(facts.CallAnswered) == []
        await door.engine.hangup("c")
        assert (await door.wait(facts.CallEnded)).call == "c"


@pytest.mark.parametrize("name", UNSAFE)
async def test_unsafe_answer_in_the_ack(door: Door, name: str) -> None:
    """The answer to the door's own offer stands in the ACK; that ACK counts as lost, the call does not come up."""
    async with WirePhone() as phone:
        call = await phone.invite(door.uri, sdp=b"", auto_ack=False)
        incoming = await door.wait(facts.IncomingCall)
        await door.engine.answer(incoming.call, Limits())
        await call.wait_final()
        ack = call.dialog.request("ACK", call.invite.cseq[0]).with_body("application/sdp", UNSAFE[name].encode())
        call.endpoint.request(ack, call.dialog.next_hop)
        assert (await phone.options(door.uri)).status == 200
        assert door.told(facts.CallAnswered) == []
        call.bye()
        await eventually(lambda: not door.engine.snapshot(), what="the end of the call")


@pytest.mark.parametrize("header", ["Contact", "Record-Route"])
@pytest.mark.parametrize(
    "value",
    [
        "<tel:+1>",
        "tel:+1",
        "<http://127.0.0.1>",
        "<sips:x@127.0.0.1:9>",
        "<sip:x@[::1]:9;transport=tcp>",
        "<sip:x@127.0.0.1:9;transport=nosuch>",
        "<sip:x@phone.invalid>",
    ],
)
async def test_answer_that_leads_nowhere(door: Door, header: str, value: str) -> None:
    """A dialed phone's 200 whose ACK cannot go where it says: the call ends with the phone's or the door's word."""
    async with WirePhone() as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits(ring_s=2))
        call = await phone.wait_call()
        assert call.uas is not None
        answer = response_to(call.invite, 200, to_tag="phone", headers={"Contact": f"<{phone.uri}>"})
        answer = answer.with_headers({header: value}).with_body("application/sdp", call.description())
        call.endpoint.respond(call.uas, answer)
        assert (await phone.options(door.uri)).status == 200
        with contextlib.suppress(UnknownCallError):
            await door.engine.hangup("c")
        assert (await door.wait(facts.CallEnded)).call == "c"
