"""Writing a document to the bus: one key a door, never over somebody else's newer one."""

from __future__ import annotations

from dataclasses import dataclass

import nats.errors
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError

from doorbus.contract.document import DocumentError, Door, from_json
from doorbus.contract.subjects import KV_CONFIG
from doorbus.runtime.connection import Connection
from doorbus_cli.context import ContextError


class ConflictError(Exception):
    """Somebody else wrote the document between our reading and our writing; theirs stands."""


@dataclass(frozen=True)
class Written:
    """What came of it.

    Attributes:
        revision: of the key now.
        changed: False when the store held the same already.
    """

    revision: int
    changed: bool


async def write_document(connection: Connection, door: str, body: bytes, *, only_if_missing: bool = False) -> Written:
    """Writes a document, by compare-and-set.

    Args:
        connection: to the bus.
        door: the key.
        body: canonical JSON.
        only_if_missing: leaves whatever document there is.

    Raises:
        ConflictError: somebody else was faster.
        nats.errors.Error, TimeoutError: the store does not answer.
    """
    bucket = await connection.client.jetstream(timeout=2.0).key_value(KV_CONFIG)
    try:
        there = await bucket.get(door)
    except KeyNotFoundError:
        there = None
    try:
        if there is None:
            return Written(await bucket.create(door, body), changed=True)
        if there.value == body or only_if_missing:
            return Written(there.revision or 0, changed=False)
        return Written(await bucket.update(door, body, last=there.revision), changed=True)
    except KeyWrongLastSequenceError:
        raise ConflictError(f"the document of {door} was changed by somebody else just now: apply it again") from None


async def stored_document(connection: Connection, door: str) -> Door:
    """Returns a door's document as it stands on the bus.

    Raises:
        ContextError: there is none, or we may not read it.
    """
    try:
        bucket = await connection.client.jetstream(timeout=1.0).key_value(KV_CONFIG)
        entry = await bucket.get(door)
        return from_json(entry.value or b"")
    except KeyNotFoundError:
        raise ContextError(f"door {door} has no document yet: doorbus apply -f door.yaml") from None
    except (nats.errors.Error, TimeoutError, DocumentError):
        raise ContextError(f"the document of {door} cannot be read here: give it with -f door.yaml") from None


async def only_relay(connection: Connection, door: str) -> str:
    """Returns the id of a door's relay, where it has one.

    Raises:
        ContextError: it has none or several, or we may not read its document.
    """
    try:
        relays = [relay.id for relay in (await stored_document(connection, door)).io.relays]
    except ContextError:
        raise ContextError(f"which relay? the document of {door} cannot be read here, so name it") from None
    if len(relays) != 1:
        raise ContextError(f"which relay? door {door} has {', '.join(relays) or 'none'}")
    return relays[0]
