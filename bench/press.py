"""Edge on the simulated chip to INVITE at the phone's socket, beside a bare pjsua2 program that is told to call.

Rules
- The door's time begins with the edge, as the chip's process saw it, and ends with the kernel's arrival time of the
  INVITE. The baseline's begins before the order is sent over a Unix socket.
- The phone refuses, and the next press waits until the door has told the end of the call.
- Both are pressed in turns of blocks, no faster than policy takes presses for good: two a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

from bench.bare import Bare
from bench.doors import document
from bench.figures import Figure, Result, latencies, percentile
from bench.scale import Amount, Scale
from doorbus_testkit.behaviour import Refuse
from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Stack
from doorbus_testkit.wire import WirePhone

PRESSES = Amount(150, 30, 2)
BLOCK = Amount(10, 10, 1)
PAUSE_S = 0.5
P99_MS = 15.0
LINE = 0


async def press_to_invite(scale: Scale) -> Result:
    """Edge to INVITE."""
    presses, block = PRESSES.count(scale), BLOCK.count(scale)
    async with contextlib.AsyncExitStack() as running:
        near = await running.enter_async_context(WirePhone(Refuse(), user="near"))
        far = await running.enter_async_context(WirePhone(Refuse(), user="far"))
        stack = await running.enter_async_context(Stack(document(phones=[near.uri])))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        running.enter_context(ours)
        running.enter_context(theirs)
        running.enter_context(Bare("bench.bare_sip", "dial", theirs))
        await _presses(stack, near, block)
        await _orders(ours, far, block)
        door_s: list[float] = []
        bare_s: list[float] = []
        for _ in range(-(-presses // block)):
            bare_s += await _orders(ours, far, block)
            door_s += await _presses(stack, near, block)
    p99_ms = percentile(door_s, 0.99) * 1000
    p50, p99 = latencies("edge to INVITE", door_s, bare_s)
    return Result(
        "press_to_invite",
        "edge on the simulated chip to INVITE at the phone's socket",
        "a bare pjsua2 program, told over a Unix socket to call at once",
        (p50, Figure(p99.label, p99.door, p99.bare, f"at most {P99_MS:g} ms", p99_ms <= P99_MS)),
        (
            f"{len(door_s)} presses each, in turns of {block}, {PAUSE_S * 1000:.0f} ms apart",
            f"slowest press {max(door_s) * 1000:.1f} ms",
        ),
    )


async def _presses(stack: Stack, phone: WirePhone, count: int) -> list[float]:
    taken = []
    for _ in range(count):
        seen = len(phone.records)
        edge = await stack.chip.set(LINE, 0)
        taken.append(await _arrival(phone, seen) - edge)
        await stack.event("call.ended", since=edge)
        await stack.chip.set(LINE, 1)
        await asyncio.sleep(PAUSE_S)
    return taken


async def _orders(orders: socket.socket, phone: WirePhone, count: int) -> list[float]:
    taken = []
    for _ in range(count):
        seen = len(phone.records)
        began = time.monotonic()
        orders.send(phone.uri.encode())
        taken.append(await _arrival(phone, seen) - began)
        await asyncio.sleep(PAUSE_S)
    return taken


async def _arrival(phone: WirePhone, seen: int) -> float:
    def first() -> float | None:
        new = phone.records[seen:]
        return next((record.at for record in new if record.incoming and record.message.name == "INVITE"), None)

    return await eventually(first, 10.0, 0.005, "the INVITE arrives")
