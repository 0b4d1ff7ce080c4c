"""1,000 INVITEs a second from one sender: does the door answer all, stay alive, keep its memory, and take a friend?

The bare pjsua2 program of the baseline refuses in its callback, as the obvious program does.
"""

from __future__ import annotations

import asyncio
import time

import psutil

from bench.bare import Bare
from bench.doors import document
from bench.doors import memory as memory_of
from bench.figures import Figure, Result, percentile
from bench.flooder import Flood, Flooder
from bench.scale import Amount, Scale
from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Stack
from doorbus_testkit.wire import WirePhone

RATE = 1000
SECONDS = Amount(10.0, 2.0, 0.2)
FRIEND_AFTER_S = 1.0
MOST_GROWTH = 1.1


async def flood(scale: Scale) -> Result:
    """The flood, on the bare program and then on the door."""
    seconds = SECONDS.at(scale)
    with Bare("bench.bare_sip", "refuse") as bare:
        began = time.monotonic()
        bare_flood = await asyncio.to_thread(Flooder(bare.address, RATE, seconds, lambda: bare.ended() is None).run)
        ended, after_s = bare.ended(), time.monotonic() - began
        bare_fate = f"died after {after_s:.1f} s ({ended})" if ended else "lived"
    async with Stack(document()) as stack:
        workers = {process.pid for process in stack.workers()}
        sip = [stack.process("sip"), *stack.workers()]
        before = memory_of(sip)
        busy_before = _cpu_s(sip)
        door_flood = await asyncio.to_thread(Flooder(("127.0.0.1", stack.sip_port), RATE, seconds, lambda: True).run)
        busy = _cpu_s(sip) - busy_before
        await asyncio.sleep(FRIEND_AFTER_S)
        friend_s = await _friend_rings(stack)
        after = memory_of(sip)
        workers_left = {process.pid for process in stack.workers()}
        lost = len(workers - workers_left) + len(stack.told("service.degraded", part="sip_worker"))
    count = door_flood.sent
    growth = after.pss / before.pss
    return Result(
        "flood",
        f"{RATE} INVITEs a second for {seconds:g} s from one sender",
        "a bare pjsua2 program that refuses in its callback",
        (
            Figure("INVITEs sent", count, bare_flood.sent),
            Figure(
                "with a final response",
                door_flood.codes.total(),
                bare_flood.codes.total(),
                "all",
                door_flood.unanswered == 0,
            ),
            Figure("INVITE to final response, p50, ms", *_both(door_flood, bare_flood, 0.5)),
            Figure("INVITE to final response, p99, ms", *_both(door_flood, bare_flood, 0.99)),
            Figure("workers lost", lost, float(ended is not None), "none", lost == 0),
            Figure("memory of sip and workers before, MB (PSS)", before.pss),
            Figure(
                "memory of sip and workers after, MB (PSS)",
                after.pss,
                aim=f"flat: at most {MOST_GROWTH:g} times before",
                reached=growth <= MOST_GROWTH,
            ),
            Figure(
                "a friend's INVITE to 180, 1 s later, ms",
                None if friend_s is None else friend_s * 1000,
                aim="rings",
                reached=friend_s is not None,
            ),
        ),
        (
            f"Doorbus: {_told(door_flood)}; sip and its workers used {busy:.1f} s of CPU",
            f"baseline: {_told(bare_flood)}; it {bare_fate}",
        ),
    )


async def _friend_rings(stack: Stack) -> float | None:
    """Returns how long a friend's call takes to ring, None when it does not."""
    async with WirePhone(user="friend") as friend:
        call = await friend.invite(stack.uri)
        try:
            await eventually(lambda: friend.received("180") or call.final, what="an answer to the friend")
        except AssertionError:
            return None
        ringing = friend.received("180")
        if not ringing:
            return None
        call.cancel()
        await call.wait("ended")
        return ringing[0].at - friend.sent("INVITE")[0].at


def _both(door: Flood, bare: Flood, share: float) -> tuple[float | None, float | None]:
    both = [percentile(flood.latencies_s, share) * 1000 if flood.latencies_s else None for flood in (door, bare)]
    return both[0], both[1]


def _told(flood: Flood) -> str:
    codes = ", ".join(f"{code}: {count}" for code, count in sorted(flood.codes.items())) or "nothing"
    return (
        f"{codes}; unanswered {flood.unanswered}; sent in {flood.took_s:.1f} s, {flood.again} of them again; "
        f"{flood.repeats} responses came again"
    )


def _cpu_s(processes: list[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total
