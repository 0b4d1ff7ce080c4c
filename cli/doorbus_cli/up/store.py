"""Sees that the bus has its stores and the door its document, at the start and when a server comes back empty."""

from __future__ import annotations

from pathlib import Path

import structlog
from pydantic import SecretStr

from doorbus.contract.document import DocumentError, Door, to_json
from doorbus.contract.document.load import load_document
from doorbus.contract.permissions import SUPERVISOR
from doorbus.runtime.clock import BusClock
from doorbus.runtime.connection import Connection
from doorbus.runtime.settings import ServiceSettings
from doorbus.runtime.stores import ensure_stores
from doorbus_cli.documents import ConflictError, write_document
from doorbus_cli.up.progress import Progress
from doorbus_cli.up.server import Server

log = structlog.get_logger()


class Store:
    """Our own connection to the bus, as the user `supervisor`.

    Args:
        server: where.
        path: the file of the document, read again when the store is empty.
        document: as it was read at the start.
        progress: told of revisions.
    """

    def __init__(self, server: Server, path: Path, document: Door, progress: Progress) -> None:
        password = server.passwords.get(SUPERVISOR)
        settings = ServiceSettings(
            nats_url=server.url,
            nats_user=SUPERVISOR if password else None,
            nats_password=SecretStr(password) if password else None,
            nats_credentials=None,
        )
        self.connection = Connection(SUPERVISOR, settings, BusClock())
        self._path = path
        self._document = document
        self._progress = progress
        self._applied = False

    async def set_up(self) -> None:
        """Waits for the bus, makes the stores and applies the document if it differs; again after each reconnect.

        Raises:
            nats.errors.Error, TimeoutError: the store does not answer.
            ConflictError: somebody else applied a document at the same moment.
        """
        await self.connection.wait_connected()
        await ensure_stores(self.connection)
        await self._apply(only_if_missing=False)
        self._applied = True
        self.connection.on_every_connect(self._after_reconnect)

    async def _after_reconnect(self) -> None:
        await ensure_stores(self.connection)
        self._read_again()
        try:
            await self._apply(only_if_missing=True)
        except ConflictError as error:
            log.warning("the document was not applied again", why=str(error))

    async def _apply(self, *, only_if_missing: bool) -> None:
        door = self._document.door
        body = to_json(self._document)
        written = await write_document(self.connection, door, body, only_if_missing=only_if_missing)
        if written.changed or not self._applied:
            state = "applied" if written.changed else "unchanged"
            words = f"document of {door}: {state}, revision {written.revision}"
            self._progress.say("document", words, door=door, revision=written.revision, changed=written.changed)

    def _read_again(self) -> None:
        """Takes the file as it is now, unless it has become invalid or another door's."""
        try:
            document = load_document(self._path.read_bytes())
        except (OSError, DocumentError) as error:
            log.warning("the document's file cannot be used, the one read before serves", why=str(error))
            return
        if document.door == self._document.door:
            self._document = document
