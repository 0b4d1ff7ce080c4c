"""How long policy takes to decide, asked directly over NATS at rising rates, beside a bare nats-py responder.

Both are asked the same question by the same code on a connection of the same kind: who calls a door under DND. Rates
above what one of them can do are left out.
"""

from __future__ import annotations

from collections import Counter

import nats

from bench import bare_bus
from bench.asking import AT_ONCE, Responder, counts
from bench.bare import Bare
from bench.doors import document
from bench.figures import Figure, Result, percentile
from bench.scale import Amount, Scale
from doorbus.contract import subjects
from doorbus.contract.calls import AskIncomingCall
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.stack import Stack

RATES = (100, 250, 500, 1000, 2000)
SECONDS = Amount(4.0, 1.0, 0.2)
WARM_UP = Amount(1.0, 1.0, 0.1)
AIM_RATE, AIM_P99_MS = 1000, 5.0


async def policy_latency(scale: Scale) -> Result:
    """Policy's decisions."""
    async with Stack(document(dnd=True)) as stack, NatsServer() as server:
        with Bare("bench.bare_bus", server.url) as program:
            password = (stack.run_dir / "passwords" / "sip").read_text().strip()
            asking = await nats.connect(
                stack.client.connected_url.geturl() if stack.client.connected_url else "",
                user="sip",
                password=password,
                inbox_prefix=subjects.inbox_prefix("sip"),
            )
            plain = await nats.connect(server.url)
            question = subjects.question(stack.door, AskIncomingCall.what)
            door = Responder(asking, (question,), stack.process("policy"))
            bare = Responder(plain, (bare_bus.SUBJECT,), program.process)
            figures, notes = await _compare(door, bare, scale)
            await asking.close()
            await plain.close()
    return Result(
        "policy_latency",
        "policy's decision about an incoming call under DND, asked over NATS, one door",
        "a bare nats-py responder that reads the same question and gives a fixed answer",
        figures,
        notes,
    )


async def _compare(door: Responder, bare: Responder, scale: Scale) -> tuple[tuple[Figure, ...], tuple[str, ...]]:
    figures: list[Figure] = []
    answers: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    seconds = SECONDS.at(scale)
    for responder in (door, bare):
        await responder.at_rate(100, WARM_UP.at(scale))
    for rate in RATES:
        both = [await responder.at_rate(rate, seconds) for responder in (bare, door)]
        for seen, asked in zip(reversed(answers), both, strict=True):
            seen.update(asked.answers)
        kept_up = [asked.kept_up(rate) for asked in both]
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            bare_ms, door_ms = (percentile(asked.latencies_s, share) * 1000 for asked in both)
            aim = f"under {AIM_P99_MS:g} ms" if rate == AIM_RATE and name == "p99" else ""
            label = f"decision at {rate}/s, {name}, ms" + ("" if all(kept_up) else " (not kept up)")
            figures.append(Figure(label, door_ms, bare_ms, aim, (door_ms < AIM_P99_MS and kept_up[1]) if aim else None))
        if not kept_up[1]:
            break
    most = [await responder.at_most(seconds) for responder in (bare, door)]
    figures.append(Figure(f"the most, {AT_ONCE} at once, decisions a second", most[1].a_second, most[0].a_second))
    for seen, asked in zip(reversed(answers), most, strict=True):
        seen.update(asked.answers)
    notes = (
        f"{seconds:g} s at each rate; the asker is Python too, on the same machine, and part of every latency",
        f"answers: Doorbus {counts(answers[0])}; baseline {counts(answers[1])}",
    )
    return tuple(figures), notes
