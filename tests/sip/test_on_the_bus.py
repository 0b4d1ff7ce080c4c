"""The sip service as a process on a real NATS server, with a policy that the test plays."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest

from doorbus.contract import calls, subjects
from doorbus.contract.base import Event, Order, Reply
from doorbus.contract.catalog import QUESTIONS, SIP_ORDERS
from doorbus.contract.document import to_json
from doorbus.contract.document.load import load_document
from doorbus.contract.envelope import Envelope
from doorbus.contract.errors import ErrorCode
from doorbus.contract.leases import Lease
from doorbus.runtime.bus import Bus
from doorbus.runtime.endpoints import Received
from doorbus.runtime.settings import ServiceSettings
from doorbus_testkit.behaviour import Answer, Refuse, Ring
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import eventually
from doorbus_testkit.ports import free_port_block, give_back
from doorbus_testkit.processes import Process
from doorbus_testkit.wire import WirePhone

DOCUMENT = """
door: front
sip:
  listen: {{host: 127.0.0.1, udp: {sip}, tcp: {sip}}}
  ports: {{dialers: {first}-{last}, rtp: {rtp}-{rtp_last}}}
calls: {{max_call_s: 300, dial_in_s: {dial_in_s}}}
"""


class Door:
    """A sip process and the policy that the test plays: what it is asked, answers and hears."""

    def __init__(self, bus: Bus, sip_port: int) -> None:
        self.bus = bus
        self.uri = f"sip:door@127.0.0.1:{sip_port}"
        self.decision = calls.IncomingDecision()
        self.silent = False
        self.asked: list[calls.AskIncomingCall] = []
        self.digits: list[str] = []
        self.events: list[Event] = []

    async def answer(self, received: Received) -> Reply:
        """Answers a question, or lets it time out."""
        match received.message:
            case calls.AskIncomingCall() as question:
                self.asked.append(question)
                if self.silent:
                    await asyncio.sleep(1)  # longer than sip waits
                return self.decision
            case calls.AskDtmf(digit=digit):
                self.digits.append(digit)
        return Reply()

    def hear(self, door: str, event: Event, envelope: Envelope) -> None:
        """Takes an event."""
        self.events.append(event)

    async def event(self, kind: type[Event], **fields: object) -> Any:
        """Waits for an event of a kind with these fields."""
        return await eventually(lambda: self._find(kind, fields), what=f"{kind.__name__} {fields}: {self.events}")

    async def order(self, kind: type[Order], **fields: Any) -> Reply:
        """Sends an order."""
        answer = calls.SipSnapshot if kind is calls.TakeSipSnapshot else Reply
        return await self.bus.order("front", kind(**self.bus.stamps(), epoch=1, **fields), answer)

    async def page_lease(self, page: str | None) -> None:
        """Multicast tells its lease, once."""
        lease = Lease(kind="page", service="multicast", subject_id=page, outranks_calls=page is not None)
        await self.bus.connection.client.publish(subjects.lease("front", "page"), lease.to_bytes())
        await self.bus.connection.client.flush()

    def _find(self, kind: type[Event], fields: dict[str, object]) -> Event | None:
        return next(
            (
                event
                for event in self.events
                if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items())
            ),
            None,
        )


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    """A sip process with its document, ready for calls."""
    tasks: list[asyncio.Task[Any]] = []

    def spawn(work: Coroutine[Any, Any, Any], what: str) -> asyncio.Task[Any]:
        tasks.append(asyncio.create_task(work, name=what))
        return tasks[-1]

    async with NatsServer() as server:
        sip, rtp = free_port_block(11), free_port_block(160, even=True)
        settings = ServiceSettings(doors="front", nats_url=server.url)
        bus = Bus("policy", "0.1.0", settings, spawn)
        await bus.start()
        playing = Door(bus, sip)
        await bus.serve_questions(QUESTIONS, playing.answer)
        await bus.read_events(playing.hear)
        await bus.connection.wait_connected()
        text = DOCUMENT.format(sip=sip, first=sip + 1, last=sip + 10, rtp=rtp, rtp_last=rtp + 159, dial_in_s=2)
        bucket = await bus.connection.client.jetstream().key_value("DOORBUS_CONFIG")
        await bucket.put("front", to_json(load_document(text)))
        env = {**os.environ, "DOORBUS_DOORS": "front", "DOORBUS_NATS_URL": server.url}
        process = Process([sys.executable, "-m", "doorbus_sip"], log=tmp_path / "sip.log", env=env)
        try:
            await eventually(lambda: _listens(tmp_path / "sip.log"), 30, what="sip listens")
            await eventually(lambda: bus.clock.known, what="bus time is known")
            yield playing
            process.terminate()
            assert await process.wait_exit(10) == 0
        finally:
            process.stop()
            give_back(sip, 11)
            give_back(rtp, 160)
            await bus.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _listens(log: Path) -> bool:
    return '"listening"' in log.read_text()


async def test_the_decision_of_policy_is_done_and_told(door: Door) -> None:
    """Ring gives 180, refuse the very code without a 180, answer 200; each call's first event tells the decision."""
    async with WirePhone(user="friend") as phone:
        door.decision = calls.IncomingDecision(decision="refuse", refuse_code=603, reason=calls.EndReason.DND)
        refused = await phone.invite(door.uri)
        assert (await refused.wait_final()).status == 603
        assert phone.received("180") == []
        first = await door.event(calls.CallIncoming, decision="refuse")
        assert (first.decided_by, first.code, first.caller, first.account) == ("policy", 603, "friend", "ip")
        await door.event(calls.CallEnded, call=first.call, reason=calls.EndReason.DND, code=603)

        door.decision = calls.IncomingDecision(decision="answer")
        answered = await phone.invite(door.uri)
        assert (await answered.wait_final()).status == 200
        up = await door.event(calls.CallAnswered)
        snapshot = await door.order(calls.TakeSipSnapshot)
        assert isinstance(snapshot, calls.SipSnapshot)
        assert [(each.call, each.state, each.caller) for each in snapshot.calls] == [(up.call, "answered", "friend")]
        assert (await door.order(calls.HangUp, call=up.call)).ok
        await answered.wait("ended")
        assert answered.ended_by == "bye"


async def test_without_an_answer_of_policy_the_door_rings(door: Door) -> None:
    """Policy's silence means ring, told as decided by default; sip's own backstop ends it 2 s after `dial_in_s`."""
    door.silent = True
    async with WirePhone() as phone:
        call = await phone.invite(door.uri)
        await call.wait("ringing")
        told = await door.event(calls.CallIncoming)
        assert (told.decision, told.decided_by) == ("ring", "default")
        assert (await call.wait_final(8)).status == 480
        await door.event(calls.CallEnded, call=told.call, reason=calls.EndReason.DIAL_TIMEOUT)


async def test_without_policy_a_page_refuses_a_call(door: Door) -> None:
    """Policy is silent, and a page that outranks calls was heard of within 3 s: 480, told as decided by default."""
    door.silent = True
    await door.page_lease("p1")
    async with WirePhone() as phone:
        call = await phone.invite(door.uri)
        assert (await call.wait_final()).status == 480
        told = await door.event(calls.CallIncoming)
        assert (told.decision, told.decided_by, told.code) == ("refuse", "default", 480)
        await door.event(calls.CallEnded, call=told.call, reason=calls.EndReason.PAGE)
        await door.page_lease(None)
        rings = await phone.invite(door.uri)
        await rings.wait("ringing")


async def test_a_hold_that_nobody_ends_is_ended_by_sip(door: Door) -> None:
    """Policy ordered the hold and says no more; the call is back 4 s after the page was last heard of, not before."""
    async with WirePhone(Answer()) as phone:
        await door.order(calls.Dial, call="h", account="ip", targets=(calls.Target(leg="h-0", uri=phone.uri),))
        await door.event(calls.CallAnswered, call="h")
        assert (await door.order(calls.Hold, call="h")).ok
        await door.event(calls.CallHeld, call="h", by="local")
        snapshot = await door.order(calls.TakeSipSnapshot)
        assert isinstance(snapshot, calls.SipSnapshot)
        assert snapshot.calls[0].held_locally
        await asyncio.sleep(1.0)  # the page goes on for a second
        await door.page_lease("p1")
        heard = time.monotonic()
        await door.event(calls.CallResumed, call="h", by="local")
        assert 3.9 < time.monotonic() - heard < 8.0
        await eventually(lambda: b"a=sendrecv" in phone.received("INVITE")[-1].message.body, what="the resume")


async def test_a_caller_who_gives_up_during_the_question_is_told_as_such(door: Door) -> None:
    """CANCEL while policy still thinks: 487, `call.incoming` before `call.ended`, and no 180 afterwards."""
    door.silent = True
    async with WirePhone() as phone:
        call = await phone.invite(door.uri)
        await phone.wait_received("100")
        call.cancel()
        assert (await call.wait_final()).status == 487
        ended = await door.event(calls.CallEnded, reason=calls.EndReason.REMOTE_HANGUP)
        kinds = [type(event) for event in door.events if getattr(event, "call", None) == ended.call]
        assert kinds == [calls.CallIncoming, calls.CallEnded]
        assert phone.received("180") == []


async def test_a_dialed_call_tells_its_story(door: Door) -> None:
    """Dial, ring, answer, hang up: the events come in this order, with the ids that policy gave."""
    async with WirePhone(Answer(0.2, ring=True)) as phone:
        targets = (calls.Target(leg="c1-0", uri=phone.uri),)
        assert (await door.order(calls.Dial, call="c1", account="ip", targets=targets)).call == "c1"
        await door.event(calls.CallAnswered, call="c1", leg="c1-0")
        assert (await door.order(calls.HangUp, call="c1", reason=calls.EndReason.PUSH_BUTTON)).ok
        await door.event(calls.CallEnded, call="c1", reason=calls.EndReason.PUSH_BUTTON)
        names = [type(event).__name__ for event in door.events if getattr(event, "call", None) == "c1"]
        expected = ["CallDialing", "LegRinging", "CallRinging", "LegAnswered", "CallAnswered", "CallEnded"]
        assert names == expected


async def test_several_ring_sets_are_one_call(door: Door) -> None:
    """A set that is not final ends without the call; the next one replaces what still rings; the last one ends it."""
    async with WirePhone(Refuse(486)) as busy, WirePhone(Ring()) as ringing, WirePhone(Refuse(603)) as last:
        first = (calls.Target(leg="s-0", uri=busy.uri),)
        await door.order(calls.Dial, call="s", account="ip", targets=first, final=False)
        await door.event(calls.LegRefused, leg="s-0", code=486)
        snapshot = await door.order(calls.TakeSipSnapshot)
        assert isinstance(snapshot, calls.SipSnapshot)
        assert [each.call for each in snapshot.calls] == ["s"]
        second = (calls.Target(leg="s-1", uri=ringing.uri),)
        await door.order(calls.Dial, call="s", account="ip", targets=second, final=False)
        await door.event(calls.LegRinging, leg="s-1")
        third = (calls.Target(leg="s-2", uri=last.uri),)
        await door.order(calls.Dial, call="s", account="ip", targets=third, final=True)
        await ringing.wait_received("CANCEL")
        ended = await door.event(calls.CallEnded, call="s")
        assert (ended.reason, ended.code) == (calls.EndReason.REFUSED, 603)
        assert len([event for event in door.events if isinstance(event, calls.CallEnded)]) == 1


async def test_a_call_between_two_ring_sets_can_be_hung_up(door: Door) -> None:
    """Hanging up when no phone rings any more, but further ones would be dialed, ends the call too."""
    async with WirePhone(Refuse(486)) as busy:
        targets = (calls.Target(leg="b-0", uri=busy.uri),)
        await door.order(calls.Dial, call="b", account="ip", targets=targets, final=False)
        await door.event(calls.LegRefused, leg="b-0")
        assert (await door.order(calls.HangUp, call="b")).ok
        await door.event(calls.CallEnded, call="b", reason=calls.EndReason.LOCAL_HANGUP)
        again = await door.order(calls.HangUp, call="b")
        assert (again.ok, again.code) == (False, ErrorCode.UNKNOWN_CALL)


async def test_digits_are_asked_about_in_order_and_never_told(door: Door) -> None:
    """Each digit is a question to policy, in order; events hold the method and that one came."""
    door.decision = calls.IncomingDecision(decision="answer")
    async with WirePhone() as phone:
        call = await phone.invite(door.uri)
        await call.wait_final()
        up = await door.event(calls.CallAnswered)
        for digit in "12#4":
            call.info("application/dtmf-relay", f"Signal={digit}\r\nDuration=100\r\n".encode())
        await eventually(lambda: len(door.digits) == 4, what="four digits")
        assert "".join(door.digits) == "12#4"
        told = await door.event(calls.CallDtmfReceived, call=up.call)
        assert told.model_dump() == {"call": up.call, "method": calls.DtmfMethod.INFO_RELAY, "count": 1}
        call.bye()


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        (calls.Answer, {"call": "nobody"}, ErrorCode.UNKNOWN_CALL),
        (calls.Refuse, {"call": "nobody", "code": 486, "reason": "refused"}, ErrorCode.UNKNOWN_CALL),
        (calls.HangUp, {"call": "nobody"}, ErrorCode.UNKNOWN_CALL),
        (calls.Hold, {"call": "nobody"}, ErrorCode.UNKNOWN_CALL),
        (calls.Resume, {"call": "nobody"}, ErrorCode.UNKNOWN_CALL),
        (calls.Adopt, {"call": "nobody", "limits": calls.Limits()}, ErrorCode.UNKNOWN_CALL),
        (
            calls.Dial,
            {"call": "x", "account": "nobody", "targets": (calls.Target(leg="x-0", uri="sip:a@127.0.0.1"),)},
            ErrorCode.UNKNOWN_ACCOUNT,
        ),
    ],
)
async def test_an_order_that_cannot_be_done_is_refused(
    door: Door, kind: type[Order], fields: dict[str, object], code: ErrorCode
) -> None:
    """Orders about calls or accounts that do not exist are refused with a stable code, and change nothing."""
    reply = await door.order(kind, **fields)
    assert (reply.ok, reply.code) == (False, code)
    assert [event for event in door.events if isinstance(event, calls.CallEvent)] == []


def test_every_order_is_done_by_somebody() -> None:
    """The shell names each order of the catalog."""
    import inspect

    from doorbus_sip.orders import Orders

    text = inspect.getsource(Orders)
    assert [kind.__name__ for kind in SIP_ORDERS if f"contract.{kind.__name__}(" not in text] == []
