"""How long policy takes to decide, asked directly over NATS at rising rates, beside a bare nats-py responder.

Rules
- Both are asked the same question by the same code on a connection of the same kind: who calls a door under DND.
- Open loop: questions go out by the clock, whether the last ones were answered or not.
- Then the most: `AT_ONCE` questions are always under way.
- A latency lasts from before the request to its answer in this process. Above the most that one of them can do, it
  only shows a growing queue; such rates are left out.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import nats
import nats.errors
from nats.aio.client import Client

from bench import bare_bus
from bench.bare import Bare
from bench.doors import document
from bench.figures import Figure, Result, percentile
from doorbus.contract import subjects
from doorbus.contract.calls import DIRECT, AskIncomingCall, IncomingDecision
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.stack import Stack

RATES = (100, 250, 500, 1000, 2000)
SECONDS, QUICK_SECONDS = 4.0, 1.0
AIM_RATE, AIM_P99_MS = 1000, 5.0
AT_ONCE = 32
ANSWER_S = 2.0
FILLED_SHARE = 0.95


@dataclass
class Asked:
    """What came of some seconds of questions."""

    latencies_s: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    took_s: float = 0.0


@dataclass(frozen=True)
class Responder:
    """Somebody to ask."""

    client: Client
    subject: str

    async def ask(self, asked: Asked) -> None:
        """Asks once."""
        question = _question()
        began = time.perf_counter()
        try:
            answer = await self.client.request(self.subject, question, timeout=ANSWER_S)
        except (nats.errors.Error, TimeoutError) as error:
            asked.answers[type(error).__name__] += 1
            return
        asked.latencies_s.append(time.perf_counter() - began)
        decision = IncomingDecision.model_validate_json(answer.data)
        asked.answers[str(decision.refuse_code or decision.code)] += 1

    async def at_rate(self, rate: int, seconds: float) -> Asked:
        """Asks `rate` times a second."""
        asked = Asked()
        began = time.perf_counter()
        tasks: list[asyncio.Task[None]] = []
        while len(tasks) < rate * seconds:
            due = min(int((time.perf_counter() - began) * rate) + 1, int(rate * seconds))
            tasks += [asyncio.create_task(self.ask(asked)) for _ in range(due - len(tasks))]
            await asyncio.sleep(max(0.0, began + len(tasks) / rate - time.perf_counter()))
        await asyncio.gather(*tasks)
        asked.took_s = time.perf_counter() - began
        return asked

    async def at_most(self, seconds: float) -> Asked:
        """Asks as fast as answers come, `AT_ONCE` at a time."""
        asked = Asked()
        began = time.perf_counter()

        async def one_after_another() -> None:
            while time.perf_counter() - began < seconds:
                await self.ask(asked)

        await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
        asked.took_s = time.perf_counter() - began
        return asked


async def policy_latency(quick: bool) -> Result:
    """Policy's decisions."""
    seconds = QUICK_SECONDS if quick else SECONDS
    async with Stack(document(dnd=True)) as stack, NatsServer() as server:
        with Bare("bench.bare_bus", server.url):
            password = (stack.run_dir / "passwords" / "sip").read_text().strip()
            asking = await nats.connect(
                stack.client.connected_url.geturl() if stack.client.connected_url else "",
                user="sip",
                password=password,
                inbox_prefix=subjects.inbox_prefix("sip"),
            )
            plain = await nats.connect(server.url)
            door = Responder(asking, subjects.question(stack.door, AskIncomingCall.what))
            bare = Responder(plain, bare_bus.SUBJECT)
            figures, notes = await _compare(door, bare, seconds)
            await asking.close()
            await plain.close()
    return Result(
        "policy_latency",
        "policy's decision about an incoming call under DND, asked over NATS, one door",
        "a bare nats-py responder that reads the same question and gives a fixed answer",
        figures,
        notes,
    )


async def _compare(door: Responder, bare: Responder, seconds: float) -> tuple[tuple[Figure, ...], tuple[str, ...]]:
    figures: list[Figure] = []
    answers: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    for responder in (door, bare):
        await responder.at_rate(100, 1.0)
    for rate in RATES:
        both = [await responder.at_rate(rate, seconds) for responder in (bare, door)]
        for seen, asked in zip(reversed(answers), both, strict=True):
            seen.update(asked.answers)
        kept_up = [len(asked.latencies_s) / asked.took_s >= FILLED_SHARE * rate for asked in both]
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            bare_ms, door_ms = (percentile(asked.latencies_s, share) * 1000 for asked in both)
            aim = f"under {AIM_P99_MS:g} ms" if rate == AIM_RATE and name == "p99" else ""
            label = f"decision at {rate}/s, {name}, ms" + ("" if all(kept_up) else " (not kept up)")
            figures.append(Figure(label, door_ms, bare_ms, aim, (door_ms < AIM_P99_MS and kept_up[1]) if aim else None))
        if not kept_up[1]:
            break
    most = [await responder.at_most(seconds) for responder in (bare, door)]
    bare_most, door_most = (len(asked.latencies_s) / asked.took_s for asked in most)
    figures.append(Figure(f"the most, {AT_ONCE} at once, decisions a second", door_most, bare_most))
    for seen, asked in zip(reversed(answers), most, strict=True):
        seen.update(asked.answers)
    notes = (
        f"{seconds:g} s at each rate; the asker is Python too, on the same machine, and part of every latency",
        f"answers: Doorbus {_counts(answers[0])}; baseline {_counts(answers[1])}",
    )
    return tuple(figures), notes


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counter.items())


def _question() -> bytes:
    call = str(uuid.uuid4())
    return AskIncomingCall(
        id=call,
        expires_at=datetime.now(UTC) + timedelta(seconds=1),
        call=call,
        account=DIRECT,
        caller="bench",
        caller_uri="sip:bench@127.0.0.1:5060",
        address="127.0.0.1",
    ).to_bytes()
