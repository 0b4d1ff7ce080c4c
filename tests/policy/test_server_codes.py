"""DND's codes: which servers are told, when, and what is said of it."""

from __future__ import annotations

import pytest
from tests.policy.story import Story, document

from doorbus.contract.calls import CallSnapshot, CallState, Direction
from doorbus.contract.dnd import DndServerCodeSent
from doorbus_policy.core import events as ev
from doorbus_policy.core.effects import DialCode, HangUp
from doorbus_policy.core.server_codes import ANSWERS_S, ENDS_S

CODES = {"on_code": "*78", "off_code": "#79", "code_hold_s": 4}


def dialed(story: Story) -> list[tuple[str, str]]:
    """Returns account and URI of the codes that were dialed since the last look."""
    return [(each.account, each.target.uri) for each in story.take(DialCode)]


def sent(story: Story) -> list[tuple[str, str, bool, int | None]]:
    """Returns account, kind, outcome and status of what was told; forgets nothing."""
    return [(each.account, each.code_kind, each.taken, each.status) for each in story.told(DndServerCodeSent)]


def test_each_sip_account_of_dnd_is_told() -> None:
    """dnd.on_code and off_code: at the AOR's domain, `#` as %23; direct calls have no server."""
    story = Story(document(dnd=CODES))
    on = story.toggled(True).take(DialCode)
    assert [(each.account, each.target.uri, each.hold_s) for each in on] == [
        ("pbx", "sip:*78@pbx.example.com", 4),
        ("trunk", "sip:*78@trunk.example.com", 4),
    ]
    for each in on:
        story.tell(ev.CallAnswered(each.call)).tell(ev.CallEnded(each.call))
    assert sent(story) == [("pbx", "on", True, 200), ("trunk", "on", True, 200)]
    assert story.idle
    story.take(object)
    assert dialed(story.toggled(False, "pbx")) == [("pbx", "sip:%2379@pbx.example.com")]


@pytest.mark.parametrize("rules", [{"on_code": ""}, {"on_code": "*78", "accounts": ["ip"]}])
def test_nothing_is_sent_without_a_code_or_an_account(rules: dict[str, object]) -> None:
    """An empty code sends nothing, and DND for direct calls alone has nobody to tell."""
    assert dialed(Story(document(dnd=rules)).toggled(True)) == []


def test_turning_on_what_is_on_sends_nothing() -> None:
    """Nothing changed, so no server is told; also not after a restart."""
    story = Story(document(dnd=CODES)).toggled(True)
    for each in story.take(DialCode):
        story.tell(ev.CallAnswered(each.call)).tell(ev.CallEnded(each.call))
    assert dialed(story.toggled(True)) == []
    assert dialed(story.restart()) == []


def test_the_document_and_its_change_send_codes() -> None:
    """A document that turns DND on tells the servers, once."""
    story = Story(document(dnd={"enabled": True, **CODES}))
    assert [account for account, _ in dialed(story)] == ["pbx", "trunk"]
    story.tell(ev.DocumentTaken(document(dnd={"enabled": True, **CODES}), 2, new_call="again", fingerprint="doc4"))
    assert dialed(story) == []


@pytest.mark.parametrize("status", [404, 603, None])
def test_a_refused_code_is_said(status: int | None) -> None:
    """Any end without a 2xx is a no, with its status."""
    story = Story(document(dnd={"accounts": ["pbx"], **CODES})).toggled(True)
    [code] = story.take(DialCode)
    story.tell(ev.CallEnded(code.call, status))
    assert sent(story) == [("pbx", "on", False, status)]


def test_an_order_that_sip_refuses_is_a_no_and_one_without_answer_is_not() -> None:
    """Where nothing was heard of the order, facts or time tell."""
    story = Story(document(dnd={"accounts": ["pbx"], **CODES})).toggled(True)
    [code] = story.take(DialCode)
    assert sent(story.finished(code, ok=False, code="timeout")) == []
    assert sent(story.finished(code, ok=False, code="unknown_account")) == [("pbx", "on", False, None)]


def test_a_silent_server_is_given_up() -> None:
    """After 10 s it is a no; a server that keeps the call beyond sip's hold is hung up, and stays a yes."""
    story = Story(document(dnd={"accounts": ["pbx"], **CODES})).toggled(True)
    [code] = story.take(DialCode)
    assert sent(story.wait(ANSWERS_S - 0.1)) == []
    assert sent(story.wait(0.2)) == [("pbx", "on", False, None)]
    assert [each.call for each in story.take(HangUp)] == [code.call]
    [code] = story.toggled(False).take(DialCode)
    story.tell(ev.CallAnswered(code.call)).wait(4 + ENDS_S + 0.1)
    assert sent(story) == [("pbx", "off", True, 200)]
    assert [each.call for each in story.take(HangUp)] == [code.call]


def test_an_account_is_told_one_thing_at_a_time() -> None:
    """On, off, on again while the first is under way: the last word goes out after it, the middle one never."""
    story = Story(document(dnd={"accounts": ["pbx"], **CODES})).toggled(True)
    [first] = story.take(DialCode)
    story.toggled(False).toggled(True)
    assert dialed(story) == []
    story.tell(ev.CallAnswered(first.call)).tell(ev.CallEnded(first.call))
    assert dialed(story) == [("pbx", "sip:*78@pbx.example.com")]


def test_a_code_is_not_the_doors_call() -> None:
    """While it runs, the door dials, rings and is idle as ever."""
    story = Story(document(dnd={"accounts": ["pbx"], **CODES})).toggled(True)
    assert story.idle
    story.press()
    assert story.call.pressed == "button1"
    story.toggled(False).ended()
    assert story.idle


@pytest.mark.parametrize("there", [True, False])
def test_a_restart_goes_on_where_sip_is(there: bool) -> None:
    """A code under way is kept: sip still has it, or it is dialed again; it is said once."""
    story = Story(document(dnd={"accounts": ["pbx"], **CODES})).toggled(True)
    [code] = story.take(DialCode)
    story = story.restart()
    assert dialed(story) == []
    found = CallSnapshot(
        call=code.call,
        direction=Direction.OUTGOING,
        state=CallState.ANSWERED,
        account="pbx",
        age_s=1,
        answered_age_s=0.5,
        purpose="code",
    )
    story.snapshot(*((found,) if there else ()))
    if not there:
        assert dialed(story) == [("pbx", "sip:*78@pbx.example.com")]
        story.tell(ev.CallAnswered(code.call))
    assert sent(story) == [("pbx", "on", True, 200)]
    assert story.idle


def test_a_code_of_a_sip_that_died_is_a_no() -> None:
    """The snapshot of the new sip does not have it."""
    story = Story(document(dnd={"accounts": ["pbx"], **CODES})).toggled(True).wait(5)
    story.snapshot()
    assert sent(story) == [("pbx", "on", False, None)]
