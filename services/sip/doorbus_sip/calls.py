"""The engine's record of one call, and what a snapshot says about it."""

from dataclasses import dataclass, field
from typing import Literal

from doorbus.contract.calls import DtmfMethod
from doorbus_sip import ringset
from doorbus_sip.facts import Reason
from doorbus_sip.limits import Limits

Direction = Literal["in", "out"]
State = Literal["dialing", "incoming", "ringing", "answered"]


@dataclass(slots=True)
class Record:
    """One call in progress. Times are monotonic seconds. `silent`: nothing of it is heard at the door."""

    call: str
    direction: Direction
    account: str | None
    peer: str
    started: float
    limits: Limits
    legs: dict[str, str]
    state: State
    ring: ringset.RingSet | None = None
    leg: str | None = None
    answered: float | None = None
    accepting: bool = False
    silent: bool = False
    warned: bool = False
    held: set[str] = field(default_factory=set)
    dtmf: DtmfMethod | None = None
    reason: Reason | None = None
    final: bool = True
    early: str | None = None


@dataclass(frozen=True, slots=True)
class LegSnapshot:
    """A leg: its id, its URI and its phase."""

    leg: str
    uri: str
    state: str


@dataclass(frozen=True, slots=True)
class CallSnapshot:
    """A call as it is now; ages in seconds, `None` for what has not happened."""

    call: str
    direction: Direction
    state: State
    account: str | None
    peer: str
    legs: tuple[LegSnapshot, ...]
    leg: str | None
    age_s: float
    answered_age_s: float | None
    held_by: tuple[str, ...]
    limits: Limits


def snapshot(record: Record, now: float) -> CallSnapshot:
    """The record at the time `now`."""
    phases = record.ring.legs if record.ring is not None else {}
    return CallSnapshot(
        call=record.call,
        direction=record.direction,
        state=record.state,
        account=record.account,
        peer=record.peer,
        legs=tuple(
            LegSnapshot(leg, uri, phases[leg].name.lower() if leg in phases else record.state)
            for leg, uri in record.legs.items()
        ),
        leg=record.leg,
        age_s=now - record.started,
        answered_age_s=None if record.answered is None else now - record.answered,
        held_by=tuple(sorted(record.held)),
        limits=record.limits,
    )
