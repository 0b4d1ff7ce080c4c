"""Incoming calls: DND, busy, auto-answer, and what happens when sip did not hear the answer."""

from __future__ import annotations

import pytest
from tests.policy.story import Story, document

from doorbus.contract.calls import EndReason, IncomingDecision
from doorbus.contract.dnd import DndChanged
from doorbus_policy.core import events as ev
from doorbus_policy.core.effects import Answer, AnswerQuestion, Refuse, TakeSnapshot
from doorbus_policy.core.memory import kept


def refusal(answer: AnswerQuestion) -> tuple[int | None, EndReason | None]:
    """Returns code and reason of a refusal."""
    assert isinstance(answer.reply, IncomingDecision)
    return answer.reply.refuse_code, answer.reply.reason


def decision(answer: AnswerQuestion) -> str:
    """Returns ring, answer or refuse."""
    assert isinstance(answer.reply, IncomingDecision)
    return answer.reply.decision


@pytest.mark.parametrize("code", [404, 480, 486, 603])
def test_dnd_refuses_with_its_return_code(code: int) -> None:
    """dnd.return_code."""
    story = Story(document(dnd={"enabled": True, "return_code": code}))
    assert (code, EndReason.DND) == refusal(story.asked())


def test_dnd_refuses_only_its_accounts() -> None:
    """dnd.account: `ip` stands for direct calls."""
    story = Story(document(dnd={"enabled": True, "accounts": ["trunk", "ip"]}))
    assert decision(story.asked("in1", "trunk")) == "refuse"
    assert decision(story.asked("in2", "ip")) == "refuse"
    assert decision(story.asked("in3", "pbx")) == "ring"


def test_dnd_lets_through_whom_it_names() -> None:
    """dnd.bypass: an account's caller by user, a direct one by address; a direct one cannot claim a user."""
    story = Story(document(dnd={"enabled": True, "bypass": ["101", "192.0.2.9"]}))
    assert decision(story.asked("in1", "ip", caller="101", address="192.0.2.8")) == "refuse"
    assert decision(story.asked("in2", "pbx", caller="102", address="192.0.2.9")) == "refuse"
    assert decision(story.asked("in3", "pbx", caller="101")) == "ring"
    assert decision(story.ended().asked("in4", "ip", address="192.0.2.9")) == "ring"


def test_dnd_comes_before_busy() -> None:
    """sip.busy: during a call DND's code is given, without DND 486."""
    story = Story(document(dnd={"return_code": 603}))
    story.press()
    assert refusal(story.asked("in1")) == (486, EndReason.BUSY)
    story.tell(ev.DndWished("h", "cli", True, new_call="dnd"))
    assert refusal(story.asked("in2")) == (603, EndReason.DND)


def test_a_toggle_holds_until_apply_changes_the_field() -> None:
    """dnd.toggle: not another document, not a restart; but a changed `enabled`, also one that came meanwhile."""
    story = Story(document(dnd={"enabled": False}))
    story.tell(ev.DndWished("h", "cli", True, new_call="dnd"))
    assert [DndChanged(enabled=True, by="cli")] == story.told(DndChanged)
    story.tell(ev.DocumentTaken(document(dnd={"enabled": False}, max_call_s=5), 2, new_call="dnd", fingerprint="doc8"))
    assert decision(story.asked("in1")) == "refuse"
    story = story.restart()
    assert decision(story.asked("in2")) == "refuse"
    story.tell(ev.DocumentTaken(document(dnd={"enabled": True}), 3, new_call="dnd", fingerprint="doc9"))
    assert story.told(DndChanged) == []
    story.tell(ev.DocumentTaken(document(dnd={"enabled": False}), 4, new_call="dnd", fingerprint="doc10"))
    assert [DndChanged(enabled=False, by="document")] == story.told(DndChanged)
    assert decision(story.asked("in3")) == "ring"


def test_a_single_account_is_toggled() -> None:
    """For one account only; turning all off takes it back; an account that DND is not about is refused."""
    story = Story(document(dnd={"accounts": ["pbx", "trunk"]}))
    story.tell(ev.DndWished("h", "cli", True, "trunk", new_call="dnd"))
    assert decision(story.asked("in1", "trunk")) == "refuse"
    assert decision(story.asked("in2", "pbx")) == "ring"
    story.ended().tell(ev.DndWished("h", "cli", False, new_call="dnd"))
    assert decision(story.asked("in3", "trunk")) == "ring"
    story.tell(ev.DndWished("h", "cli", True, "ip", new_call="dnd"))
    assert story.reply().reply.code == "unknown_account"


def test_a_refusal_keeps_nothing() -> None:
    """So that a flood under DND costs no write."""
    story = Story(document(dnd={"enabled": True}))
    before = kept(story.state)
    story.asked()
    story.tell(ev.CallCame("in1", "pbx", refused=True)).tell(ev.CallEnded("in1"))
    assert before == kept(story.state)


def test_auto_answer_by_kind_of_call() -> None:
    """answer.sip and answer.ip are set apart."""
    story = Story(document(auto_answer={"ip": {"enabled": True}}))
    assert decision(story.asked("in1", "pbx")) == "ring"
    assert decision(story.ended().asked("in2", "ip")) == "answer"


def test_auto_answer_waits_its_delay() -> None:
    """answer.delay: rings, and is answered exactly then; not when the caller gave up."""
    doc = document(auto_answer={"sip": {"enabled": True, "delay_s": 5}})
    story = Story(doc)
    assert decision(story.asked()) == "ring"
    assert story.wait(4.9).take(Answer) == []
    assert [each.call for each in story.wait(0.2).take(Answer)] == ["in1"]
    story = Story(doc)
    story.asked()
    story.wait(2).ended()
    assert story.wait(10).take(Answer) == []


def test_only_a_trusted_caller_may_ask_to_be_answered() -> None:
    """answer.header: after the time he asks for; anyone else rings."""
    story = Story(document(auto_answer={"trusted": ["101"]}))
    assert decision(story.asked("in1", caller="102", wants_auto_answer_s=0.0)) == "ring"
    assert decision(story.ended().asked("in2", caller="101", wants_auto_answer_s=0.0)) == "answer"
    story.answered().ended()
    assert decision(story.asked("in3", caller="101", wants_auto_answer_s=2.0)) == "ring"
    assert [each.call for each in story.wait(2.1).take(Answer)] == ["in3"]


def test_a_call_whose_answer_sip_did_not_hear_is_decided_about_by_orders() -> None:
    """DND came on meanwhile; auto-answer, once however often it is told; a trusted caller's wish; or it rings."""
    unheard = ev.CallCame("in1", "pbx", "101", "192.0.2.7", unheard=True)
    story = Story(document(dnd={"return_code": 603}))
    story.asked()
    story.tell(ev.DndWished("h", "cli", True, new_call="dnd")).take(object)
    assert story.tell(unheard).orders() == [Refuse("in1", 603, EndReason.DND)]
    for answers, wants_s in (({"sip": {"enabled": True}}, None), ({"trusted": ["101"]}, 0.0)):
        story = Story(document(auto_answer=answers))
        story.asked(wants_auto_answer_s=wants_s)
        story.take(object)
        assert [each.call for each in story.tell(unheard).tell(unheard).take(Answer)] == ["in1"]
    story = Story()
    story.asked()
    story.take(object)
    assert story.tell(unheard).orders() == []


def test_an_incoming_call_that_policy_does_not_know_is_looked_up() -> None:
    """One read from the stream after a restart may be over: sip's snapshot tells, not the event."""
    story = Story()
    story.tell(ev.CallCame("in1", "pbx", unheard=True))
    assert story.idle
    assert story.take(TakeSnapshot) == [TakeSnapshot()]


def test_a_question_after_the_end_of_its_call_starts_nothing() -> None:
    """The caller gave up while the question was on its way."""
    story = Story()
    story.tell(ev.CallEnded("in1"))
    assert decision(story.asked("in1")) == "refuse"
    assert story.idle


def test_an_unanswered_call_is_refused() -> None:
    """duration.dial_in: 480 after dial_in_s."""
    story = Story(document(dial_in_s=20))
    story.asked()
    assert story.wait(19.9).orders() == []
    assert [Refuse("in1", 480, EndReason.DIAL_TIMEOUT)] == story.wait(0.2).orders()
