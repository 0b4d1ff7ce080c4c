"""What changes the picture of a door: facts, snapshots of their owners, documents, the bus."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from doorbus.contract.calls import SipSnapshot
from doorbus.contract.document import Door
from doorbus.contract.leases import Lease
from doorbus.contract.lines import IoSnapshot
from doorbus.contract.schedules import ScheduleState
from doorbus.contract.status import Status
from doorbus.runtime.seen import Seen


@dataclass(frozen=True)
class Told:
    """An event, live or (`old`) from before we listened: an old one says how services are, and stands in the list."""

    seen: Seen
    old: bool = False


@dataclass(frozen=True)
class DocumentRead:
    """The document as it stands."""

    document: Door
    revision: int


@dataclass(frozen=True)
class SipRead:
    """Sip's state, as kept; `at` is when it was written, from which its ages count."""

    snapshot: SipSnapshot
    at: datetime


@dataclass(frozen=True)
class IoRead:
    """Io's state, as kept."""

    snapshot: IoSnapshot
    at: datetime


@dataclass(frozen=True)
class SchedulesRead:
    """The scheduler's state, as kept."""

    state: ScheduleState


@dataclass(frozen=True)
class StatusRead:
    """Policy's answer to `status`."""

    status: Status


@dataclass(frozen=True)
class PageIs:
    """Multicast's lease; None = nobody tells it any more."""

    lease: Lease | None


@dataclass(frozen=True)
class BusIs:
    """The bus went, or is back."""

    connected: bool


Input = Told | DocumentRead | SipRead | IoRead | SchedulesRead | StatusRead | PageIs | BusIs
