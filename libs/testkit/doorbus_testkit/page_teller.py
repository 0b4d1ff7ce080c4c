"""Tells of pages in multicast's place, with its user of the bus: for tests of what others make of a page.

A multicast that runs at the door stands still meanwhile, so that there is one word. No sound is played.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import uuid
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import nats
import psutil

from doorbus.contract import subjects
from doorbus.contract.base import Event
from doorbus.contract.envelope import Envelope, source
from doorbus.contract.leases import LEASE_EVERY_S, Lease
from doorbus.contract.pages import EndedBecause, PageEnded, PageStarted
from doorbus.runtime.connection import close_client
from doorbus_testkit.processes import stall
from doorbus_testkit.stack import Stack

SSRC = 0x5EED
SOURCE = "192.0.2.9:5004"


class PageTeller:
    """Multicast as the bus sees it: `async with PageTeller(stack) as pages: page = await pages.start()`.

    Args:
        stack: the door.

    Attributes:
        page: the one that plays, as it was told last.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._stalled: psutil.Process | None = None
        self._epoch = random.getrandbits(31)  # no secret
        self._sequence = 0
        self._outranks = False
        self._leases: asyncio.Task[None] | None = None
        self.page: str | None = None

    async def __aenter__(self) -> Self:
        with contextlib.suppress(AssertionError, psutil.NoSuchProcess):  # there is none
            self._stalled = self._stack.process("multicast")
            stall(self._stalled.pid)
        user = "multicast"
        password = (self._stack.run_dir / "passwords" / user).read_text().strip()
        url = json.loads((self._stack.run_dir / "client.json").read_text())["url"]
        self._client = await nats.connect(
            url, user=user, password=password, inbox_prefix=f"_INBOX.{user}", max_reconnect_attempts=-1, error_cb=_quiet
        )
        self.live()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.page is not None:
            await self.end()
        self.die()
        await close_client(self._client)
        if self._stalled is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._stalled.resume()

    async def start(self, *, outranks: bool = True, place: int = 1) -> str:
        """A page plays from now on; returns its id."""
        self.page, self._outranks = str(uuid.uuid4()), outranks
        await self._tell(
            PageStarted(page=self.page, listener="fire", place=place, ssrc=SSRC, source=SOURCE, outranks_calls=outranks)
        )
        await self._tell_lease()
        return self.page

    async def end(self, reason: EndedBecause = "silence") -> None:
        """The page is over."""
        if self.page is None:
            raise RuntimeError("no page plays")
        over, self.page = self.page, None
        await self._tell(PageEnded(page=over, listener="fire", reason=reason, duration_s=1.0))
        await self._tell_lease()

    def live(self) -> None:
        """Tells the lease each second."""
        self._leases = asyncio.create_task(self._each_second(), name="page lease")

    def die(self) -> None:
        """Says nothing any more, as a multicast that was killed."""
        if self._leases is not None:
            self._leases.cancel()
            self._leases = None

    async def _each_second(self) -> None:
        while True:
            with contextlib.suppress(nats.errors.Error, OSError):
                await self._tell_lease()
            await asyncio.sleep(LEASE_EVERY_S)

    async def _tell(self, event: Event) -> None:
        self._sequence += 1
        envelope = Envelope(
            id=str(uuid.uuid4()),
            source=source(self._stack.door, "multicast"),
            type=event.type_name(),
            time=datetime.now(UTC),
            epoch=self._epoch,
            sequence=self._sequence,
            clock="local",
        )
        subject = subjects.event(self._stack.door, event.domain, event.what)
        await self._client.publish(subject, event.to_bytes(), headers=envelope.to_headers())

    async def _tell_lease(self) -> None:
        lease = Lease(
            kind="page",
            service="multicast",
            subject_id=self.page,
            outranks_calls=self._outranks and self.page is not None,
            epoch=self._epoch,
            sequence=self._sequence,
        )
        await self._client.publish(subjects.lease(self._stack.door, "page"), lease.to_bytes())


async def _quiet(_: Exception) -> None:
    """Says nothing: tests take the bus away on purpose."""
