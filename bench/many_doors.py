"""Policy for many doors in one process: its decisions, its start and its memory, from 1 door to 1,000.

Rules
- For each number of doors there is a fresh NATS server with as many documents, and one policy process that serves `*`;
  each door's sip and io say that nothing is up, and no more. DND is on, so that a decision ends with itself.
- Doors are asked in turns, `RATE` questions a second in all, then as many as it takes; the bare responder is asked
  in the same way, on the same server.
- "On one core" is answers for each second of processor time that the process itself took: the asker and the server
  share the machine, so what they take is left out.
- The start lasts from the process's start until each door is served. Questions begin when the process has nothing to
  do any more: each door still reads the triggers of the last seconds then. PSS is taken before the first question.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import nats
import psutil
from nats.aio.client import Client
from nats.aio.msg import Msg

from bench import bare_bus
from bench.asking import AT_ONCE, Asked, Responder, counts
from bench.bare import Bare
from bench.doors import Memory, document
from bench.doors import memory as memory_of
from bench.figures import Figure, Result, percentile
from bench.scale import Amount, Scale
from doorbus.contract import subjects
from doorbus.contract.calls import AskIncomingCall, SipSnapshot
from doorbus.contract.document import to_json
from doorbus.contract.document.load import load_document
from doorbus.contract.lines import IoSnapshot
from doorbus.contract.subjects import KV_CONFIG
from doorbus.runtime.stores import BUCKETS, STREAM
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import eventually
from doorbus_testkit.processes import Process

DOORS, SMOKE_DOORS = (1, 10, 100, 1000), (1, 5)
RATE = 1000
SECONDS = Amount(4.0, 1.0, 0.2)
WARM_UP = Amount(1.0, 0.5, 0.1)
SERVED_S = 120.0
REST_S, REST_SHARE = 1.0, 0.05
AIM_P99_MS = 5.0


@dataclass(frozen=True)
class Measured:
    """One number of doors: the bare responder's and policy's answers, policy's start and memory."""

    doors: int
    at_rate: tuple[Asked, Asked]
    most: tuple[Asked, Asked]
    start_s: float
    memory: Memory


async def policy_doors(scale: Scale) -> Result:
    """Policy's decisions for 1 to 1,000 doors."""
    measured = [await _measure(doors, scale) for doors in (SMOKE_DOORS if scale is Scale.SMOKE else DOORS)]
    answers: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    for each in measured:
        for asked in (each.at_rate, each.most):
            for seen, what in zip(answers, asked, strict=True):
                seen.update(what.answers)
    return Result(
        "policy_doors",
        f"policy's decisions for many doors in one process, asked in turns, {RATE} a second",
        "a bare nats-py responder that reads the same question and gives a fixed answer",
        tuple(figure for each in measured for figure in _figures(each, last=each is measured[-1])),
        (
            f"{SECONDS.at(scale):g} s at the rate, and as long at the most; {AT_ONCE} questions at once there",
            f"answers: Doorbus {counts(answers[1])}; baseline {counts(answers[0])}",
        ),
    )


async def _measure(doors: int, scale: Scale) -> Measured:
    async with NatsServer() as server:
        client = await nats.connect(server.url)
        await _store(client, doors)
        await client.subscribe("door.*.cmd.*.snapshot", cb=_nothing_is_up)
        with Bare("bench.bare_bus", server.url) as program:
            async with _policy(server.url, doors) as (process, start_s):
                await _at_rest(process)
                memory = memory_of([process])
                asked_at = [subjects.question(f"d{number}", AskIncomingCall.what) for number in range(doors)]
                both = (
                    Responder(client, (bare_bus.SUBJECT,), program.process),
                    Responder(client, asked_at, process),
                )
                for responder in both:
                    await responder.at_rate(100, WARM_UP.at(scale))
                at_rate = [await responder.at_rate(RATE, SECONDS.at(scale)) for responder in both]
                most = [await responder.at_most(SECONDS.at(scale)) for responder in both]
        await client.close()
    return Measured(doors, (at_rate[0], at_rate[1]), (most[0], most[1]), start_s, memory)


async def _store(client: Client, doors: int) -> None:
    """Makes the stores and writes a document for each door."""
    js = client.jetstream()
    await js.add_stream(STREAM)
    for bucket in BUCKETS:
        await js.create_key_value(bucket)
    documents = await js.key_value(KV_CONFIG)
    door = load_document(document(dnd=True))
    for number in range(doors):
        name = f"d{number}"
        await documents.put(name, to_json(door.model_copy(update={"door": name})))


async def _nothing_is_up(message: Msg) -> None:
    """Answers for the sip and the io of each door."""
    snapshot = SipSnapshot() if ".cmd.sip." in message.subject else IoSnapshot()
    await message.respond(snapshot.to_bytes())


@contextlib.asynccontextmanager
async def _policy(url: str, doors: int) -> AsyncIterator[tuple[psutil.Process, float]]:
    """Runs policy; yields its process and how many seconds it took until each door was served."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "policy.log"
        env = {**os.environ, "DOORBUS_NATS_URL": url, "DOORBUS_DOORS": "*", "DOORBUS_LOG_LEVEL": "info"}
        began = time.monotonic()
        with Process([sys.executable, "-m", "doorbus_policy"], log=log, env=env) as process:
            await eventually(
                lambda: log.read_text().count('"door is served"') >= doors, SERVED_S, what=f"{doors} doors are served"
            )
            yield psutil.Process(process.pid), time.monotonic() - began


async def _at_rest(process: psutil.Process) -> None:
    """Waits until a process has taken next to no processor time for `REST_S`."""
    spent_s, since = math.inf, time.monotonic()

    def resting() -> bool:
        nonlocal spent_s, since
        now, times = time.monotonic(), process.cpu_times()
        if times.user + times.system > spent_s + REST_SHARE * REST_S or spent_s == math.inf:
            spent_s, since = times.user + times.system, now
        return now - since >= REST_S

    await eventually(resting, SERVED_S, 0.1, what="policy has nothing to do any more")


def _figures(measured: Measured, *, last: bool) -> tuple[Figure, ...]:
    doors = f"{measured.doors} door{'s' if measured.doors > 1 else ''}"
    bare, policy = measured.at_rate
    figures = []
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        ms = percentile(policy.latencies_s, share) * 1000
        aim = f"under {AIM_P99_MS:g} ms" if last and name == "p99" else ""
        kept_up = policy.kept_up(RATE)
        label = f"{doors}: decision, {name}, ms" + ("" if kept_up else " (not kept up)")
        reached = (ms < AIM_P99_MS and kept_up) if aim else None
        figures.append(Figure(label, ms, percentile(bare.latencies_s, share) * 1000, aim, reached))
    bare, policy = measured.most
    return (
        *figures,
        Figure(f"{doors}: the most, decisions a second", policy.a_second, bare.a_second),
        Figure(f"{doors}: on one core, decisions a second", policy.a_core_second, bare.a_core_second),
        Figure(f"{doors}: start until all are served, s", measured.start_s),
        Figure(f"{doors}: memory, MB (PSS)", measured.memory.pss),
    )
