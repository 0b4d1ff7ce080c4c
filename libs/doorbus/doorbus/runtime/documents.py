"""Following the documents of doors in `DOORBUS_CONFIG`. One that cannot be read is said, the last good one goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from doorbus.contract.document import Door, from_json
from doorbus.contract.subjects import KV_CONFIG, is_door
from doorbus.runtime.connection import Connection
from doorbus.runtime.follow import Follower

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
        self._follower = Follower(connection, KV_CONFIG, ">", self._take)
        self._serves = serves
        self._on_document = on_document
        self._on_refused = on_refused

    async def run(self) -> None:
        """Follows until cancelled."""
        await self._follower.run()

    def _take(self, door: str, value: bytes, revision: int) -> None:
        if not is_door(door) or not self._serves(door):
            return
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
