"""The wiring on a real NATS server: policy as it is, with a scripted sip and io."""

from __future__ import annotations

import json

from tests.policy.fakes import DOOR, Box
from tests.policy.story import document

from doorbus.contract import calls, lines
from doorbus.contract.base import Reply
from doorbus.contract.buttons import ButtonActivated, ButtonLimited
from doorbus.contract.calls import (
    AskIncomingCall,
    CallAnswered,
    CallEnded,
    CallIncoming,
    CallSnapshot,
    CallState,
    Direction,
    EndReason,
    IncomingDecision,
)
from doorbus.contract.dnd import DndChanged
from doorbus.contract.doors import UnlockDenied
from doorbus.contract.lines import DoorUnlocked, InputKind, InputPressed, UnlockMethod
from doorbus.contract.services import ServiceDegraded
from doorbus.contract.wishes import WishCall, WishDnd, WishPress, WishUnlock
from doorbus_testkit.polling import eventually

CODES = [{"code": {"env": "DOORBUS_SECRET_GATE"}, "relay": "gate"}]
PRESS = InputPressed(input="button1", kind=InputKind.PUSH_BUTTON)


async def test_the_main_job(box: Box) -> None:
    """From the press over dial, answer, code and relay to the hang-up, through real subjects and envelopes."""
    await box.apply(document(unlock_codes=CODES, hang_up_after_unlock={"timeout_s": 0.2}))
    await box.start_policy()
    await box.serving()
    box.io_tells(PRESS)
    dial = await box.ordered(calls.Dial)
    assert [target.uri for target in dial.targets] == ["sip:101@pbx.example.com"]
    assert dial.call == (await box.told(ButtonActivated)).call
    box.sip_tells(CallAnswered(call=dial.call, direction=Direction.OUTGOING, leg=dial.targets[0].leg))
    await box.stage("answered")
    await box.type_digits(dial.call, "1234")
    pulse = await box.ordered(lines.Pulse)
    assert (pulse.relay, pulse.cause.method, pulse.cause.by) == ("gate", UnlockMethod.DTMF, "101")
    box.io_tells(DoorUnlocked(relay="gate", method=UnlockMethod.DTMF, call=dial.call))
    assert EndReason.UNLOCKED is (await box.ordered(calls.HangUp)).reason
    box.sip_tells(CallEnded(call=dial.call, direction=Direction.OUTGOING, reason=EndReason.UNLOCKED))
    await box.stage("idle")


async def test_incoming_calls_are_decided_about(box: Box) -> None:
    """The reply to sip's question: refuse under DND, set by a client's wish; answer by itself otherwise."""
    await box.apply(document(dnd={"return_code": 603}, auto_answer={"sip": {"enabled": True}}))
    await box.start_policy()
    await box.serving()

    async def ask(call: str) -> IncomingDecision:
        question = AskIncomingCall(**box.question(), call=call, account="pbx", caller="101", address="192.0.2.7")
        decision: IncomingDecision = await box.ask(question, IncomingDecision)
        return decision

    assert (await box.wish(WishDnd(**box.stamps(), enabled=True))).ok
    assert DndChanged(enabled=True, by="cli") == await box.told(DndChanged)
    assert ((await ask("in1")).refuse_code, (await ask("in1")).reason) == (603, EndReason.DND)
    assert (await box.wish(WishDnd(**box.stamps(), enabled=False))).ok
    assert (await ask("in2")).decision == "answer"
    assert (await ask("in3")).refuse_code == 486


async def test_a_call_that_sip_rang_by_default_gets_its_decision_as_an_order(box: Box) -> None:
    """Where sip heard no answer in time, policy refuses under DND by an order."""
    await box.apply(document(dnd={"enabled": True, "return_code": 404}))
    await box.start_policy()
    await box.serving()
    box.sip_tells(CallIncoming(call="in1", account="pbx", decision="ring", decided_by="default"))
    refuse = await box.ordered(calls.Refuse)
    assert (refuse.call, refuse.code, refuse.reason) == ("in1", 404, EndReason.DND)


async def test_a_wish_to_unlock_is_answered_when_io_has_answered(box: Box) -> None:
    """Io's refusal comes back as the wish's refusal and as an event; its acceptance as ok."""
    await box.apply(document())
    await box.start_policy()
    await box.serving()
    assert (await box.wish(WishUnlock(**box.stamps()), relay="gate")).ok
    assert (await box.ordered(lines.Pulse)).cause.by == "cli"
    box.answers["pulse"] = Reply(ok=False, code="not_ready")
    assert (await box.wish(WishUnlock(**box.stamps()), relay="gate")).code == "not_ready"
    assert (await box.told(UnlockDenied)).why == "io_refused"
    assert (await box.wish(WishUnlock(**box.stamps()), relay="cellar")).code == "unknown_relay"


async def test_a_restarted_policy_adopts_the_call_and_keeps_its_limit(box: Box) -> None:
    """max_call_s counts from the answer that the snapshot tells, and DND stays as it was toggled."""
    await box.apply(document(max_call_s=3, warn_s=0))
    await box.start_policy()
    await box.serving()
    await box.wish(WishDnd(**box.stamps(), enabled=True))
    called = await box.wish(WishCall(**box.stamps(), to="102", account="pbx"))
    dial = await box.ordered(calls.Dial)
    assert called.call == dial.call
    box.sip_tells(CallAnswered(call=dial.call, direction=Direction.OUTGOING, leg=dial.targets[0].leg))
    await box.stage("answered")
    await box.stop_policy()
    box.calls = (
        CallSnapshot(
            call=dial.call,
            direction=Direction.OUTGOING,
            state=CallState.ANSWERED,
            account="pbx",
            age_s=60,
            answered_age_s=60,
            limits=dial.limits,
        ),
    )
    await box.start_policy()
    adopt = await box.ordered(calls.Adopt)
    assert (dial.call, 3) == (adopt.call, adopt.limits.max_call_s)
    hang_up = await box.ordered(calls.HangUp)
    assert (dial.call, EndReason.MAX_DURATION) == (hang_up.call, hang_up.reason)
    assert adopt.epoch > dial.epoch
    assert (await box.status()).dnd_accounts == ("ip", "pbx", "trunk")


async def test_a_press_while_policy_restarts_rings_once(box: Box) -> None:
    """The triggers of the last seconds are read from the stream: a missed press rings, a taken one not again."""
    await box.apply(document())
    await box.start_policy()
    await box.serving()
    box.io_tells(PRESS)
    first = await box.ordered(calls.Dial)
    box.sip_tells(CallEnded(call=first.call, direction=Direction.OUTGOING, reason=EndReason.NO_ROUTE))
    await box.stage("idle")
    await box.stop_policy()
    box.io_tells(PRESS)
    await box.start_policy()
    await box.serving()
    second = await box.ordered(calls.Dial, 2)
    assert second.call != first.call
    box.sip_tells(CallEnded(call=second.call, direction=Direction.OUTGOING, reason=EndReason.NO_ROUTE))
    await box.stage("idle")
    assert len([each for each in box.orders if isinstance(each, calls.Dial)]) == 2


async def test_a_client_presses_a_button_and_a_repeat_is_the_same_press(box: Box) -> None:
    """The wish's answer names the call; the same wish sent twice gets the same answer and dials once."""
    await box.apply(document())
    await box.start_policy()
    await box.serving()
    wish = WishPress(**box.stamps(), input="button1")
    first, again = await box.wish(wish), await box.wish(wish)
    assert first == again
    assert first.call == (await box.ordered(calls.Dial)).call
    assert (await box.wish(WishPress(**box.stamps(), input="exit1"))).code == "unknown_input"
    assert len([each for each in box.orders if isinstance(each, calls.Dial)]) == 1


async def test_a_dial_that_sip_refuses_ends_the_call_with_an_event(box: Box) -> None:
    """The press was told as a call, so its end is told too, by policy, as sip never had it."""
    box.answers["dial"] = Reply(ok=False, code="not_ready", message="no worker")
    await box.apply(document())
    await box.start_policy()
    await box.serving()
    box.io_tells(PRESS)
    ended = await box.told(CallEnded)
    assert (await box.told(ButtonActivated)).call == ended.call
    assert EndReason.NO_ROUTE is ended.reason


async def test_a_code_that_cannot_be_resolved_is_told_and_disables_only_itself(box: Box) -> None:
    """One secret is missing: service.degraded says which, and the other code opens."""
    missing = {"code": {"env": "DOORBUS_SECRET_MISSING"}, "relay": "lamp"}
    await box.apply(document(unlock_codes=[missing, *CODES]))
    await box.start_policy()
    await box.serving()
    degraded = await box.told(ServiceDegraded)
    assert degraded.part == "unlock_codes"
    assert degraded.why.startswith("calls.unlock_codes[0].code: secret DOORBUS_SECRET_MISSING")
    box.io_tells(PRESS)
    dial = await box.ordered(calls.Dial)
    box.sip_tells(CallAnswered(call=dial.call, direction=Direction.OUTGOING, leg=dial.targets[0].leg))
    await box.stage("answered")
    await box.type_digits(dial.call, "1234")
    assert (await box.ordered(lines.Pulse)).relay == "gate"


async def test_without_a_document_wishes_are_refused(box: Box) -> None:
    """Nobody gets silence: the answer says what is missing."""
    await box.start_policy()
    assert (await box.wish(WishPress(**box.stamps(), input="button1"))).code == "not_ready"


async def test_a_silent_sip_loses_its_call_and_gets_it_back(box: Box) -> None:
    """Three seconds without a lease: no call for policy; the snapshot brings it back, as adopted."""
    await box.apply(document())
    await box.start_policy()
    await box.serving()
    box.io_tells(PRESS)
    dial = await box.ordered(calls.Dial)
    box.sip_tells(CallAnswered(call=dial.call, direction=Direction.OUTGOING, leg=dial.targets[0].leg))
    await box.stage("answered")
    box.answers["snapshot"] = Reply(ok=False, code="not_ready")
    await box.lease_once(dial.call)
    await box.stage("idle")
    box.calls = (
        CallSnapshot(
            call=dial.call,
            direction=Direction.OUTGOING,
            state=CallState.ANSWERED,
            account="pbx",
            age_s=5,
            answered_age_s=5,
        ),
    )
    del box.answers["snapshot"]
    assert dial.call == (await box.ordered(calls.Adopt)).call
    await box.stage("answered")


async def test_one_process_serves_every_door_that_has_a_document(box: Box) -> None:
    """With `*`; each door has its own call, and a door of which only sip is missing is served too."""
    await box.apply(document())
    await box.start_policy(doors="*")
    await box.serving()
    back = document().model_copy(update={"door": "back"})
    await box.apply(back)

    async def served() -> bool:
        return (await box.status("back")).ok

    await eventually(served, what="the new door is served")
    box.io_tells(PRESS)
    await box.ordered(calls.Dial)
    await box.stage("dialing")
    assert (await box.status("back")).stage == "idle"


async def test_a_call_keeps_its_rules_when_the_document_changes(box: Box) -> None:
    """DND applies at once, max_call_s to the next call: the running one is adopted with its own limit later on."""
    await box.apply(document(max_call_s=200, warn_s=0))
    await box.start_policy()
    await box.serving()
    box.io_tells(PRESS)
    await box.ordered(calls.Dial)
    await box.apply(document(max_call_s=20, warn_s=0, dnd={"enabled": True}))
    assert DndChanged(enabled=True, by="document") == await box.told(DndChanged)
    await box.stop_policy()
    await box.start_policy()
    assert (await box.ordered(calls.Adopt)).limits.max_call_s == 200


async def test_orders_are_heard_after_the_store_came_back_empty(box: Box) -> None:
    """Its revisions are low again; the epoch is raised above what sip has heard."""
    await box.apply(document())
    await box.start_policy()
    await box.serving()
    for _ in range(3):
        await box.wish(WishPress(**box.stamps(), input="button2"))  # each is remembered, so the revision rises
    await box.stop_policy()
    await box.start_policy()
    await box.serving()
    assert (await box.wish(WishUnlock(**box.stamps()), relay="gate")).ok
    box.io_tells(PRESS)
    first = await box.ordered(calls.Dial)
    box.sip_tells(CallEnded(call=first.call, direction=Direction.OUTGOING, reason=EndReason.NO_ROUTE))
    await box.stage("idle")
    await box.stop_policy()
    await box.io.bus.connection.client.jetstream().delete_stream("KV_DOORBUS_STATE")
    await box.start_policy()
    await box.serving()
    box.io_tells(PRESS)
    assert (await box.ordered(calls.Dial, 2)).epoch > first.epoch > 1
    assert (await box.wish(WishUnlock(**box.stamps()), relay="gate")).ok


async def test_a_relay_is_held_for_the_call_and_its_reset_outlives_policy(box: Box) -> None:
    """Io does not take the reset: it is ordered again, also by the next life, until io takes it."""
    await box.apply(document(switches=(("light", "lamp", "call_ended"),), max_call_s=50, dial_out_s=30))
    await box.start_policy()
    await box.serving()
    box.answers["reset"] = Reply(ok=False, code="not_ready")
    box.io_tells(PRESS)
    energise = await box.ordered(lines.Energise)
    dial = await box.ordered(calls.Dial)
    assert energise.cause == lines.Cause(kind="action", by="button1", call=dial.call)
    assert 30 + 50 < energise.max_s < 30 + 50 + 30
    box.sip_tells(CallEnded(call=dial.call, direction=Direction.OUTGOING, reason=EndReason.NO_ROUTE))
    assert ("lamp", dial.call) == ((await box.ordered(lines.Reset)).relay, (await box.ordered(lines.Reset, 2)).call)
    await box.stop_policy()
    ordered = len([each for each in box.orders if isinstance(each, lines.Reset)])
    del box.answers["reset"]
    await box.start_policy()
    assert dial.call == (await box.ordered(lines.Reset, ordered + 1)).call

    async def forgotten() -> bool:
        memory = await box.policy.bus.state.recall(DOOR) if box.policy is not None else None
        return memory is not None and json.loads(memory)["holds"] == []

    await eventually(forgotten, what="policy has forgotten the hold")


async def test_presses_over_the_limit_are_not_taken(box: Box) -> None:
    """A flood from the line: ten are activated, one event says that there are more; a client is told the limit."""
    await box.apply(document())
    await box.start_policy()
    await box.serving()
    for _ in range(50):
        box.io_tells(PRESS)
    limited = await box.told(ButtonLimited)
    assert (limited.input, limited.virtual, limited.over) == ("button1", False, False)
    replies = [await box.wish(WishPress(**box.stamps(), input="button1")) for _ in range(50)]
    assert {"rate_limited"} == {reply.code for reply in replies if not reply.ok}
    assert (await box.status()).ok
    taken = [each for each in box.events if isinstance(each, ButtonActivated)]
    assert len(taken) < 50
