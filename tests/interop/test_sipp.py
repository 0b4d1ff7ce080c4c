"""Answers and requests that phones and proxies may send, word by word: sipp plays them against a real door.

Each test asserts what the door told on the bus, that sipp's scenario ended as it is written, and that a call works
afterwards. The scenarios stand in `scenarios/`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.features.doors import document, idle, press, stays

from doorbus_testkit.polling import eventually
from doorbus_testkit.rtp import encode_ulaw, tone
from doorbus_testkit.sipp import Sipp
from doorbus_testkit.stack import Stack
from doorbus_testkit.tones import audible_spans, write_tone

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCENARIOS = Path(__file__).parent / "scenarios"
TONE_HZ = 1300
TONE = encode_ulaw(tone(TONE_HZ, 8000, rate=8000))
"""What a phone plays as early media, again and again."""
AUTO = {"auto_answer": {"ip": {"enabled": True}}}


def _sipp(scenario: str, **options: Any) -> Sipp:
    return Sipp(SCENARIOS / f"{scenario}.xml", **options)


def _caller(door: Stack, scenario: str, **options: Any) -> Sipp:
    return _sipp(scenario, remote=f"127.0.0.1:{door.sip_port}", user="door", **options)


async def _works(door: Stack) -> None:
    """Shows that the door is as good as before: idle, and the next call is answered and ends in order."""
    await idle(door)
    before = len(door.told("call.ended", reason="remote_hangup"))
    async with _caller(door, "calls") as caller:
        await caller.done()
    await eventually(lambda: len(door.told("call.ended", reason="remote_hangup")) > before, what="the call has ended")


async def test_ringing_twice_is_one_ringing(door: Stack) -> None:
    """A phone behind a forking proxy sends 180 again: the call rings once on the bus, and its answer counts."""
    async with _sipp("rings_twice") as phone:
        await door.apply(document([phone.uri], calls=AUTO))
        await press(door)
        await door.event("call.answered", direction="outgoing")
        assert len(door.told("call.ringing")) == 1
        assert (await door.wish("hangup"))["ok"]
        await phone.done()
        assert (await door.event("call.ended")).data["reason"] == "local_hangup"
    await _works(door)


async def test_early_media_is_heard_and_is_no_answer(door: Stack, tmp_path: Path) -> None:
    """What a phone plays after its 183 is heard at the door while it rings; the 200 six seconds later answers."""
    play, record = tmp_path / "play.wav", tmp_path / "record.wav"
    write_tone(play, 0, 10, 8000)
    async with _sipp("early_media", files={"tone.ulaw": TONE}) as phone:
        audio = {"backend": "file", "play": str(play), "record": str(record)}
        await door.apply(document([phone.uri], calls=AUTO, audio=audio))
        await press(door)
        assert (await door.event("leg.ringing")).data["code"] == 183

        def heard() -> bool:
            return any(end - begin > 0.5 for begin, end in audible_spans(record, TONE_HZ))

        await eventually(heard, what="the door hears the early media")
        assert not door.told("call.answered")
        await door.event("call.answered", direction="outgoing")
        assert (await door.wish("hangup"))["ok"]
        await phone.done()
        assert (await door.event("call.ended")).data["reason"] == "local_hangup"
    await _works(door)


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        ("404 Not Found", False),
        ("486 Busy Here", True),
        ("500 Server Internal Error", False),
        ("603 Decline", True),
    ],
)
async def test_a_final_answer_ends_the_call(door: Stack, status: str, refused: bool) -> None:
    """A person's refusal (486, 603) is told as one, a failure as a failure, with its code, and ACKed."""
    code = int(status[:3])
    async with _sipp("refuses", keys={"status": status}) as phone:
        await door.apply(document([phone.uri], calls=AUTO))
        await press(door)
        await phone.done()
        leg = await door.event("leg.refused" if refused else "leg.failed")
        assert leg.data["code"] == code
        ended = await door.event("call.ended")
        assert (ended.data["reason"], ended.data["code"]) == ("refused" if refused else "no_route", code)
    await _works(door)


async def test_a_redirection_calls_nobody_else(door: Stack) -> None:
    """A 302 is a failure of that phone, with its code; the place that it names is not called."""
    async with (
        _sipp("answers", user="elsewhere") as elsewhere,
        _sipp("moved", keys={"contact": elsewhere.uri}) as phone,
    ):
        await door.apply(document([phone.uri], calls=AUTO))
        await press(door)
        await phone.done()
        assert (await door.event("leg.failed")).data["code"] == 302
        assert (await door.event("call.ended")).data["reason"] == "no_route"
        await stays(lambda: not elsewhere.trace, what="nobody else is called")
    await _works(door)


async def test_a_silent_phone_gives_way_to_the_next(door: Stack) -> None:
    """A phone that says nothing at all is left after its `timeout_s`, and the next one of the sequence answers."""
    async with _sipp("silent", keys={"silence_ms": "5000"}) as silent, _sipp("answers") as phone:
        call = {"type": "sequence", "timeout_s": 2}
        await door.apply(document([silent.uri, phone.uri], calls=AUTO, call=call))
        await press(door)
        await door.event("call.answered", direction="outgoing")
        first, second = door.told("call.dialing")
        assert second.at - first.at == pytest.approx(2, abs=0.8)
        assert (await door.event("leg.cancelled")).data["leg"] == first.data["targets"][0]["leg"]
        assert (await door.wish("hangup"))["ok"]
        await phone.done()
        await silent.done()
        assert set(silent.names) == {"<INVITE"}
        assert (await door.event("call.ended")).data["reason"] == "local_hangup"
    await _works(door)


async def test_an_answer_that_crosses_the_cancel_is_hung_up(door: Stack) -> None:
    """A phone is picked up just as the door cancels: its 200 gets ACK and BYE, and the door is free."""
    async with _sipp("answers_cancelled") as phone:
        await door.apply(document([phone.uri], calls=AUTO))
        await press(door)
        await door.event("leg.ringing")
        assert (await door.wish("hangup"))["ok"]
        await phone.done()
        assert (await door.event("call.ended")).data["reason"] == "local_hangup"
        assert not door.told("call.answered")
    await _works(door)


async def test_of_two_answers_at_once_one_stays(door: Stack) -> None:
    """Two phones of a group answer at once: one gets the call, the other BYE at once; the winner's lasts to the end."""
    async with _sipp("answers_at_once", user="left") as left, _sipp("answers_at_once", user="right") as right:
        await door.apply(document([left.uri, right.uri], calls=AUTO))
        await press(door)
        answered = await door.event("call.answered", direction="outgoing")
        winner = answered.data["leg"]
        targets = {target["leg"]: target["uri"] for target in door.told("call.dialing")[0].data["targets"]}
        won, lost = (left, right) if targets[winner] == left.uri else (right, left)
        await lost.done()
        await stays(lambda: not won.of("<BYE"), what="the winner's call stays")
        assert len(door.told("call.answered")) == 1
        assert (await door.wish("hangup"))["ok"]
        await won.done()
    await _works(door)


async def test_the_far_side_holds_and_resumes(door: Stack) -> None:
    """A re-INVITE with sendonly holds the door, which answers recvonly; sendrecv brings the call back."""
    async with _sipp("holds") as phone:
        await door.apply(document([phone.uri], calls=AUTO))
        await press(door)
        held = await door.event("call.held")
        assert held.data["by"] == "remote"
        assert (await door.event("call.resumed")).at > held.at
        await phone.done()
        answers = [traced.message.body.decode() for traced in phone.of("<200")]
        assert ["a=recvonly" in answers[0], "a=sendrecv" in answers[1]] == [True, True]
        assert (await door.event("call.ended")).data["reason"] == "remote_hangup"
    await _works(door)


async def test_two_byes_cross(door: Stack) -> None:
    """Both sides hang up at once: both BYEs are answered, and the call has ended once."""
    async with _sipp("hangs_up_at_the_same_time") as phone:
        await door.apply(document([phone.uri], calls=AUTO))
        await press(door)
        await door.event("call.answered", direction="outgoing")
        assert (await door.wish("hangup"))["ok"]
        await phone.done()
        await idle(door)
        assert [told.data["reason"] for told in door.told("call.ended")] == ["local_hangup"]
    await _works(door)


async def test_a_caller_gives_up_before_the_auto_answer(door: Stack) -> None:
    """A CANCEL within the delay of auto-answer gets 200 and 487; nobody is answered, and the next caller is."""
    rule = {"auto_answer": {"ip": {"enabled": True, "delay_s": 1.5}}}
    await door.apply(document(calls=rule))
    async with _caller(door, "cancels") as caller:
        await caller.done()
        assert (await door.event("call.ended")).data["reason"] == "remote_hangup"
        await stays(lambda: not door.told("call.answered"), 2.0, "nobody is answered")
    await _works(door)


async def test_a_forked_second_answer_is_ended(door: Stack) -> None:
    """Two phones behind one forking proxy answer one INVITE: the first 200 gets the call, the second ACK and BYE."""
    async with _sipp("forked") as phone:
        await door.apply(document([phone.uri], calls=AUTO))
        await press(door)
        await door.event("call.answered", direction="outgoing")
        bye = await phone.wait_for("<BYE")
        assert bye.message.to_tag is not None
        assert bye.message.to_tag.startswith("sippother")
        assert not door.told("call.ended")
        assert (await door.wish("hangup"))["ok"]
        await phone.done()
    await _works(door)


async def test_a_reliable_180_gets_its_prack(door: Stack) -> None:
    """A phone that sends its 180 with `Require: 100rel` (RFC 3262) gets PRACK, and its answer counts."""
    async with _sipp("rings_reliably") as phone:
        await door.apply(document([phone.uri], calls=AUTO))
        await press(door)
        await door.event("leg.ringing", code=180)
        await door.event("call.answered", direction="outgoing")
        assert (await door.wish("hangup"))["ok"]
        await phone.done()
    await _works(door)


async def test_a_phone_that_has_forgotten_the_call_does_not_keep_the_door(door: Stack) -> None:
    """A phone that was restarted answers the door's BYE with 481: the call has ended all the same."""
    async with _sipp("forgets") as phone:
        await door.apply(document([phone.uri], calls=AUTO))
        await press(door)
        await door.event("call.answered", direction="outgoing")
        assert (await door.wish("hangup"))["ok"]
        await phone.done()
        assert (await door.event("call.ended")).data["reason"] == "local_hangup"
    await _works(door)


async def test_a_caller_without_an_offer_gets_one(door: Stack) -> None:
    """An INVITE without a description is answered with an offer, whose answer comes in the ACK."""
    await door.apply(document(calls=AUTO))
    async with _caller(door, "calls_without_offer") as caller:
        await caller.done()
        answers = [traced.message for traced in caller.of("<200") if traced.message.cseq[1] == "INVITE"]
        assert b"m=audio" in answers[0].body
        await door.event("call.answered", direction="incoming")
        assert (await door.event("call.ended")).data["reason"] == "remote_hangup"
    await _works(door)


async def test_a_caller_over_tcp(door: Stack) -> None:
    """A call over TCP is answered on its connection and ends in order."""
    await door.apply(document(calls=AUTO))
    async with _caller(door, "calls", transport="tcp") as caller:
        await caller.done()
        await door.event("call.answered", direction="incoming")
        assert (await door.event("call.ended")).data["reason"] == "remote_hangup"
    await _works(door)


async def test_a_caller_who_never_acknowledges_is_left(door: Stack) -> None:
    """The ACK of an answered call never comes: the door hangs up after 32 s (RFC 3261, timer H), and is free."""
    await door.apply(document(calls=AUTO))
    async with _caller(door, "never_acknowledges", timeout_s=60) as caller:
        await caller.done()
        ended = await door.event("call.ended")
        assert (ended.data["code"], ended.data["reason"]) == (408, "media_failed")
        assert not door.told("call.answered")
    await _works(door)
