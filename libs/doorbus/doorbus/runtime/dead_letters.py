"""Messages of the push button that were given up: the bucket `DOORBUS_DEAD_LETTERS`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import nats.errors
import structlog
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue
from pydantic import ValidationError

from doorbus.contract.actions import DeadLetter
from doorbus.contract.errors import ErrorCode, LocalError
from doorbus.contract.subjects import KV_DEAD_LETTERS, dead_letter_key, is_token
from doorbus.runtime.connection import Connection

ANSWER_S = 2.0

log = structlog.get_logger()


class DeadLetters:
    """Keeps and finds messages that were given up. Every method raises LocalError when the bucket does not answer.

    Args:
        connection: to the bus.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def put(self, door: str, letter: DeadLetter) -> None:
        """Keeps a message."""
        with _as_local_errors():
            await (await self._bucket()).put(dead_letter_key(door, letter.message), letter.to_bytes())

    async def get(self, door: str, message: str) -> DeadLetter | None:
        """Returns a message, None where it is none that was given up."""
        if not is_token(message):
            return None
        with _as_local_errors():
            try:
                entry = await (await self._bucket()).get(dead_letter_key(door, message))
            except KeyNotFoundError:
                return None
        return _read(entry)

    async def drop(self, door: str, message: str) -> None:
        """Takes a message out, where it is in: it was delivered after all."""
        if await self.get(door, message) is not None:
            with _as_local_errors():
                await (await self._bucket()).purge(dead_letter_key(door, message))

    async def of(self, door: str) -> list[DeadLetter]:
        """Returns a door's messages, the oldest press first."""
        found: list[DeadLetter] = []
        with _as_local_errors():
            watcher = await (await self._bucket()).watch(dead_letter_key(door, "*"), ignore_deletes=True)
            try:
                while (entry := await watcher.updates(timeout=ANSWER_S)) is not None:  # type: ignore[no-untyped-call]
                    if (letter := _read(entry)) is not None:
                        found.append(letter)
            finally:
                await watcher.stop()  # type: ignore[no-untyped-call]
        return sorted(found, key=lambda letter: letter.pressed_at)

    async def _bucket(self) -> KeyValue:
        return await self._connection.client.jetstream(timeout=ANSWER_S).key_value(KV_DEAD_LETTERS)


def _read(entry: KeyValue.Entry) -> DeadLetter | None:
    try:
        return DeadLetter.model_validate_json(entry.value or b"")
    except ValidationError:
        log.warning("a dead letter cannot be read", key=entry.key)
        return None


@contextlib.contextmanager
def _as_local_errors() -> Iterator[None]:
    try:
        yield
    except (nats.errors.Error, TimeoutError, OSError) as error:
        text = f"the dead letters do not answer: {str(error) or 'no answer'}"
        raise LocalError(ErrorCode.NOT_READY, text) from None
