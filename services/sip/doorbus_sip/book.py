"""What the parts of the bus shell share: the door on the bus, the engine in force, what is known of its calls."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal

from doorbus.contract import calls as contract
from doorbus.contract.base import Event
from doorbus.contract.document import Door
from doorbus.contract.errors import DoorbusError, ErrorCode
from doorbus.contract.leases import Lease
from doorbus.runtime.bus import Bus
from doorbus_sip import facts, metrics
from doorbus_sip.engine import SipEngine
from doorbus_sip.state import call_snapshot, direction_of


@dataclass
class Known:
    """What the shell knows of a call beyond the engine's record."""

    direction: contract.Direction
    incoming: facts.IncomingCall | None = None
    told: bool = True
    purpose: Literal["call", "code"] = "call"
    hold_after_answer_s: float | None = None
    final: bool = True
    dialing_on: bool = False
    age_from: float = 0.0
    no_video_because: str | None = None
    account: str = contract.DIRECT
    targets: tuple[contract.Target, ...] = ()
    limits: contract.Limits = field(default_factory=contract.Limits)

    def note_mode(self, mode: contract.AutoAnswerMode) -> None:
        """Keeps why a call that shall be answered with video is not."""
        if mode is contract.AutoAnswerMode.VIDEO:
            self.no_video_because = "no camera is configured"


class Book:
    """One door's calls, as the shell knows them.

    Args:
        door: its name.
        bus: where to tell.

    Attributes:
        engine: the one in force, `None` before the first document.
        document: the one in force.
        calls: by id.
        accounts: how each stands.
        changed: set whenever the state is to be kept anew.
        lease: says which call is up.
    """

    def __init__(self, door: str, bus: Bus) -> None:
        self.door = door
        self.bus = bus
        self.engine: SipEngine | None = None
        self.document: Door | None = None
        self.calls: dict[str, Known] = {}
        self.accounts: dict[str, contract.AccountSnapshot] = {}
        self.changed = asyncio.Event()
        self.lease = bus.tell_lease(door, self._lease_now)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> SipEngine:
        """The engine.

        Raises:
            DoorbusError: there is none yet.
        """
        if self.engine is None:
            raise DoorbusError(ErrorCode.NOT_READY, "sip has no document yet")
        return self.engine

    def tell(self, event: Event, at: float | None = None) -> None:
        """Tells an event of the door, of now or of `at` (monotonic seconds)."""
        self.bus.tell(self.door, event, at)

    def tell_of(self, call: str, event: Event) -> None:
        """Tells an event of a call that is still known."""
        if call in self.calls:
            self.tell(event)

    def direction(self, call: str) -> contract.Direction:
        """Which way a call goes; one that is not known came in."""
        known = self.calls.get(call)
        return known.direction if known is not None else direction_of("in")

    def default_limits(self) -> contract.Limits:
        """The document's limits, for calls that policy says nothing about."""
        if self.document is None:
            return contract.Limits()
        rules = self.document.calls
        return contract.Limits(ring_s=rules.dial_in_s, max_call_s=rules.max_call_s or None, warn_s=rules.warn_s)

    def question_stamps(self) -> dict[str, Any]:
        """Id and expiry of a question."""
        stamps = self.bus.stamps(0.5)
        return {"id": stamps["id"], "expires_at": stamps["expires_at"]}

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs something beside, kept alive until it is done."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def snapshot(self) -> contract.SipSnapshot:
        """What sip knows now."""
        states = () if self.engine is None else self.engine.snapshot()
        calls = []
        for state in states:
            known = self.calls.get(state.call)
            fact = known.incoming if known is not None else None
            calls.append(
                call_snapshot(
                    state,
                    caller=fact.from_user if fact else "",
                    address=fact.source if fact else "",
                    purpose=known.purpose if known else "call",
                )
            )
        there = {state.call for state in states}
        now = self.bus.clock.monotonic()
        calls += [
            contract.CallSnapshot(
                call=name,
                direction=known.direction,
                state=contract.CallState.DIALING,
                account=known.account,
                age_s=max(now - known.age_from, 0),
                purpose=known.purpose,
                limits=known.limits,
            )
            for name, known in self.calls.items()
            if name not in there and known.direction is contract.Direction.OUTGOING
        ]
        metrics.CALLS_UP.set(len(calls))
        return contract.SipSnapshot(
            source_epoch=self.bus.epoch,
            sequence=self.bus.sequence(self.door),
            policy_epoch=self.bus.gate.policy_epoch(self.door),
            calls=tuple(calls),
            accounts=tuple(self.accounts.values()),
        )

    def _lease_now(self) -> Lease:
        up = next((name for name, known in self.calls.items() if known.purpose == "call"), None)
        return Lease(
            kind="call",
            service="sip",
            subject_id=up,
            epoch=self.bus.epoch,
            sequence=self.bus.sequence(self.door),
        )
