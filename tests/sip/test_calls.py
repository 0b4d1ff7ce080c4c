"""Single calls of the engine with a scripted phone on the wire."""

import time

import pytest
from tests.sip.conftest import MakeDoor

from doorbus_sip import facts
from doorbus_sip.engine import UnknownCallError
from doorbus_sip.facts import Reason
from doorbus_sip.limits import Limits
from doorbus_testkit.behaviour import Answer, Refuse, Ring
from doorbus_testkit.polling import eventually
from doorbus_testkit.wire import WirePhone
from doorbus_testkit.wire_call import WireCall

LIMITS = Limits(ring_s=30, max_call_s=60)


async def test_dials_is_answered_and_hangs_up(make_door: MakeDoor) -> None:
    """A dialed phone gets INVITE, ACK and BYE, and the facts come in the order of a call."""
    door = await make_door()
    async with WirePhone(Answer(0.1)) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), LIMITS, "Front door")
        await door.wait(facts.CallAnswered)
        (snapshot,) = door.engine.snapshot()
        await door.engine.hangup("c", Reason.PUSH_BUTTON)
        call = await phone.wait_call()
        await call.wait("ended")
    told = [type(fact) for fact in door.facts if not isinstance(fact, facts.WorkerStarted)]
    expected = [
        facts.CallDialing,
        facts.LegRinging,
        facts.CallRinging,
        facts.LegAnswered,
        facts.CallAnswered,
        facts.CallEnded,
    ]
    assert expected == told
    assert (snapshot.direction, snapshot.state, snapshot.leg) == ("out", "answered", "l")
    assert call.ended_by == "bye"
    assert "acknowledged" in call.times
    assert '"Front door"' in call.invite.required("From")
    assert door.told(facts.CallEnded)[0].reason == Reason.PUSH_BUTTON
    assert door.engine.snapshot() == ()


async def test_far_side_hangs_up(make_door: MakeDoor) -> None:
    """A BYE from the far side ends the call as remote_hangup."""
    door = await make_door()
    async with WirePhone(Answer()) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), LIMITS)
        await door.wait(facts.CallAnswered)
        (await phone.wait_call()).bye()
        ended = await door.wait(facts.CallEnded)
    assert ended.reason == Reason.REMOTE_HANGUP


@pytest.mark.parametrize("code", [486, 603, 607])
async def test_refusal_of_the_phone(make_door: MakeDoor, code: int) -> None:
    """A refusal is told with its code, and ends a call of one leg."""
    door = await make_door()
    async with WirePhone(Refuse(code)) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), LIMITS)
        ended = await door.wait(facts.CallEnded)
    assert facts.LegRefused("c", "l", code) == door.told(facts.LegRefused)[0]
    assert (Reason.REFUSED, code) == (ended.reason, ended.code)


async def test_failure_is_no_refusal(make_door: MakeDoor) -> None:
    """404 is a failed leg, and the call has no route."""
    door = await make_door()
    async with WirePhone(Refuse(404)) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), LIMITS)
        ended = await door.wait(facts.CallEnded)
    assert door.told(facts.LegFailed)[0].code == 404
    assert (ended.reason, ended.code) == (Reason.NO_ROUTE, 404)


async def test_unusable_uri_fails_its_leg(make_door: MakeDoor) -> None:
    """A target that is no SIP URI fails that leg and disturbs nothing."""
    door = await make_door()
    await door.engine.dial("c", None, (("l", "not a uri"),), LIMITS)
    ended = await door.wait(facts.CallEnded)
    assert ended.reason == Reason.NO_ROUTE
    assert door.told(facts.LegFailed)[0].leg == "l"


async def test_hangup_while_ringing_cancels_without_reason(make_door: MakeDoor) -> None:
    """A call that the door gives up is cancelled, and nothing says "completed elsewhere"."""
    door = await make_door()
    async with WirePhone(Ring()) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), LIMITS)
        await door.wait(facts.CallRinging)
        await door.engine.hangup("c", Reason.DIAL_TIMEOUT)
        call = await phone.wait_call()
        await call.wait("ended")
    assert (call.ended_by, call.end_reason) == ("cancel", None)
    assert door.told(facts.CallEnded)[0].reason == Reason.DIAL_TIMEOUT


async def test_hangup_before_any_response_waits_for_one(make_door: MakeDoor) -> None:
    """A CANCEL waits for the first provisional response (RFC 3261, 9.1); the call is over for the door at once."""
    door = await make_door()
    async with WirePhone() as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), LIMITS)
        call = await phone.wait_call()
        await door.engine.hangup("c")
        await door.wait(facts.CallEnded)
        assert phone.received("CANCEL") == []
        call.respond(100)
        await call.wait("ended")
    assert call.ended_by == "cancel"


async def test_late_answer_gets_ack_and_bye(make_door: MakeDoor) -> None:
    """A 2xx after the door gave up is acknowledged and ended."""
    door = await make_door()
    async with WirePhone() as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), LIMITS)
        call = await phone.wait_call()
        await door.engine.hangup("c")
        call.respond(200)
        await call.wait("ended")
    assert "acknowledged" in call.times
    assert call.ended_by == "bye"
    assert door.told(facts.CallAnswered) == []


@pytest.mark.parametrize("code", [404, 480, 486, 603])
async def test_refuses_with_any_code_and_never_rings(make_door: MakeDoor, code: int) -> None:
    """An incoming call gets 100, then exactly the code that the shell chose, and no 180."""
    door = await make_door()
    async with WirePhone() as phone:
        call = await phone.invite(door.uri)
        incoming = await door.wait(facts.IncomingCall)
        await door.engine.refuse(incoming.call, code, Reason.DND)
        final = await call.wait_final()
        assert code == final.status
        assert {100, code} == {record.message.status for record in call.responses}
    assert (Reason.DND, code) == (door.told(facts.CallEnded)[0].reason, door.told(facts.CallEnded)[0].code)


async def test_incoming_call_is_described(make_door: MakeDoor) -> None:
    """The facts of an INVITE say who calls from where, and that the caller asks to be answered at once."""
    door = await make_door()
    async with WirePhone(user="anna") as phone:
        headers = {"Call-Info": "<sip:x>;answer-after=3", "Alert-Info": "<http://x>;info=alert-autoanswer"}
        call = await phone.invite(door.uri, headers=headers)
        incoming = await door.wait(facts.IncomingCall)
        await door.engine.refuse(incoming.call, 486)
        await call.wait_final()
    assert (None, "anna", phone.uri, "door", "127.0.0.1", phone.port) == (
        incoming.account,
        incoming.from_user,
        incoming.from_uri,
        incoming.to_user,
        incoming.source,
        incoming.source_port,
    )
    assert incoming.auto_answer == (("call_info", 3), ("alert_info", 0))


async def test_rings_is_answered_and_ended_by_the_caller(make_door: MakeDoor) -> None:
    """`ring` sends 180, `answer` 200; the caller's BYE ends the call."""
    door = await make_door()
    async with WirePhone() as phone:
        call = await phone.invite(door.uri)
        incoming = await door.wait(facts.IncomingCall)
        await door.engine.ring(incoming.call)
        await call.wait("ringing")
        await door.engine.answer(incoming.call, LIMITS)
        await door.wait(facts.CallAnswered)
        assert [record.message.status for record in call.responses] == [100, 180, 200]
        with pytest.raises(UnknownCallError):
            await door.engine.refuse(incoming.call, 486)
        call.bye()
        ended = await door.wait(facts.CallEnded)
    assert ended.reason == Reason.REMOTE_HANGUP


async def test_caller_gives_up_while_it_waits(make_door: MakeDoor) -> None:
    """A CANCEL before the decision gets 487, and the call ends as remote_hangup; answering it then is refused."""
    door = await make_door()
    async with WirePhone() as phone:
        call = await phone.invite(door.uri)
        incoming = await door.wait(facts.IncomingCall)
        await eventually(lambda: call.responses, what="100")
        call.cancel()
        ended = await door.wait(facts.CallEnded)
        assert (await call.wait_final()).status == 487
        with pytest.raises(UnknownCallError):
            await door.engine.answer(incoming.call)
    assert ended.reason == Reason.REMOTE_HANGUP


async def test_forbidden_source_gets_403_and_nobody_is_asked(make_door: MakeDoor) -> None:
    """A direct call from outside `ip_allow` is refused by itself, and reported as a sum."""
    door = await make_door(ip_allow=("10.0.0.0/8",))
    async with WirePhone() as phone:
        call = await phone.invite(door.uri)
        assert (await call.wait_final()).status == 403
        assert facts.RefusedUnasked(403, 1) == await door.wait(facts.RefusedUnasked)
    assert door.told(facts.IncomingCall) == []


async def test_trusted_source_makes_it_the_accounts_call(make_door: MakeDoor) -> None:
    """An INVITE from an account's trusted source is a call on that account, whatever `ip_allow` says."""
    account = {"id": "pbx", "aor": "sip:door@pbx.test", "trusted_sources": ("127.0.0.1",)}
    door = await make_door(accounts=(account,), ip_allow=())
    async with WirePhone() as phone:
        call = await phone.invite(door.uri)
        incoming = await door.wait(facts.IncomingCall)
        await door.engine.refuse(incoming.call, 486)
        await call.wait_final()
    assert incoming.account == "pbx"


async def test_hold_and_resume_from_the_far_side(make_door: MakeDoor) -> None:
    """Hold by `sendonly` and by `inactive` is answered and told, and so is the end of it."""
    door = await make_door()
    async with WirePhone() as phone:
        call = await phone.invite(door.uri)
        incoming = await door.wait(facts.IncomingCall)
        await door.engine.answer(incoming.call, LIMITS)
        await door.wait(facts.CallAnswered)
        for count, direction in enumerate(("sendonly", "inactive"), start=1):
            call.reinvite(direction)
            assert facts.CallHeld(incoming.call, "remote") == await door.wait(facts.CallHeld, count)
            call.reinvite("sendrecv")
            assert facts.CallResumed(incoming.call, "remote") == await door.wait(facts.CallResumed, count)
        call.bye()
        await door.wait(facts.CallEnded)


def direction(call: WireCall) -> str | None:
    """What the door's description says last."""
    return call.remote_audio.direction if call.remote_audio else None


async def test_hold_and_resume_from_the_door(make_door: MakeDoor) -> None:
    """`hold` sends a re-INVITE with sendonly, `resume` one with sendrecv."""
    door = await make_door()
    async with WirePhone(Answer()) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), LIMITS)
        await door.wait(facts.CallAnswered)
        call = await phone.wait_call()
        await door.engine.hold("c")
        assert facts.CallHeld("c", "local") == await door.wait(facts.CallHeld)
        await eventually(lambda: direction(call) == "sendonly", what="the hold on the wire")
        assert door.engine.snapshot()[0].held_by == ("local",)
        await door.engine.resume("c")
        assert facts.CallResumed("c", "local") == await door.wait(facts.CallResumed)
        await eventually(lambda: direction(call) == "sendrecv", what="the end of the hold on the wire")
        await door.engine.hangup("c")
        await call.wait("ended")


async def test_failed_order_names_its_call(make_door: MakeDoor) -> None:
    """What fails in the worker is told with the call that it was about: digits that are none."""
    door = await make_door()
    async with WirePhone(Answer()) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), LIMITS)
        await door.wait(facts.CallAnswered)
        call = await phone.wait_call()
        await door.engine.send_dtmf("c", "x")
        failed = await door.wait(facts.CallbackFailed)
        await door.engine.hangup("c")
        await call.wait("ended")
    assert (failed.where, failed.call) == ("send_dtmf", "c")


async def test_refer_is_declined(make_door: MakeDoor) -> None:
    """A REFER gets 603 and dials nothing."""
    door = await make_door()
    async with WirePhone(Answer()) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), LIMITS)
        await door.wait(facts.CallAnswered)
        call = await phone.wait_call()
        refer = call.request("REFER", headers={"Refer-To": "<sip:other@127.0.0.1:9>"})
        final = await eventually(lambda: refer.final, what="answer to REFER")
        await door.engine.hangup("c")
        await call.wait("ended")
    assert final.message.status == 603


async def test_backstop_ends_a_call_that_nobody_ends(make_door: MakeDoor) -> None:
    """The limits that came with `dial` end the call 2 s later than policy would have, and warn before."""
    door = await make_door()
    async with WirePhone(Answer()) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits(ring_s=30, max_call_s=1, warn_s=0.5))
        await door.wait(facts.CallAnswered)
        began = time.monotonic()
        call = await phone.wait_call()
        await call.wait("ended")
    assert 2.5 < time.monotonic() - began < 6
    assert facts.CallEnding("c", 0.5) == door.told(facts.CallEnding)[0]
    assert door.told(facts.CallEnded)[0].reason == Reason.MAX_DURATION


async def test_backstop_ends_ringing(make_door: MakeDoor) -> None:
    """An unanswered call ends 2 s after its ringing limit."""
    door = await make_door()
    async with WirePhone(Ring()) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits(ring_s=0.2))
        ended = await door.wait(facts.CallEnded)
        await (await phone.wait_call()).wait("ended")
    assert ended.reason == Reason.DIAL_TIMEOUT


async def test_removed_account_ends_its_calls(make_door: MakeDoor) -> None:
    """Taking an account away ends its calls in order, and dialing on it is refused."""
    door = await make_door(accounts=({"id": "pbx", "aor": "sip:door@127.0.0.1"},))
    async with WirePhone(Answer()) as phone:
        await door.engine.dial("c", "pbx", (("l", phone.uri),), LIMITS)
        await door.wait(facts.CallAnswered)
        call = await phone.wait_call()
        await door.engine.reconfigure(door.engine.config.model_copy(update={"accounts": ()}))
        await call.wait("ended")
        with pytest.raises(LookupError):
            await door.engine.dial("d", "pbx", (("m", phone.uri),), LIMITS)
    assert "sip:door@127.0.0.1" in call.invite.required("From")
    assert call.ended_by == "bye"
    assert door.told(facts.CallEnded)[0].reason == Reason.SHUTDOWN
