"""What a relay's core knows (its state), hears (events) and wants done (effects)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from doorbus.contract.lines import Cause

ResetReason = Literal["hold", "order", "max_on", "stopped", "reconfigured", "chip_lost"]


@dataclass(frozen=True)
class RelayTimes:
    """The times of a relay, seconds.

    Attributes:
        delay_s: from a pulse to energising.
        hold_s: how long one pulse holds.
        max_on_s: the most that pulses can keep it energised.
    """

    delay_s: float
    hold_s: float
    max_on_s: float


@dataclass(frozen=True)
class Reason:
    """Why it shall be energised, and by which order (None = the exit button); `untold`: rule 10 of `relay.py`."""

    cause: Cause
    command: str | None = None
    untold: bool = False


@dataclass(frozen=True)
class Resting:
    """The line is at rest."""


@dataclass(frozen=True)
class Delayed:
    """The line is at rest; a pulse is pending until `due` (monotonic seconds, as all times here)."""

    due: float
    reason: Reason


@dataclass(frozen=True)
class LastingPulse:
    """A pulse, with those that restarted it.

    Attributes:
        began: when the first of them began to count.
        ends: when it is over.
        cut: `max_on_s` ends it before its `hold_s` would.
        reason: of the latest.
    """

    began: float
    ends: float
    cut: bool
    reason: Reason


@dataclass(frozen=True)
class LastingHold:
    """A hold for the call that its reason names; over at `ends` at the latest."""

    ends: float
    reason: Reason


Lasting = LastingPulse | LastingHold


@dataclass(frozen=True)
class Energised:
    """The line is active.

    Attributes:
        since: when it became active.
        lasting: what keeps it so, never empty; what came or was renewed latest stands last.
        told: somebody was told that it is active.
    """

    since: float
    lasting: tuple[Lasting, ...]
    told: bool

    @property
    def ends(self) -> float:
        """When it rests by itself."""
        return max(each.ends for each in self.lasting)

    @property
    def reason(self) -> Reason:
        """Of the latest pulse or hold that lasts."""
        return self.lasting[-1].reason


Phase = Resting | Delayed | Energised


@dataclass(frozen=True)
class Relay:
    """A relay's times, where it is, and from when to when it was energised the last time before."""

    times: RelayTimes
    phase: Phase = Resting()
    last_since: float = -math.inf
    last_until: float = -math.inf


@dataclass(frozen=True)
class Pulse:
    """Energise for the relay's own hold."""

    reason: Reason


@dataclass(frozen=True)
class Hold:
    """Energise until the reset for the call that the reason names, at most `max_s` seconds from now."""

    max_s: float
    reason: Reason


@dataclass(frozen=True)
class Reset:
    """Come to rest, or end only the hold for `call`."""

    why: ResetReason
    call: str | None = None


@dataclass(frozen=True)
class TimePassed:
    """The deadline may have come."""


RelayEvent = Pulse | Hold | Reset | TimePassed


@dataclass(frozen=True)
class ReportEnergised:
    """The line is active for so many seconds more.

    Attributes:
        move: it was at rest, so it must be driven first.
    """

    reason: Reason
    for_s: float
    move: bool


@dataclass(frozen=True)
class ReportReset:
    """The line was active for `on_s` seconds and must be driven to rest.

    Attributes:
        reason: of the pulse or hold that ended last.
        told: somebody was told that it was active.
    """

    why: ResetReason
    on_s: float
    reason: Reason
    told: bool = True


@dataclass(frozen=True)
class ReportDropped:
    """A delayed pulse came due `late_s` seconds ago and is too old to be done."""

    reason: Reason
    late_s: float


RelayEffect = ReportEnergised | ReportReset | ReportDropped
Effects = tuple[RelayEffect, ...]
