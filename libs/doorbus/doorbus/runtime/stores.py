"""The stream and the KV buckets of the bus: made where they are missing, also after the server lost its store."""

from __future__ import annotations

import nats.errors
import nats.js.errors
import structlog
from nats.js.api import DiscardPolicy, KeyValueConfig, RetentionPolicy, StorageType, StreamConfig

from doorbus.contract.subjects import EVENTS_OF_ALL, KV_CONFIG, KV_DEAD_LETTERS, KV_DIRECTORIES, KV_STATE, STREAM_EVENTS
from doorbus.runtime.connection import Connection

EVENTS_KEPT_S = 30 * 24 * 3600.0
"""A month of events: long enough to look up who opened the door last week."""

EVENTS_KEPT_BYTES = 256 * 1024 * 1024
"""About 500,000 events; the oldest go first, so that a small box's disk never fills."""

DUPLICATE_WINDOW_S = 120.0
"""A repeated id within this is dropped by the stream; the outbox gives up sooner."""

log = structlog.get_logger()

STREAM = StreamConfig(
    name=STREAM_EVENTS,
    subjects=[EVENTS_OF_ALL],
    retention=RetentionPolicy.LIMITS,
    discard=DiscardPolicy.OLD,
    storage=StorageType.FILE,
    max_age=EVENTS_KEPT_S,
    max_bytes=EVENTS_KEPT_BYTES,
    duplicate_window=DUPLICATE_WINDOW_S,
)
BUCKETS = (
    KeyValueConfig(bucket=KV_STATE, history=1, storage=StorageType.FILE, max_bytes=64 * 1024 * 1024),
    KeyValueConfig(bucket=KV_CONFIG, history=10, storage=StorageType.FILE, max_bytes=64 * 1024 * 1024),
    KeyValueConfig(
        bucket=KV_DEAD_LETTERS, history=1, storage=StorageType.FILE, ttl=EVENTS_KEPT_S, max_bytes=16 * 1024 * 1024
    ),
    KeyValueConfig(bucket=KV_DIRECTORIES, history=10, storage=StorageType.FILE, max_bytes=16 * 1024 * 1024),
)


async def ensure_stores(connection: Connection) -> None:
    """Makes what is missing. A user who may not do that relies on somebody else having done it."""
    js = connection.client.jetstream(timeout=2.0)
    try:
        try:
            await js.stream_info(STREAM_EVENTS)
        except nats.js.errors.NotFoundError:
            await js.add_stream(STREAM)
        for bucket in BUCKETS:
            try:
                await js.key_value(bucket.bucket)
            except nats.js.errors.NotFoundError:
                await js.create_key_value(bucket)
    except (nats.errors.Error, TimeoutError) as error:
        log.warning("the stores of the bus could not be checked", why=str(error) or type(error).__name__)
