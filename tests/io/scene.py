"""The io service on a real bus and on a bench: a test gives it documents, moves its lines and hears what it tells."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import nats
from tests.io.io_process import IoProcess
from tests.io.line_bench import LineBench, Pin
from tests.io.policy_on_bus import Policy, apply

from doorbus.contract.subjects import KV_CONFIG
from doorbus.runtime.connection import settle
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import eventually


@dataclass(frozen=True)
class House:
    """What may outlive a test: a NATS server, an io process of the door `front`, its chips."""

    server: NatsServer
    io: IoProcess
    bench: LineBench


class Scene:
    """One test in a house, on policy's place on the bus."""

    def __init__(self, house: House, policy: Policy) -> None:
        self.server = house.server
        self.io = house.io
        self.bench = house.bench
        self.policy = policy

    async def take(self, *, inputs: tuple[dict[str, Any], ...] = (), relays: tuple[dict[str, Any], ...] = ()) -> None:
        """Gives io a document in place of none, and waits until it has claimed all its lines and obeys."""
        await self.offer(inputs=inputs, relays=relays)
        await self.until_ready()

    async def offer(self, *, inputs: tuple[dict[str, Any], ...] = (), relays: tuple[dict[str, Any], ...] = ()) -> None:
        """Gives io a document in place of none."""
        await self.empty()
        await apply(self.policy.client, {"inputs": inputs, "relays": relays})

    async def empty(self) -> None:
        """Gives io a document without lines, and waits until it has heard of it."""
        await eventually(lambda: self.policy.client.jetstream().key_value(KV_CONFIG), what="io makes the stores")
        await apply(self.policy.client, {})
        await eventually(lambda: self._lines_are(0), what="io has no lines")

    async def until_ready(self) -> None:
        """Waits until io holds all lines of the document that was last given, and obeys."""
        kept = self.io.folder / "io-front.json"
        bucket = await self.policy.client.jetstream().key_value(KV_CONFIG)
        given = json.loads((await bucket.get("front")).value or b"")["io"]
        await eventually(lambda: json.loads(kept.read_text())["io"] == given, what="the document is kept")
        await eventually(lambda: self._lines_are(len(given["inputs"]) + len(given["relays"])), what="io is ready")
        await self.bench.connect()

    async def _lines_are(self, count: int) -> bool:
        snapshot = await self.policy.snapshot()
        inputs = all(each.active is not None for each in snapshot.inputs)
        relays = [(await self.policy.order("reset", relay=each.relay))["ok"] for each in snapshot.relays]
        return snapshot.ok and inputs and all(relays) and len(snapshot.inputs) + len(relays) == count

    async def active(self, input_id: str) -> bool | None:
        """Returns whether io takes an input for active."""
        return {each.input: each.active for each in (await self.policy.snapshot()).inputs}[input_id]

    async def at(self, pin: Pin, level: int) -> None:
        """Waits until an output stands at a level."""
        await eventually(lambda: self.bench.level(pin) == level, what=f"{pin} at {level}")

    async def pulse(self, relay: str, pin: Pin, active: int = 1) -> float:
        """Orders a pulse, waits until the line has moved and rests again, and returns for how many seconds it moved."""
        before = len(self.bench.changes(pin))
        cause = {"kind": "unlock", "method": "bus", "by": "test"}
        await eventually(lambda: self._obeys("pulse", relay=relay, cause=cause), what=f"io pulses {relay}")
        await eventually(lambda: len(self._moves(pin, before, active)) == 2, what="the line moves and rests again")
        on, off = self._moves(pin, before, active)
        return off - on

    def _moves(self, pin: Pin, before: int, active: int) -> list[float]:
        moves = self.bench.changes(pin)[before:]
        while moves and moves[0].level != active:  # the rest at the claim
            moves.pop(0)
        return [change.at for change in moves]

    async def _obeys(self, verb: str, **fields: Any) -> bool:
        return bool((await self.policy.order(verb, **fields))["ok"])

    async def energise(self, relay: str, pin: Pin) -> None:
        """Has a relay held, and waits until its line is high."""
        cause = {"kind": "action"}
        await eventually(lambda: self._obeys("energise", relay=relay, max_s=300.0, cause=cause), what="io energises")
        await self.at(pin, 1)

    async def degraded(self, *, recovered: bool) -> str:
        """Waits until io says that something is wrong with a chip, or that it is over; returns what it says."""

        def said() -> list[str]:
            told = [each.model_dump() for each in self.policy.events if each.what == "degraded"]
            return [each["why"] for each in told if (each["part"], each["recovered"]) == ("chip", recovered)]

        await eventually(said, what=f"service.degraded, recovered={recovered}")
        return said()[-1]


async def _again(_: Exception) -> None:
    """A server that a test has stopped is tried again, without a word."""


@asynccontextmanager
async def scene_in(house: House) -> AsyncIterator[Scene]:
    """Takes policy's place in a house for one test, and leaves io running, without lines."""
    if house.io.process is None or not house.io.process.running:
        house.io.start()
    client = await nats.connect(
        house.server.url,
        inbox_prefix="_INBOX.policy",
        reconnect_time_wait=0.5,
        max_reconnect_attempts=-1,  # a start in the emulated machine outlasts the default's 60
        error_cb=_again,
    )
    policy = Policy(client)
    await client.subscribe("door.front.event.>", cb=policy.on_event)
    await settle(client)
    scene = Scene(house, policy)
    try:
        yield scene
        if house.io.process is not None and house.io.process.running:
            await scene.empty()
    finally:
        await house.bench.disconnect()
        await client.close()
