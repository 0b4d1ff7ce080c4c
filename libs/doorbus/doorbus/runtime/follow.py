"""Following keys of a KV bucket: each value that is there, each change at once.

A watch brings changes; it is made anew after each reconnect and every 30 s, since a watch may lie dead after an outage
without saying so. A key that is missing (the store came back empty) is not a deleted one: only a deletion is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import nats.errors
import structlog
from nats.js.kv import KeyValue

from doorbus.runtime.connection import Connection

READ_AGAIN_EVERY_S = 30.0
AGAIN_AFTER_S = 1.0

log = structlog.get_logger()

OnValue = Callable[[str, bytes, int], None]
"""From a key, its value and its revision; called once for each new value of a key."""
OnDeleted = Callable[[str], None]


def _not_needed(_key: str) -> None:
    """Does nothing."""


class Follower:
    """Follows a bucket's keys.

    Args:
        connection: where from.
        bucket: its name; it may not exist yet.
        keys: which keys, `>` = all, `*.scheduler` = those of the form.
        on_value: gets each new value.
        on_deleted: gets the key of a deleted value.
    """

    def __init__(
        self,
        connection: Connection,
        bucket: str,
        keys: str,
        on_value: OnValue,
        on_deleted: OnDeleted = _not_needed,
    ) -> None:
        self._connection = connection
        self._bucket = bucket
        self._keys = keys
        self._on_value = on_value
        self._on_deleted = on_deleted
        self._known: dict[str, bytes] = {}
        self._again = asyncio.Event()
        connection.on_every_connect(self._reconnected)

    async def run(self) -> None:
        """Follows until cancelled."""
        await self._connection.wait_connected()
        while True:
            self._again.clear()
            try:
                bucket = await self._connection.client.jetstream(timeout=1.0).key_value(self._bucket)
                await self._watch(bucket)
            except (nats.errors.Error, TimeoutError, OSError) as error:
                log.debug("a bucket cannot be followed now", bucket=self._bucket, why=repr(error))
                await self._pause(AGAIN_AFTER_S)

    async def _reconnected(self) -> None:
        self._again.set()

    async def _pause(self, seconds: float) -> None:
        """Waits, until the next reconnect at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._again.wait()
        except TimeoutError:
            return

    async def _watch(self, bucket: KeyValue) -> None:
        watcher = await bucket.watch(self._keys)
        loop = asyncio.get_running_loop()
        until = loop.time() + READ_AGAIN_EVERY_S
        again = asyncio.create_task(self._again.wait())
        try:
            while loop.time() < until and not again.done():
                update = asyncio.create_task(_next_update(watcher))
                await asyncio.wait({update, again}, timeout=until - loop.time(), return_when=asyncio.FIRST_COMPLETED)
                if not update.done():
                    update.cancel()
                    return
                entry = update.result()
                if entry is not None:
                    self._take(entry)
        finally:
            again.cancel()
            try:
                await watcher.stop()  # type: ignore[no-untyped-call]
            except (nats.errors.Error, OSError):
                log.debug("a watch could not be stopped in order")

    def _take(self, entry: KeyValue.Entry) -> None:
        if entry.operation in ("DEL", "PURGE"):
            if self._known.pop(entry.key, None) is not None:
                self._on_deleted(entry.key)
            return
        value = entry.value or b""
        if self._known.get(entry.key) != value:
            self._known[entry.key] = value
            self._on_value(entry.key, value, entry.revision or 0)


async def _next_update(watcher: KeyValue.KeyWatcher) -> KeyValue.Entry | None:
    """Waits for the next change, for as long as it takes."""
    while True:
        try:
            update: KeyValue.Entry | None = await watcher.updates(timeout=READ_AGAIN_EVERY_S)  # type: ignore[no-untyped-call]
        except TimeoutError:
            continue
        return update
