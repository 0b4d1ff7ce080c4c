"""Ring sets over several workers: who wins, and what the others see."""

import asyncio
import time
from contextlib import AsyncExitStack

from tests.sip.conftest import MakeDoor

from doorbus_sip import facts
from doorbus_sip.facts import Reason
from doorbus_sip.limits import Limits
from doorbus_testkit.behaviour import Answer, Refuse, Ring, Silent
from doorbus_testkit.polling import eventually
from doorbus_testkit.wire import WirePhone
from doorbus_testkit.wire_call import WireCall

LIMITS = Limits(ring_s=30, max_call_s=60)
ELSEWHERE = 'SIP ;cause=200 ;text="Call completed elsewhere"'


def targets(phones: list[WirePhone], prefix: str = "l") -> tuple[tuple[str, str], ...]:
    return tuple((f"{prefix}{number}", phone.uri) for number, phone in enumerate(phones))


async def one_ended(calls: list[WireCall]) -> None:
    await eventually(lambda: any(call.state == "ended" for call in calls), every_s=0.002)


async def test_sixteen_ring_and_the_first_wins(make_door: MakeDoor) -> None:
    """All 16 phones ring, over four or more dialers; the others get CANCEL with the Reason of RFC 3326."""
    door = await make_door(spare_dialers=1)
    async with AsyncExitStack() as stack:
        phones = [await stack.enter_async_context(WirePhone(Ring())) for _ in range(16)]
        await door.engine.dial("c", None, targets(phones), LIMITS)
        await door.wait(facts.LegRinging, 16, within_s=30)
        assert len(door.engine.workers) >= 5
        (await phones[5].wait_call()).respond(200)
        assert facts.CallAnswered("c", "l5") == await door.wait(facts.CallAnswered)
        losers = [await phone.wait_call() for phone in phones if phone is not phones[5]]
        for call in losers:
            await call.wait("ended")
        await eventually(lambda: len(door.told(facts.LegCancelled)) == 15, what="15 cancelled legs")
        await door.engine.hangup("c")
        await (await phones[5].wait_call()).wait("ended")
    assert {("cancel", ELSEWHERE)} == {(call.ended_by, call.end_reason) for call in losers}
    assert {Reason.COMPLETED_ELSEWHERE} == {fact.reason for fact in door.told(facts.LegCancelled)}
    assert len(door.told(facts.CallAnswered)) == 1


async def test_two_answer_at_the_same_moment(make_door: MakeDoor) -> None:
    """Of two phones that answer at once exactly one stays in the call, the other one gets ACK and BYE."""
    door = await make_door(spare_dialers=1)
    async with WirePhone(Ring()) as one, WirePhone(Ring()) as two:
        for round_number in range(1, 6):
            name = f"c{round_number}"
            await door.engine.dial(name, None, targets([one, two], name), LIMITS)
            calls = [await phone.wait_call(round_number) for phone in (one, two)]
            await door.wait(facts.LegRinging, 2 * round_number)
            for call in calls if round_number % 2 else reversed(calls):
                call.respond(200)
            answered = time.monotonic()
            await door.wait(facts.CallAnswered, round_number)
            await door.wait(facts.LegCancelled, round_number)
            await one_ended(calls)
            (loser,) = [call for call in calls if call.state == "ended"]
            (winner,) = [call for call in calls if call is not loser]
            assert loser.ended_by == "bye"
            assert "acknowledged" in loser.times
            assert loser.times["ended"] - answered < 1
            assert winner.state == "answered"
            await door.engine.hangup(name)
            await winner.wait("ended")
            await eventually(lambda: not door.engine.snapshot())
    assert len(door.told(facts.CallAnswered)) == 5


async def test_loser_without_provisional_is_cancelled_on_its_first(make_door: MakeDoor) -> None:
    """A phone that has sent nothing yet when another one answers gets its CANCEL with its first provisional."""
    door = await make_door(spare_dialers=1)
    async with WirePhone(Answer()) as quick, WirePhone() as slow:
        await door.engine.dial("c", None, targets([quick, slow]), LIMITS)
        call = await slow.wait_call()
        await door.wait(facts.CallAnswered)
        assert slow.received("CANCEL") == []
        call.respond(180)
        await call.wait("ended")
    assert (call.ended_by, call.end_reason) == ("cancel", ELSEWHERE)


async def test_refusal_leaves_the_others_ringing(make_door: MakeDoor) -> None:
    """One refuses, one fails, the third one answers and has the call."""
    door = await make_door(spare_dialers=1)
    async with WirePhone(Refuse(486)) as busy, WirePhone(Refuse(404)) as unknown, WirePhone(Answer(0.8)) as third:
        await door.engine.dial("c", None, targets([busy, unknown, third]), LIMITS)
        assert facts.CallAnswered("c", "l2") == await door.wait(facts.CallAnswered)
    assert [facts.LegRefused("c", "l0", 486)] == door.told(facts.LegRefused)
    assert [fact.leg for fact in door.told(facts.LegFailed)] == ["l1"]


async def test_all_refuse(make_door: MakeDoor) -> None:
    """When nobody is left the call ended as refused, once."""
    door = await make_door(spare_dialers=1)
    async with WirePhone(Refuse(486)) as one, WirePhone(Refuse(603)) as two:
        await door.engine.dial("c", None, targets([one, two]), LIMITS)
        ended = await door.wait(facts.CallEnded)
    assert ended.reason == Reason.REFUSED
    assert len(door.told(facts.CallEnded)) == 1


async def test_dead_phones_do_not_block_the_next_call(make_door: MakeDoor) -> None:
    """Twelve phones are off: the call rings the others, and one 3 s after its end rings all reachable ones again."""
    door = await make_door(spare_dialers=1, dead_leg_s=2)
    async with AsyncExitStack() as stack:
        dead = [await stack.enter_async_context(WirePhone(Silent())) for _ in range(12)]
        alive = [await stack.enter_async_context(WirePhone(Ring())) for _ in range(4)]
        for round_number in (1, 2, 3):
            name = f"c{round_number}"
            await door.engine.dial(name, None, targets([*dead, *alive], name), LIMITS)
            for phone in alive:
                await phone.wait_call(round_number, within_s=20)
            await door.engine.hangup(name)
            await eventually(lambda: not door.engine.snapshot())
            if round_number < 3:
                await asyncio.sleep(3)  # the pause that the feature names
    assert len(door.engine.workers) <= 9
    assert [fact for fact in door.told(facts.LegFailed) if fact.code == 503] == []
