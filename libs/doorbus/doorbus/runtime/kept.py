"""Reads the events of a door that the stream keeps, oldest first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta

import nats.errors
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from doorbus.contract import subjects
from doorbus.contract.errors import ErrorCode, LocalError
from doorbus.runtime.connection import Connection
from doorbus.runtime.seen import Seen, read_message

ALL = (">",)
NEXT_S = 5.0
"""The server sends as fast as we read; a pause of this length means that it is gone."""


async def kept_events(
    connection: Connection,
    door: str,
    tails: Iterable[str] = ALL,
    *,
    back: timedelta | None = None,
    last_only: bool = False,
) -> AsyncIterator[Seen]:
    """Yields a door's kept events up to now.

    Args:
        connection: to the bus.
        door: whose.
        tails: which, as `<domain>.<what>` with the wildcards of NATS.
        back: only those of so long ago; None = all.
        last_only: only the last of each `<domain>.<what>`.

    Raises:
        LocalError: the stream cannot be read.
    """
    if not connection.connected:
        raise LocalError(ErrorCode.NOT_CONNECTED, "the bus is gone")
    policy, start = DeliverPolicy.LAST_PER_SUBJECT if last_only else DeliverPolicy.ALL, None
    if back is not None and not last_only:
        policy, start = DeliverPolicy.BY_START_TIME, (connection.clock.now() or datetime.now(UTC)) - back
    config = ConsumerConfig(
        filter_subjects=[f"door.{door}.event.{tail}" for tail in tails],
        deliver_policy=policy,
        opt_start_time=start,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=10.0,
        mem_storage=True,
    )
    js = connection.client.jetstream(timeout=2.0)
    try:
        reading = await js.subscribe(
            "", stream=subjects.STREAM_EVENTS, config=config, flow_control=True, idle_heartbeat=NEXT_S / 2
        )
        try:
            info = await reading.consumer_info()
            waiting = (info.num_pending or 0) + (info.delivered.consumer_seq if info.delivered else 0)
            for _ in range(waiting):
                message = await reading.next_msg(timeout=NEXT_S)
                if (seen := read_message(message.subject, message.headers, message.data)) is not None:
                    yield seen
        finally:
            await reading.unsubscribe()
    except (nats.errors.Error, TimeoutError) as error:
        raise LocalError(ErrorCode.NOT_READY, f"what was kept cannot be read: {error or 'no answer'}") from None
