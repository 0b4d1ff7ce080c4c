"""One relay: when its line is active, and when it comes to rest.

The rules in words:

1. A pulse energises the relay after its `delay_s`, for its `hold_s`.
2. A pulse while a delayed one is pending changes nothing: the first one's delay goes on, so that repeated pulses
   cannot keep a door shut.
3. A pulse while the relay is energised works at once and restarts the hold; it never shortens the time left.
4. No pulse keeps the relay energised beyond its bound: `max_on_s` counted from energising.
5. A hold (a relay held for a call) energises at once, and moves the bound to its own `max_s` counted from the hold,
   when that is later; it takes a pending delayed pulse with it.
6. A reset wins at once: the line rests and a pending pulse is dropped.
7. What is due is done before anything new. A delayed pulse that is overdue by more than a command may live (the
   process was stopped meanwhile) is dropped: nobody waits at the door any more.
8. Each pulse and hold that finds or makes the relay energised is told, with the seconds that are left; each return to
   rest is told once.

So a relay always comes to rest, whatever comes in whatever order: time alone brings it there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from doorbus.contract.base import COMMAND_LIFETIME_S
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
    """Why it shall be energised, and by which order (None = the exit button)."""

    cause: Cause
    command: str | None = None


@dataclass(frozen=True)
class Resting:
    """The line is at rest."""


@dataclass(frozen=True)
class Delayed:
    """The line is at rest; a pulse is pending until `due` (monotonic seconds, as all times here)."""

    due: float
    reason: Reason


@dataclass(frozen=True)
class Energised:
    """The line is active.

    Attributes:
        since: when it became active.
        ends: when it rests by itself; never after `bound`.
        bound: no pulse moves `ends` beyond it.
        cut: `ends` is earlier than the hold wanted, the hard maximum says so.
        reason: of the latest pulse or hold.
    """

    since: float
    ends: float
    bound: float
    cut: bool
    reason: Reason


Phase = Resting | Delayed | Energised


@dataclass(frozen=True)
class Relay:
    """A relay's times and where it is."""

    times: RelayTimes
    phase: Phase = Resting()


@dataclass(frozen=True)
class Pulse:
    """Energise for the relay's own hold."""

    reason: Reason


@dataclass(frozen=True)
class Hold:
    """Energise until reset, at most `max_s` seconds from now."""

    max_s: float
    reason: Reason


@dataclass(frozen=True)
class Reset:
    """Come to rest."""

    why: ResetReason


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
    """The line was active for `on_s` seconds and must be driven to rest."""

    why: ResetReason
    on_s: float


@dataclass(frozen=True)
class ReportDropped:
    """A delayed pulse came due `late_s` seconds ago and is too old to be done."""

    reason: Reason
    late_s: float


RelayEffect = ReportEnergised | ReportReset | ReportDropped
Effects = tuple[RelayEffect, ...]


def step(relay: Relay, event: RelayEvent, now: float) -> tuple[Relay, Effects]:
    """Returns the relay after `event` at `now`, and what to do, in order."""
    relay, due = _do_what_is_due(relay, now)
    relay, effects = _take(relay, event, now)
    return relay, due + effects


def deadline(relay: Relay) -> float | None:
    """Returns when time alone changes something next, None when it does not."""
    match relay.phase:
        case Delayed(due=due):
            return due
        case Energised(ends=ends):
            return ends
        case Resting():
            return None


def _do_what_is_due(relay: Relay, now: float) -> tuple[Relay, Effects]:
    match relay.phase:
        case Delayed(due=due, reason=reason) if now - due > COMMAND_LIFETIME_S:
            return replace(relay, phase=Resting()), (ReportDropped(reason, now - due),)
        case Delayed(due=due, reason=reason) if now >= due:
            return _pulse_at_rest(relay, reason, now)
        case Energised(ends=ends, cut=cut) if now >= ends:
            return _rest(relay, "max_on" if cut else "hold", now)
        case _:
            return relay, ()


def _take(relay: Relay, event: RelayEvent, now: float) -> tuple[Relay, Effects]:
    match event, relay.phase:
        case TimePassed(), _:
            return relay, ()
        case Reset(why), _:
            return _rest(relay, why, now)
        case Pulse(reason), Resting() if relay.times.delay_s > 0:
            return replace(relay, phase=Delayed(now + relay.times.delay_s, reason)), ()
        case Pulse(reason), Resting():
            return _pulse_at_rest(relay, reason, now)
        case Pulse(), Delayed():
            return relay, ()
        case Pulse(reason), Energised() as phase:
            return _pulse_again(relay, phase, reason, now)
        case Hold(max_s=max_s), _ if max_s <= 0:
            return relay, ()
        case Hold(max_s, reason), Resting():
            phase = Energised(now, now + max_s, now + max_s, cut=True, reason=reason)
            return replace(relay, phase=phase), (ReportEnergised(reason, max_s, move=True),)
        case Hold(), Delayed(reason=pending):
            relay, first = _pulse_at_rest(relay, pending, now)
            relay, second = _take(relay, event, now)
            return relay, first + second
        case Hold(max_s, reason), Energised() as phase:
            return _hold_on(relay, phase, max_s, reason, now)
    raise TypeError(f"no rule for {event!r} while {relay.phase!r}")


def _pulse_at_rest(relay: Relay, reason: Reason, now: float) -> tuple[Relay, Effects]:
    for_s = min(relay.times.hold_s, relay.times.max_on_s)
    cut = relay.times.hold_s > relay.times.max_on_s
    phase = Energised(now, now + for_s, now + relay.times.max_on_s, cut, reason)
    return replace(relay, phase=phase), (ReportEnergised(reason, for_s, move=True),)


def _pulse_again(relay: Relay, phase: Energised, reason: Reason, now: float) -> tuple[Relay, Effects]:
    wanted = now + relay.times.hold_s
    ends = max(phase.ends, min(wanted, phase.bound))
    cut = phase.cut if ends == phase.ends and wanted <= ends else wanted > ends
    after = replace(phase, ends=ends, cut=cut, reason=reason)
    return replace(relay, phase=after), (ReportEnergised(reason, ends - now, move=False),)


def _hold_on(relay: Relay, phase: Energised, max_s: float, reason: Reason, now: float) -> tuple[Relay, Effects]:
    if now + max_s <= phase.ends:
        after = replace(phase, reason=reason)
    else:
        after = replace(phase, ends=now + max_s, bound=max(phase.bound, now + max_s), cut=True, reason=reason)
    return replace(relay, phase=after), (ReportEnergised(reason, after.ends - now, move=False),)


def _rest(relay: Relay, why: ResetReason, now: float) -> tuple[Relay, Effects]:
    rested = replace(relay, phase=Resting())
    match relay.phase:
        case Energised(since=since):
            return rested, (ReportReset(why, now - since),)
        case _:
            return rested, ()
