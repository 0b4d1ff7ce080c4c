"""Policy's place on the bus, for tests of io: orders, and all events checked against their models."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg

from doorbus.contract.base import Event, new_id
from doorbus.contract.catalog import EVENT_OF_TYPE
from doorbus.contract.document import Door, from_json, to_json
from doorbus.contract.envelope import parse_headers
from doorbus.contract.lines import IoSnapshot
from doorbus.contract.subjects import KV_CONFIG
from doorbus_testkit.kept import kept_events
from doorbus_testkit.polling import SLOWER, eventually

UNLOCK = {"kind": "unlock", "method": "dtmf", "by": "101", "call": "call-1"}
ACTION = {"kind": "action"}


class Policy:
    """A connection with policy's inbox, and all events that it hears, each once and checked against its model."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.events: list[Event] = []
        self.sequences: list[int] = []
        self._seen: set[str] = set()

    async def on_event(self, message: Msg) -> None:
        """Takes an event; one that does not validate fails the wait for it."""
        envelope = parse_headers(message.headers)
        if envelope.id in self._seen:  # sent again, as its ack was late
            return
        self._seen.add(envelope.id)
        self.events.append(EVENT_OF_TYPE[envelope.type].model_validate_json(message.data))
        self.sequences.append(envelope.sequence)

    def told(self, *domains: str) -> list[str]:
        """Returns the names of the events of these domains."""
        return [f"{each.domain}.{each.what}" for each in self.events if each.domain in domains]

    async def wait(self, name: str, count: int = 1) -> dict[str, Any]:
        """Waits for an event by name, for its `count`th, and returns its fields."""

        def found() -> list[Event]:
            return [each for each in self.events if f"{each.domain}.{each.what}" == name]

        await eventually(lambda: len(found()) >= count, what=f"{count} times {name}")
        return found()[count - 1].model_dump(exclude_none=True)

    async def kept(self, name: str) -> list[dict[str, Any]]:
        """Returns all events by name that the stream has kept."""
        return await kept_events(self.client, "front", name)

    async def next_kept(self, name: str, before: int) -> dict[str, Any]:
        """Waits for one more kept event than `before`: after an outage a live reader may be back too late."""

        async def more() -> list[dict[str, Any]]:
            return (await self.kept(name))[before:]

        await eventually(more, what=f"the stream keeps {name}")
        return (await more())[0]

    async def order(self, verb: str, **fields: Any) -> dict[str, Any]:
        """Sends an order and returns its reply."""
        answer = await self.client.request(f"door.front.cmd.io.{verb}", body(**fields), timeout=5 * SLOWER)
        return dict(json.loads(answer.data))

    async def snapshot(self) -> IoSnapshot:
        """Takes io's snapshot."""
        return IoSnapshot.model_validate(await self.order("snapshot"))


def body(expires_in_s: float = 2.0, **fields: Any) -> bytes:
    """Returns an order's body, of epoch 5; it lives for two seconds unless told otherwise."""
    now = datetime.now(UTC)
    times = {"issued_at": now.isoformat(), "expires_at": (now + timedelta(seconds=expires_in_s)).isoformat()}
    return json.dumps({"id": new_id(), "epoch": 5, **times, **fields}).encode()


async def apply(client: Client, io: dict[str, Any]) -> None:
    """Puts the door's document into the store."""
    door: Door = from_json(json.dumps({"door": "front", "io": io}).encode())
    bucket = await client.jetstream().key_value(KV_CONFIG)
    await bucket.put("front", to_json(door))


async def is_ready(policy: Policy) -> bool:
    """Tells whether io has read all its lines and obeys."""
    snapshot = await policy.snapshot()
    obeys = await policy.order("reset", relay="gate")
    return bool(obeys["ok"] and snapshot.inputs) and all(each.active is not None for each in snapshot.inputs)
