"""Pages that outrank calls, as far as sip must know without policy: the page lease.

Rules
- An incoming call of which policy says nothing is refused with 480 while such a page was heard of within 3 s; otherwise
  it rings.
- A hold is policy's to end. Where that does not come, as policy is dead or the bus is gone, sip ends it by itself: 1 s
  after multicast says that the page is over, or 4 s after it last said that it plays. A hold lasts 4 s at any rate, as
  its order may be ahead of the lease.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from doorbus.contract.leases import LEASE_HOLDS_S, Lease
from doorbus_sip.book import Book
from doorbus_sip.engine import UnknownCallError

BOUND_S = 1.0
"""Policy resumes within milliseconds; a restart of it takes longer, and then the call is back before it."""
LOOK_EVERY_S = 0.25

log = structlog.get_logger()


@dataclass
class PageLease:
    """Until when a page that outranks calls is known to play; monotonic seconds."""

    plays_until: float = 0.0

    def told(self, lease: Lease, now: float) -> None:
        """Takes what multicast says."""
        outranks = lease.subject_id is not None and lease.outranks_calls
        self.plays_until = now + LEASE_HOLDS_S if outranks else min(self.plays_until, now)

    def plays(self, now: float) -> bool:
        """Whether it plays, as far as anybody can tell."""
        return now < self.plays_until

    def may_hold(self, held_since: float, now: float) -> bool:
        """Whether a call may still be on hold."""
        return now < max(self.plays_until, held_since + LEASE_HOLDS_S) + BOUND_S


class HoldGuard:
    """Ends holds that policy has left behind.

    Args:
        book: the calls.
        lease: what is known of pages.
        clock: monotonic seconds.
    """

    def __init__(self, book: Book, lease: PageLease, clock: Callable[[], float]) -> None:
        self._book = book
        self._lease = lease
        self._clock = clock
        self._since: dict[str, float] = {}

    async def run(self) -> None:
        """Watches until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Resumes what nobody holds any more."""
        engine, now = self._book.engine, self._clock()
        held = [] if engine is None else [call.call for call in engine.snapshot() if "local" in call.held_by]
        self._since = {call: self._since.get(call, now) for call in held}
        for call, since in self._since.items():
            if engine is not None and not self._lease.may_hold(since, now):
                log.warning("no page is heard of any more, and policy has not resumed the call", call=call)
                try:
                    await engine.resume(call)
                except UnknownCallError:
                    log.debug("it has just ended", call=call)
