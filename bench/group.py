"""A press that calls 16 phones: edge on the simulated chip to the 16th INVITE at a phone's socket.

Rules
- The baseline is what a bare program of the same library takes: an endpoint of pjsua has four calls, so four of them
  are told four phones each. What plain UDP takes, without any SIP stack, stands in the notes.
- The door's time begins with the edge, as the chip's process saw it, and ends with the kernel's arrival time of the
  last of 16 INVITEs. The baseline's begins before the order is sent over a Unix socket.
- Each phone refuses; the next press waits until the door has told the end of the call, and `PAUSE_S` more: a call's
  sockets come back 500 ms after its end.
- The door and the bare programs call in turns of blocks. The door is pressed when its dialers are ready, as it is from
  the second after its configuration on.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Sequence

from bench.bare import Bare
from bench.doors import document
from bench.figures import Figure, Result, latencies, percentile
from bench.scale import Amount, Scale
from doorbus_testkit.behaviour import Refuse
from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Stack
from doorbus_testkit.wire import WirePhone

PHONES = 16
DIALERS = 4
ROUNDS = Amount(60, 15, 1)
BLOCK = Amount(5, 5, 1)
PAUSE_S = 0.7
LINE = 0


async def group_of_16(scale: Scale) -> Result:
    """Edge to the 16th INVITE."""
    block = BLOCK.count(scale)
    async with contextlib.AsyncExitStack() as running:
        near, far = [
            [await running.enter_async_context(WirePhone(Refuse(), user=f"{side}{n}")) for n in range(PHONES)]
            for side in ("near", "far")
        ]
        stack = await running.enter_async_context(Stack(document(phones=[phone.uri for phone in near])))
        programs = [_told(running, "bench.bare_sip", "dial") for _ in range(DIALERS)]
        plain = _told(running, "bench.bare_group", f"b{time.time_ns()}")
        await eventually(
            lambda: stack.log_of("sip").count('"worker started"') > DIALERS, 30.0, what="dialers are ready"
        )
        await _presses(stack, near, 1)
        await _orders(programs, far, 1)
        door: list[list[float]] = []
        bare: list[list[float]] = []
        udp: list[list[float]] = []
        for _ in range(-(-ROUNDS.count(scale) // block)):
            bare += await _orders(programs, far, block)
            udp += await _orders([plain], far, block)
            door += await _presses(stack, near, block)
    last = latencies("edge to the 16th INVITE", [each[-1] for each in door], [each[-1] for each in bare])
    first = latencies("edge to the first INVITE", [each[0] for each in door], [each[0] for each in bare])
    spread = [percentile([each[-1] - each[0] for each in taken], 0.5) * 1000 for taken in (door, bare)]
    return Result(
        "group_of_16",
        "edge on the simulated chip to the 16th INVITE at a phone's socket",
        "four bare pjsua2 programs, told over Unix sockets to call four phones each at once",
        (*last, *first, Figure("first to 16th INVITE, p50, ms", spread[0], spread[1])),
        (
            f"{len(door)} groups each, in turns of {block}, {PAUSE_S * 1000:.0f} ms apart",
            f"plain UDP, order to the 16th INVITE: p50 {_p50_ms(udp):.2f} ms",
            f"slowest group {max(each[-1] for each in door) * 1000:.1f} ms",
        ),
    )


async def _presses(stack: Stack, phones: Sequence[WirePhone], count: int) -> list[list[float]]:
    taken = []
    for _ in range(count):
        seen = [len(phone.records) for phone in phones]
        edge = await stack.chip.set(LINE, 0)
        taken.append([at - edge for at in await _arrivals(phones, seen)])
        await stack.event("call.ended", since=edge)
        await stack.chip.set(LINE, 1)
        await asyncio.sleep(PAUSE_S)
    return taken


def _told(running: contextlib.AsyncExitStack, module: str, argument: str) -> socket.socket:
    """Starts a bare program, and returns the socket over which it is told whom to call."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    running.enter_context(ours)
    running.enter_context(theirs)
    running.enter_context(Bare(module, argument, theirs))
    return ours


def _p50_ms(taken: Sequence[Sequence[float]]) -> float:
    return percentile([each[-1] for each in taken], 0.5) * 1000


async def _orders(programs: Sequence[socket.socket], phones: Sequence[WirePhone], count: int) -> list[list[float]]:
    shares = [phones[number :: len(programs)] for number in range(len(programs))]
    told = [" ".join(phone.uri for phone in share).encode() for share in shares]
    taken = []
    for _ in range(count):
        seen = [len(phone.records) for phone in phones]
        began = time.monotonic()
        for program, share in zip(programs, told, strict=True):
            program.send(share)
        taken.append([at - began for at in await _arrivals(phones, seen)])
        await asyncio.sleep(PAUSE_S)
    return taken


async def _arrivals(phones: Sequence[WirePhone], seen: Sequence[int]) -> list[float]:
    """Returns when each phone got its INVITE, the first first."""

    def arrived() -> list[float] | None:
        times = []
        for phone, count in zip(phones, seen, strict=True):
            new = phone.records[count:]
            invites = [record.at for record in new if record.incoming and record.message.name == "INVITE"]
            if not invites:
                return None
            times.append(invites[0])
        return sorted(times)

    return await eventually(arrived, 10.0, 0.005, "all phones get the INVITE")
