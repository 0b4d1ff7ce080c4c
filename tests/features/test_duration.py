"""Limits of calls, measured on the wire."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.features.conftest import NewPhone
from tests.features.doors import SOON_S, document, press, show, stays

from doorbus_testkit.behaviour import Answer, Ring
from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Stack
from doorbus_testkit.tones import AUDIBLE, WINDOW_S, read_wav, window_levels

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAX_CALL_S = 2.0
WARNING_HZ = 1400.0
AUTO = {"sip": {"enabled": True}, "ip": {"enabled": True}}


@pytest.mark.feature("duration.max_call")
async def test_an_incoming_call_ends_at_the_limit(door: Stack, phone: NewPhone) -> None:
    """The caller gets BYE `max_call_s` after the 200, within 100 ms; `reason: max_duration`."""
    await door.apply(document(calls={"max_call_s": MAX_CALL_S, "auto_answer": AUTO}))
    call = await (await phone()).invite(door.uri)
    answered, ended = await call.wait("answered"), await call.wait("ended")
    show("BYE after the limit", ended - answered - MAX_CALL_S)
    assert call.ended_by == "bye"
    assert ended - answered == pytest.approx(MAX_CALL_S, abs=SOON_S)
    told = (await door.event("call.ended")).data
    assert (told["reason"], told["direction"]) == ("max_duration", "incoming")
    assert told["duration_s"] == pytest.approx(MAX_CALL_S, abs=SOON_S)


@pytest.mark.feature("duration.max_call")
async def test_an_outgoing_call_ends_at_the_limit(door: Stack, phone: NewPhone) -> None:
    """The phone that picked up gets BYE `max_call_s` after its 200, however long it rang before."""
    callee = await phone(Answer(1.0))
    await door.apply(document([callee.uri], calls={"max_call_s": MAX_CALL_S}))
    await press(door)
    call = await callee.wait_call()
    answered, ended = await call.wait("answered"), await call.wait("ended")
    show("BYE after the limit", ended - answered - MAX_CALL_S)
    assert call.ended_by == "bye"
    assert ended - answered == pytest.approx(MAX_CALL_S, abs=SOON_S)
    told = (await door.event("call.ended")).data
    assert (told["reason"], told["direction"]) == ("max_duration", "outgoing")


@pytest.mark.feature("duration.max_call")
async def test_zero_is_unlimited(door: Stack, phone: NewPhone) -> None:
    """With 0 a call goes on past the limit that the other tests have."""
    await door.apply(document(calls={"max_call_s": 0, "auto_answer": AUTO}))
    call = await (await phone()).invite(door.uri)
    await call.wait("answered")
    await stays(lambda: call.state == "answered", MAX_CALL_S + 1, "the call is up")
    call.bye()
    assert (await door.event("call.ended")).data["reason"] == "remote_hangup"


@pytest.mark.feature("duration.max_call_restart")
@pytest.mark.parametrize("outgoing", [False, True], ids=["in", "out"])
async def test_the_limit_holds_when_policy_is_killed(door: Stack, phone: NewPhone, outgoing: bool) -> None:
    """Policy is killed 1 s after the answer and started again: the BYE comes at the limit counted from the answer.

    sip's own backstop comes 2 s later than policy's limit, so it is not what ends the call.
    """
    limit_s = 7.0
    callee = await phone(Answer())
    await door.apply(document([callee.uri], calls={"max_call_s": limit_s, "auto_answer": AUTO}))
    if outgoing:
        await press(door)
        call = await callee.wait_call()
    else:
        call = await (await phone()).invite(door.uri)
    answered = await call.wait("answered")
    await door.event("call.answered")
    await stays(lambda: call.state == "answered", 1.0, "the call is up")
    before = door.pid("policy")
    door.process("policy").kill()
    await eventually(lambda: door.pid("policy") != before, what="policy is started again")
    ended = await call.wait("ended", 15)
    show("BYE after the limit", ended - answered - limit_s)
    assert call.ended_by == "bye"
    assert ended - answered == pytest.approx(limit_s, abs=SOON_S)
    assert (await door.event("call.ended")).data["reason"] == "max_duration"


@pytest.mark.feature("duration.dial_in")
async def test_a_call_that_nobody_answers_is_refused(door: Stack, phone: NewPhone) -> None:
    """An incoming call that rings gets 480 after `dial_in_s`."""
    await door.apply(document(calls={"dial_in_s": 2}))
    caller = await phone()
    call = await caller.invite(door.uri)
    ringing, ended = await call.wait("ringing"), await call.wait("ended")
    show("480 after the limit", ended - ringing - 2)
    assert call.final is not None
    assert call.final.status == 480
    assert ended - ringing == pytest.approx(2, abs=0.5)
    assert (await door.event("call.ended")).data["reason"] == "dial_timeout"


@pytest.mark.feature("duration.dial_in")
async def test_more_than_170_s_is_refused_on_apply(door: Stack) -> None:
    """A ringing limit that proxies do not wait for is refused, naming the field."""
    door.write(document(calls={"dial_in_s": 171}))
    code, output = await door.cli("apply", "-f", str(door.document_file))
    assert code != 0
    assert "calls.dial_in_s" in output


@pytest.mark.feature("duration.dial_out")
async def test_a_group_that_nobody_answers_ends(door: Stack, phone: NewPhone) -> None:
    """After `dial_out_s` ringing legs get CANCEL, one that rings later gets it then, a late 200 gets ACK and BYE."""
    ringing, late, answers = await phone(Ring()), await phone(), await phone()
    await door.apply(document([ringing.uri, late.uri, answers.uri], calls={"dial_out_s": 2}))
    edge = await press(door)
    late_call, answers_call = await late.wait_call(), await answers.wait_call()
    cancelled = await (await ringing.wait_call()).wait("ended")
    show("CANCEL after the limit, from the edge", cancelled - edge - 2)
    assert cancelled - edge == pytest.approx(2, abs=0.6)
    await door.event("call.ended", reason="dial_timeout")
    assert late.received("CANCEL") + answers.received("CANCEL") == []
    late_call.respond(180)
    await late.wait_received("CANCEL")
    answers_call.respond(200)
    await answers.wait_received("ACK")
    await answers.wait_received("BYE")
    assert ringing.received("BYE") + late.received("BYE") == []


@pytest.mark.feature("duration.warning")
@pytest.mark.parametrize("outgoing", [False, True], ids=["in", "out"])
async def test_both_sides_are_warned(door: Stack, phone: NewPhone, tmp_path: Path, outgoing: bool) -> None:
    """`warn_s` before the limit `call.ending` is told and both sides hear a tone, once; the call ends at the limit."""
    limit_s, warn_s = 5.0, 2.0
    speaker, heard = tmp_path / "speaker.wav", tmp_path / "heard.wav"
    callee = await phone(Answer(), rtp=True)
    rules = {"max_call_s": limit_s, "warn_s": warn_s, "auto_answer": AUTO}
    await door.apply(document([callee.uri], calls=rules, audio={"backend": "file", "record": str(speaker)}))
    if outgoing:
        await press(door)
        call = await callee.wait_call()
    else:
        call = await (await phone(rtp=True)).invite(door.uri)
    answered = await call.wait("answered")
    await door.event("call.answered")
    call.send_audio()
    ending = await door.event("call.ending")
    show("call.ending before the limit, over warn_s", answered + limit_s - ending.at - warn_s)
    assert ending.data["in_s"] == warn_s
    assert ending.at - answered == pytest.approx(limit_s - warn_s, abs=SOON_S)
    assert call.state == "answered"
    ended = await call.wait("ended")
    assert ended - answered == pytest.approx(limit_s, abs=SOON_S)
    call.rtp.record(heard)
    for side, path in (("door", speaker), ("phone", heard)):
        levels = window_levels(*read_wav(path), WARNING_HZ)
        warned_s = float((levels >= AUDIBLE).sum() * WINDOW_S)
        assert warned_s == pytest.approx(0.4, abs=0.15), f"the {side} hears the warning for {warned_s} s"
    assert len(door.told("call.ending")) == 1


@pytest.mark.feature("duration.warning")
async def test_no_warning_where_none_is_wanted(door: Stack, phone: NewPhone) -> None:
    """With `warn_s: 0` the call ends at its limit without a word before."""
    await door.apply(document(calls={"max_call_s": MAX_CALL_S, "warn_s": 0, "auto_answer": AUTO}))
    call = await (await phone()).invite(door.uri)
    await call.wait("ended")
    await door.event("call.ended", reason="max_duration")
    assert door.told("call.ending") == []
