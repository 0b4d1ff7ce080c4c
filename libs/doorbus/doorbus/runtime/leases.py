"""Telling and keeping leases ("a call is up"): see `doorbus.contract.leases`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog
from nats.aio.msg import Msg
from pydantic import ValidationError

from doorbus.contract import subjects
from doorbus.contract.leases import LEASE_EVERY_S, LEASE_HOLDS_S, Lease
from doorbus.runtime.connection import Connection

CHECK_EVERY_S = 0.25

log = structlog.get_logger()


class LeaseTeller:
    """Tells a lease each second, and at once when `now` changed.

    Args:
        connection: where to.
        door: of which door.
        lease: returns what to tell at this moment.
    """

    def __init__(self, connection: Connection, door: str, lease: Callable[[], Lease]) -> None:
        self._connection = connection
        self._subject_of = door
        self._lease = lease
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Has the lease told at once."""
        self._changed.set()

    async def run(self) -> None:
        """Tells until cancelled."""
        while True:
            self._changed.clear()
            lease = self._lease()
            if self._connection.connected:
                try:
                    await self._connection.client.publish(
                        subjects.lease(self._subject_of, lease.kind), lease.to_bytes()
                    )
                except Exception as error:  # noqa: BLE001  # the next second tells it again
                    log.debug("a lease was not told", why=repr(error))
            try:
                async with asyncio.timeout(LEASE_EVERY_S):
                    await self._changed.wait()
            except TimeoutError:
                pass


class LeaseKeeper:
    """Holds what others tell, and says when one runs out.

    Args:
        serves: which doors are meant.
        on_lease: called with the door and each lease told.
        on_lost: called with the door and the kind when nobody told it for `LEASE_HOLDS_S`.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        serves: Callable[[str], bool],
        on_lease: Callable[[str, Lease], None],
        on_lost: Callable[[str, str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._serves = serves
        self._on_lease = on_lease
        self._on_lost = on_lost
        self._clock = clock
        self._heard: dict[tuple[str, str], float] = {}

    async def on_message(self, message: Msg) -> None:
        """Takes one message of the subscription."""
        door = subjects.door_of(message.subject)
        if door is None or not self._serves(door):
            return
        try:
            lease = Lease.model_validate_json(message.data)
        except ValidationError:
            log.warning("an unreadable lease", subject=message.subject)
            return
        self._heard[door, lease.kind] = self._clock()
        self._on_lease(door, lease)

    def bus_lost(self) -> None:
        """The bus is gone: silence means nothing now, so every lease starts again when it is back."""
        self._heard.clear()

    async def run(self) -> None:
        """Watches until cancelled."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            limit = self._clock() - LEASE_HOLDS_S
            for (door, kind), heard in list(self._heard.items()):
                if heard < limit:
                    del self._heard[door, kind]
                    self._on_lost(door, kind)
