"""The main job, from the press to the end of the call, and what an incoming call meets."""

from __future__ import annotations

from tests.policy.story import Story, document

from doorbus.contract.buttons import ButtonActivated
from doorbus.contract.calls import AutoAnswerMode, EndReason, IncomingDecision, Limits, Target
from doorbus.contract.lines import UnlockMethod
from doorbus_policy.core.effects import AnswerQuestion, Dial, HangUp, Pulse


def test_a_press_rings_the_phone_and_the_phone_opens_the_door() -> None:
    """Press, dial, answer, code, relay, hang up after unlock: the whole main job in one story."""
    story = Story()
    call = story.press()
    assert [
        ButtonActivated(input="button1", does="call", call=call, actions=("notify",), press="press2")
    ] == story.told(ButtonActivated)
    target = Target(leg=f"{call}-0", uri="sip:101@pbx.example.com")
    limits = Limits(ring_s=60, max_call_s=300, warn_s=10)
    assert [Dial(call, "pbx", (target,), limits, final=True)] == story.orders()

    story.wait(2).answered().wait(4).typed("1234")
    assert [Pulse(1, "gate", UnlockMethod.DTMF, by="101", call=call)] == story.orders()

    story.finished(Pulse(1, "gate", UnlockMethod.DTMF, "101", call)).opened(call=call).wait(4.9)
    assert story.orders() == []
    story.wait(0.2)
    assert [HangUp(call, EndReason.UNLOCKED)] == story.orders()
    story.ended()
    assert story.idle


def test_an_incoming_call_under_dnd_is_refused_at_once() -> None:
    """DND answers the question with its return code and keeps no trace of the call."""
    story = Story(document(dnd={"enabled": True, "return_code": 603}))
    before = story.state
    answer = story.asked()
    refusal = IncomingDecision(decision="refuse", refuse_code=603, reason=EndReason.DND)
    assert AnswerQuestion("q", refusal) == answer
    assert before is story.state


def test_an_incoming_call_is_answered_by_itself() -> None:
    """Auto-answer without delay answers in the reply to the question, with the limits for sip's backstop."""
    story = Story(document(auto_answer={"sip": {"enabled": True, "mode": "video"}}))
    limits = Limits(ring_s=60, max_call_s=300, warn_s=10)
    assert (
        AnswerQuestion("q", IncomingDecision(decision="answer", mode=AutoAnswerMode.VIDEO, limits=limits))
        == story.asked()
    )


def test_an_incoming_call_rings() -> None:
    """Without DND and auto-answer the door rings."""
    story = Story()
    limits = Limits(ring_s=60, max_call_s=300, warn_s=10)
    assert AnswerQuestion("q", IncomingDecision(decision="ring", limits=limits)) == story.asked()
