"""What the stream has kept of a door, as any client may read it."""

from __future__ import annotations

import json
from typing import Any

from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

NEXT_S = 5.0


async def kept_events(client: Client, door: str, what: str) -> list[dict[str, Any]]:
    """Returns the bodies of all kept events `<domain>.<what>`, the oldest first."""
    config = ConsumerConfig(
        filter_subjects=[f"door.{door}.event.{what}"],
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=10.0,
        mem_storage=True,
    )
    reading = await client.jetstream(timeout=2.0).subscribe("", stream="DOORBUS_EVENTS", config=config)
    try:
        info = await reading.consumer_info()
        waiting = (info.num_pending or 0) + (info.delivered.consumer_seq if info.delivered else 0)
        return [json.loads((await reading.next_msg(NEXT_S)).data) for _ in range(waiting)]
    finally:
        await reading.unsubscribe()
