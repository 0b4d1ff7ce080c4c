"""A service's state in `DOORBUS_STATE`: one writer a key, written before the effects it explains.

The store never holds up the door: a write is waited for `WRITE_WAIT_S` at most, and not at all while the store is known
to be gone; the last value is written as soon as it is back (also into an empty store).
"""

from __future__ import annotations

import asyncio

import nats.errors
import structlog
from nats.js.errors import KeyNotFoundError

from doorbus.contract.subjects import KV_STATE, state_key
from doorbus.runtime import metrics
from doorbus.runtime.connection import Connection

WRITE_WAIT_S = 0.2
"""A tenth of what a visitor notices; a write takes 0.2 ms on a healthy server."""

RETRY_FIRST_S = 0.25
RETRY_MOST_S = 2.0
"""A write that a busy machine delayed is made good at once; a store that is gone is asked less and less often."""

log = structlog.get_logger()


class StateKeeper:
    """Writes and reads the state of one service for its doors.

    Args:
        connection: where to.
        service: the writer's name, in the key.
    """

    def __init__(self, connection: Connection, service: str) -> None:
        self._connection = connection
        self._service = service
        self._unwritten: dict[str, bytes] = {}
        self._last: dict[str, bytes] = {}
        self._failing = False
        self._missed = asyncio.Event()
        connection.on_every_connect(self._write_all)

    async def keep(self, door: str, value: bytes) -> int | None:
        """Writes a door's state.

        Returns:
            The revision of the entry, None when it was not written (yet).
        """
        self._last[door] = value
        if self._failing or not self._connection.connected:
            self._postpone(door, value)
            metrics.STATE_WRITES.labels("postponed").inc()
            return None
        try:
            return await self._put(door, value)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            self._failing = True
            self._postpone(door, value)
            metrics.STATE_WRITES.labels("failed").inc()
            log.warning("state is not kept for now", door=door, why=str(error) or type(error).__name__)
            return None

    async def recall(self, door: str) -> bytes | None:
        """Reads a door's state back; None when there is none.

        Raises:
            nats.errors.Error, TimeoutError: the store does not answer.
        """
        js = self._connection.client.jetstream(timeout=1.0)
        try:
            entry = await (await js.key_value(KV_STATE)).get(state_key(door, self._service))
        except KeyNotFoundError:
            return None
        return entry.value

    async def run(self) -> None:
        """Writes what could not be written, at growing intervals, until cancelled."""
        while True:
            await self._missed.wait()
            self._missed.clear()
            pause_s = RETRY_FIRST_S
            while self._unwritten:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, RETRY_MOST_S)
                if self._connection.connected:
                    await self._write_waiting()

    def _postpone(self, door: str, value: bytes) -> None:
        self._unwritten[door] = value
        self._missed.set()

    async def _write_all(self) -> None:
        self._unwritten = dict(self._last)  # the store may have come back empty
        self._missed.set()
        await self._write_waiting()

    async def _write_waiting(self) -> None:
        for door, value in list(self._unwritten.items()):
            try:
                await self._put(door, value)
            except (nats.errors.Error, TimeoutError, OSError):
                return
            if self._unwritten.get(door) == value:
                del self._unwritten[door]
        if self._failing:
            self._failing = False
            log.warning("state is kept again")

    async def _put(self, door: str, value: bytes) -> int:
        js = self._connection.client.jetstream(timeout=WRITE_WAIT_S)
        acknowledgement = await js.publish(f"$KV.{KV_STATE}.{state_key(door, self._service)}", value)
        metrics.STATE_WRITES.labels("ok").inc()
        return acknowledgement.seq
