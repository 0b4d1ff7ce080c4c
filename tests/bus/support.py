"""What the bus tests share: the type of the `make_bus` fixture and a collector of events."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from doorbus.contract.base import Event, new_id
from doorbus.contract.envelope import Envelope
from doorbus.runtime.bus import Bus


class MakeBus(Protocol):
    """Makes a process's place on the bus."""

    def __call__(
        self, service: str = "io", doors: str = "front", url: str | None = None, wait: bool = True
    ) -> Awaitable[Bus]:
        """Connects as `service` and, when `wait`, waits until bus time is known."""
        ...


class Collector:
    """Collects what an event reader calls back with."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Event, Envelope]] = []
        self.gaps: list[tuple[str, str]] = []

    def on_event(self, door: str, event: Event, envelope: Envelope) -> None:
        """Takes an event."""
        self.events.append((door, event, envelope))

    def on_gap(self, door: str, service: str) -> None:
        """Takes a gap."""
        self.gaps.append((door, service))

    def of(self, kind: type[Event]) -> list[Event]:
        """Returns the events of a kind."""
        return [event for _, event, _ in self.events if isinstance(event, kind)]


def body(now: datetime | None = None, **fields: object) -> dict[str, object]:
    """Returns a command's body that expires in 2 s from `now` (this host's time)."""
    moment = now or datetime.now(UTC)
    return {
        "id": new_id(),
        "issued_at": moment.isoformat(),
        "expires_at": (moment + timedelta(seconds=2)).isoformat(),
        **fields,
    }
