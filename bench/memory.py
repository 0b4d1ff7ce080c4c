"""What an idle door holds in memory: each process, and all together.

PSS shares out among the processes what they have in common, so its sum is what the machine gives; RSS counts that in
each of them. The baseline does nothing: the programs that the door's processes stand on, one for each of them.
"""

from __future__ import annotations

import asyncio
import contextlib

import psutil

from bench.bare import Bare
from bench.doors import Memory, document, front
from bench.doors import memory as memory_of
from bench.figures import Figure, Result
from bench.scale import Amount, Scale
from doorbus_cli.up.programs import SERVICES
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.stack import Options, Stack

MOST_MB = 350.0
SETTLE_S = Amount(10.0, 2.0, 0.1)
NAMES = tuple(service.name for service in SERVICES)
"""All of them are Python on NATS."""


async def memory(scale: Scale) -> Result:
    """An idle door's memory."""
    settle_s = SETTLE_S.at(scale)
    async with Stack(document(), Options(web=True)) as stack:
        await asyncio.sleep(settle_s)
        listening = front(stack)
        parts: list[tuple[str, psutil.Process]] = [(name, stack.process(name)) for name in NAMES]
        parts += [("sip's front worker", listening), ("nats", stack.process("nats"))]
        door = [(name, memory_of([process])) for name, process in parts]
        dialers = [worker for worker in stack.workers() if worker.pid != listening.pid]
        dialing, supervisor = memory_of(dialers), memory_of([psutil.Process(stack.up.pid)])
    bare = await _bare(settle_s)
    together = Memory(sum(held.rss for _, held in door), sum(held.pss for _, held in door))
    figures = [Figure(f"{name}, MB (PSS)", held.pss, bare[name].pss) for name, held in door]
    total = sum(held.pss for held in bare.values())
    figures.append(
        Figure("together, MB (PSS)", together.pss, total, f"at most {MOST_MB:g} MB", together.pss <= MOST_MB)
    )
    rss = sum(held.rss for held in bare.values())
    figures.append(Figure("together, MB (RSS)", together.rss, rss, f"at most {MOST_MB:g} MB", together.rss <= MOST_MB))
    return Result(
        "memory",
        f"all services of a door, idle for {settle_s:g} s; dialers not counted",
        "a bare nats-py responder for each service, a bare pjsua2 program, and an empty nats-server",
        tuple(figures),
        (
            "RSS, MB: " + ", ".join(f"{name} {held.rss:.0f}" for name, held in door),
            f"not counted: {len(dialers)} spare dialers {dialing.pss:.0f} MB PSS, `doorbus up` {supervisor.pss:.0f} MB",
        ),
    )


async def _bare(settle_s: float) -> dict[str, Memory]:
    """Returns the memory of the bare programs, by the name of what stands on them."""
    async with contextlib.AsyncExitStack() as running:
        server = await running.enter_async_context(NatsServer())
        phone = running.enter_context(Bare("bench.bare_sip", "refuse"))
        responders = [running.enter_context(Bare("bench.bare_bus", server.url)) for _ in NAMES]
        await asyncio.sleep(settle_s)
        held = {name: memory_of([bare.process]) for name, bare in zip(NAMES, responders, strict=True)}
        held["sip's front worker"] = memory_of([phone.process])
        held["nats"] = memory_of([psutil.Process(server.process.pid)])
    return held
