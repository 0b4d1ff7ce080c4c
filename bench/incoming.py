"""INVITE to final response: refused under DND, and answered by itself, beside a bare pjsua2 program.

Rules
- Blocks of calls go to the bare program and to the door in turns, so that noise on the machine hits both.
- Calls are paced: pjsua has 4 calls, a call's sockets come back 500 ms after its end, and sip asks policy at most 20
  times a second. Faster ones would measure a refusal that nobody decided.
- The events on the bus must say that policy decided each of the door's calls; how many did is printed.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

from bench.bare import Bare
from bench.caller import Caller, Timing
from bench.doors import document
from bench.figures import Result, latencies
from bench.scale import Amount, Scale
from bench.wire import Address
from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Stack

PACE_S = 0.08
BLOCK = Amount(15, 15, 2)
WARM_UP = Amount(15, 15, 1)
CALLS = Amount(300, 60, 2)
MOST_RATIO = 2.0
QUIET_S = 0.5


@dataclass(frozen=True)
class Job:
    """One of the two benchmarks."""

    name: str
    title: str
    bare: str
    code: int
    decision: str
    document: str


REFUSED = Job(
    "invite_486",
    "INVITE to 486 under do-not-disturb, decided by policy over NATS",
    "refuse",
    486,
    "refuse",
    document(dnd=True),
)
ANSWERED = Job(
    "invite_200",
    "INVITE to 200, auto-answer without delay, decided by policy over NATS",
    "answer",
    200,
    "answer",
    document(answers=True),
)


async def invite_486(scale: Scale) -> Result:
    """INVITE to 486 under DND."""
    return await _run(REFUSED, scale)


async def invite_200(scale: Scale) -> Result:
    """INVITE to 200 with auto-answer."""
    return await _run(ANSWERED, scale)


async def _run(job: Job, scale: Scale) -> Result:
    block = BLOCK.count(scale)
    async with Stack(job.document) as stack:
        with Bare("bench.bare_sip", job.bare) as bare, Caller() as caller:
            door: Address = ("127.0.0.1", stack.sip_port)
            for target in (bare.address, door):
                await asyncio.to_thread(_block, caller, target, WARM_UP.count(scale))
            began = time.monotonic()
            bare_calls: list[Timing] = []
            door_calls: list[Timing] = []
            for _ in range(-(-CALLS.count(scale) // block)):
                bare_calls += await asyncio.to_thread(_block, caller, bare.address, block)
                door_calls += await asyncio.to_thread(_block, caller, door, block)
            await eventually(lambda: time.monotonic() > _last_event(stack) + QUIET_S, what="the door's events are told")
        decided = [told for told in stack.told("call.incoming", began) if told.data["decision"] == job.decision]
        by_policy = sum(told.data["decided_by"] == "policy" for told in decided)
    taken = [[call.latency_s for call in calls if call.code == job.code] for calls in (door_calls, bare_calls)]
    return Result(
        job.name,
        job.title,
        f"a bare pjsua2 program that gives {job.code} in its callback",
        latencies("INVITE to final response", taken[0], taken[1], MOST_RATIO),
        (
            f"{len(door_calls)} calls each, in turns of {block}, one every {PACE_S * 1000:.0f} ms and its own time",
            f"decided by policy, as the bus tells: {by_policy} of {len(door_calls)}",
            f"answers: Doorbus {_codes(door_calls)}; baseline {_codes(bare_calls)}",
        ),
    )


def _block(caller: Caller, target: Address, count: int) -> list[Timing]:
    calls = []
    for _ in range(count):
        calls.append(caller.call(target))
        time.sleep(PACE_S)
    return calls


def _last_event(stack: Stack) -> float:
    return stack.events[-1].at if stack.events else 0.0


def _codes(calls: list[Timing]) -> str:
    codes = Counter(call.code or "none" for call in calls)
    again = sum(call.again > 0 for call in calls)
    return ", ".join(f"{code}: {count}" for code, count in codes.items()) + (f" ({again} sent again)" if again else "")
