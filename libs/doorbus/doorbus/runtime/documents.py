"""Following the documents of doors in `DOORBUS_CONFIG`.

A watch brings changes at once; the keys are read again after each reconnect and every 30 s, since a watch may lie dead
after an outage without saying so. A document that cannot be read is reported, and the last good one goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import nats.errors
import structlog
from nats.js.errors import KeyNotFoundError, NoKeysError
from nats.js.kv import KeyValue

from doorbus.contract.document import Door, from_json
from doorbus.contract.subjects import KV_CONFIG, is_door
from doorbus.runtime.connection import Connection

READ_AGAIN_EVERY_S = 30.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Document:
    """A door's document as it stands in the store."""

    door: Door
    revision: int


OnDocument = Callable[[str, Document], None]
OnRefused = Callable[[str, int, str], None]


class Documents:
    """Follows the documents of the doors that a process serves.

    Args:
        connection: where from.
        serves: which doors are meant.
        on_document: called with the door and each new document.
        on_refused: called with the door, the revision and why, for one that cannot be read.
    """

    def __init__(
        self,
        connection: Connection,
        serves: Callable[[str], bool],
        on_document: OnDocument,
        on_refused: OnRefused,
    ) -> None:
        self._connection = connection
        self._serves = serves
        self._on_document = on_document
        self._on_refused = on_refused
        self._known: dict[str, bytes] = {}
        self._again = asyncio.Event()
        connection.on_every_connect(self._reconnected)

    async def run(self) -> None:
        """Follows until cancelled."""
        await self._connection.wait_connected()
        while True:
            self._again.clear()
            try:
                bucket = await self._connection.client.jetstream(timeout=1.0).key_value(KV_CONFIG)
                await self._read_all(bucket)
                await self._watch(bucket)
            except (nats.errors.Error, TimeoutError, OSError) as error:
                log.debug("documents cannot be followed now", why=repr(error))
                await self._pause(1.0)

    async def _reconnected(self) -> None:
        self._again.set()

    async def _pause(self, seconds: float) -> bool:
        """Waits; True when a reconnect ended the wait."""
        try:
            async with asyncio.timeout(seconds):
                await self._again.wait()
        except TimeoutError:
            return False
        return True

    async def _read_all(self, bucket: KeyValue) -> None:
        try:
            keys = await bucket.keys()
        except NoKeysError:
            return
        for key in keys:
            if not is_door(key) or not self._serves(key):
                continue
            try:
                entry = await bucket.get(key)
            except KeyNotFoundError:
                continue
            self._take(key, entry.value or b"", entry.revision or 0)

    async def _watch(self, bucket: KeyValue) -> None:
        watcher = await bucket.watchall()
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
                if entry is None or entry.operation in ("DEL", "PURGE"):
                    continue
                if is_door(entry.key) and self._serves(entry.key):
                    self._take(entry.key, entry.value or b"", entry.revision or 0)
        finally:
            again.cancel()
            try:
                await watcher.stop()  # type: ignore[no-untyped-call]
            except (nats.errors.Error, OSError):
                log.debug("a watch could not be stopped in order")

    def _take(self, door: str, value: bytes, revision: int) -> None:
        if self._known.get(door) == value:
            return
        self._known[door] = value
        try:
            document = from_json(value)
            _check_door(document, door)
        except ValueError as error:
            log.warning("a document was refused", door=door, revision=revision, why=str(error))
            self._on_refused(door, revision, str(error))
            return
        self._on_document(door, Document(document, revision))


def _check_door(document: Door, door: str) -> None:
    if document.door != door:
        raise ValueError(f"door: the document is of {document.door!r}")


async def _next_update(watcher: KeyValue.KeyWatcher) -> KeyValue.Entry | None:
    """Waits for the next change, for as long as it takes."""
    while True:
        try:
            update: KeyValue.Entry | None = await watcher.updates(timeout=READ_AGAIN_EVERY_S)  # type: ignore[no-untyped-call]
        except TimeoutError:
            continue
        return update
