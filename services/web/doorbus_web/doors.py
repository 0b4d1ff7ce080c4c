"""The documents of doors as they stand in the store, and writing them by compare-and-set.

A document is written only over the revision that its editor has seen, so nobody's change is lost. Each write is told
as `document.changed` with who and which fields, never with values: a value may name a secret's place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import nats.errors
from nats.js.errors import KeyWrongLastSequenceError

from doorbus.contract.document import Door, to_data, to_json
from doorbus.contract.errors import ErrorCode, LocalError
from doorbus.contract.services import DocumentChanged
from doorbus.contract.subjects import KV_CONFIG
from doorbus.runtime.bus import Bus
from doorbus.runtime.documents import Document

WRITE_S = 2.0
PATHS_TOLD = 50
"""Of changed fields in an event; more are summed up."""


class ConflictError(Exception):
    """Somebody else wrote the document since its editor read it; theirs stands.

    Attributes:
        revision: that stands now, 0 where it is not known yet.
    """

    def __init__(self, revision: int) -> None:
        super().__init__("the document was changed by somebody else meanwhile")
        self.revision = revision


class Doors:
    """The documents by door.

    Args:
        bus: where they are kept.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._documents: dict[str, Document] = {}
        self._watchers: list[Callable[[str, Document], None]] = []

    def on_document(self, watcher: Callable[[str, Document], None]) -> None:
        """Calls `watcher` with each new document from now on."""
        self._watchers.append(watcher)

    def take(self, door: str, document: Document) -> None:
        """Takes a document from the store; the one that is known already (we wrote it) is passed over."""
        if self._documents.get(door) == document:
            return
        self._documents[door] = document
        for watcher in self._watchers:
            watcher(door, document)

    def names(self) -> tuple[str, ...]:
        """Returns all doors with a document, in order."""
        return tuple(sorted(self._documents))

    def get(self, door: str) -> Document | None:
        """Returns a door's document with its revision, None when there is none."""
        return self._documents.get(door)

    async def write(self, door: str, document: Door, revision: int, by: str) -> int:
        """Writes a document over the one of `revision`, and returns the new revision (the same for no change).

        Args:
            door: whose.
            document: the whole of it, valid.
            revision: that the editor has seen.
            by: who edits, for the event.

        Raises:
            ConflictError: another revision stands there.
            LocalError: the store does not answer; the document may have been written or not.
        """
        before = self._documents.get(door)
        if before is None or before.revision != revision:
            raise ConflictError(before.revision if before is not None else 0)
        if before.door == document:
            return revision
        if not self._bus.connected:
            raise LocalError(ErrorCode.NOT_CONNECTED, "the bus is gone: nothing was written")
        try:
            bucket = await self._bus.connection.client.jetstream(timeout=WRITE_S).key_value(KV_CONFIG)
            written = await bucket.update(door, to_json(document), last=revision)
        except KeyWrongLastSequenceError:
            raise ConflictError(0) from None
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise LocalError(ErrorCode.TIMEOUT, f"the store did not answer: {error or 'no answer'}") from None
        changed = changed_paths(before.door, document)
        self.take(door, Document(document, written))
        told = DocumentChanged(service="web", revision=written, result="written", by=by[:64], changed=changed)
        self._bus.tell(door, told)
        return written


def changed_paths(before: Door, after: Door) -> tuple[str, ...]:
    """Returns the paths of all fields that differ, at most `PATHS_TOLD`; of lists of another length the list's path."""
    paths = list(_differences("", to_data(before), to_data(after)))
    rest = len(paths) - PATHS_TOLD
    return tuple(paths) if rest <= 0 else (*paths[:PATHS_TOLD], f"and {rest} more")


def _differences(path: str, before: Any, after: Any) -> Iterator[str]:
    match before, after:
        case dict(), dict():
            for key in sorted({*before, *after}):
                yield from _differences(f"{path}.{key}" if path else str(key), before.get(key), after.get(key))
        case list(), list() if len(before) == len(after):
            for place, (one, other) in enumerate(zip(before, after, strict=True)):
                yield from _differences(f"{path}[{place}]", one, other)
        case _ if before != after:
            yield path
