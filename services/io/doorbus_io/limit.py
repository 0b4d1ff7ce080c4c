"""The limit of one input's changes: which of them are told.

A wire that breaks, a contact in the wind, a kernel that cannot debounce: such a line changes hundreds of times a
second, and its events would flood the bus and push a month of real ones out of the stream.

The rules in words:

1. Each press or opening takes from a bucket of `BURST` that fills with `PER_S`. While it is not empty, changes are
   told as they come. A release or closing is always told when what it ends was: nobody takes a flood for a finger that
   stays on the button.
2. The first press or opening that finds the bucket empty begins a flood: `input.limited` is told once, and no change
   from then on.
3. The flood is over when the line has stood still for `CALM_S`: then the sum is told (`over`), and after it the last
   change if it says something else than the last one told. So nobody goes on believing that a closed door is open.
4. That last change keeps the time of the line. `CALM_S` is longer than a trigger lives, so a press told so late rings
   nobody.
5. What a contact's opening means (forced, left open) is told at once outside a flood. Within one, the first of each
   kind is told at once, because somebody may break in through a flapping contact; the further ones wait for the calm
   and are told with it when they are about the opening that lasts.
6. A change that is left out still does its work: an exit button opens its relay when that rests (`door_inputs.py`).
   Such openings are not told one by one, the sum counts them.

What is told so has a bound: in `t` seconds at most `BURST + PER_S * t` presses with their releases, and for each flood,
of which there is at most one in `CALM_S`, seven events more. State and snapshot always say how the line stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from doorbus.contract.base import TRIGGER_FRESH_S
from doorbus.contract.lines import InputEvent, InputLimited
from doorbus.rate import Bucket

BURST = 10
"""Presses: a child that hammers the button as fast as a person can, five times a second, for four seconds."""

PER_S = 2.5
"""Presses a second that may go on for ever: somebody who wants to get in presses twice a second at most; a visitor who
goes on faster for longer is heard once he stops."""

CALM_S = TRIGGER_FRESH_S + 1.0
"""How long a line stands still before it is believed again: longer than a late press may ring, and than the bucket
takes to fill, so that a flood's end does not begin the next one."""


@dataclass(frozen=True)
class Change:
    """The line became `active` (pressed, open) or not, at `at` (monotonic seconds, as all times here)."""

    fact: InputEvent
    active: bool
    at: float


@dataclass(frozen=True)
class Alarm:
    """What the last change means: the door was forced, or left open."""

    fact: InputEvent
    at: float


@dataclass(frozen=True)
class UntoldUnlock:
    """The change that was left out just now opened a relay."""


@dataclass(frozen=True)
class TimePassed:
    """The deadline may have come."""


LimitEvent = Change | Alarm | UntoldUnlock | TimePassed


@dataclass(frozen=True)
class Flood:
    """Changes are left out.

    Attributes:
        began: when the first one was.
        last: the latest one.
        dropped: how many there were.
        unlocks: how many of them opened a relay.
        alarms: kinds of alarm that were told in this flood.
        waiting: alarms about the last change that were not.
    """

    began: float
    last: Change
    dropped: int = 1
    unlocks: int = 0
    alarms: frozenset[str] = frozenset()
    waiting: tuple[Alarm, ...] = ()


@dataclass(frozen=True)
class Limit:
    """The limit of one input; `told` is the last change that was told."""

    bucket: Bucket = field(default_factory=lambda: Bucket(BURST, PER_S))
    told: InputEvent | None = None
    flood: Flood | None = None


@dataclass(frozen=True)
class Report:
    """Tell this fact of `at`; `prompt`: a change of the line, told as it came."""

    fact: InputEvent
    at: float
    prompt: bool = False


Effects = tuple[Report, ...]


def step(limit: Limit, event: LimitEvent, now: float) -> tuple[Limit, Effects]:
    """Returns the limit after `event` at `now`, and what to tell, in order."""
    match event:
        case Change(at=at):
            limit, over = _calm(limit, at)
            limit, told = _change(limit, event)
            return limit, over + told
        case Alarm():
            return _alarm(limit, event)
        case UntoldUnlock() if limit.flood is not None:
            return replace(limit, flood=replace(limit.flood, unlocks=limit.flood.unlocks + 1)), ()
        case UntoldUnlock():
            return limit, ()
        case TimePassed():
            return _calm(limit, now)


def deadline(limit: Limit) -> float | None:
    """Returns when the flood will be over if nothing changes any more, None without one."""
    return None if limit.flood is None else limit.flood.last.at + CALM_S


def _change(limit: Limit, change: Change) -> tuple[Limit, Effects]:
    if limit.flood is not None:
        flood = replace(limit.flood, last=change, dropped=limit.flood.dropped + 1, waiting=())
        return replace(limit, flood=flood), ()
    bucket, allowed = limit.bucket.take(change.at) if change.active else (limit.bucket, True)
    if allowed:
        return replace(limit, bucket=bucket, told=change.fact), (Report(change.fact, change.at, prompt=True),)
    return replace(limit, flood=Flood(change.at, change)), (Report(_limited(change.fact, dropped=1), change.at),)


def _alarm(limit: Limit, alarm: Alarm) -> tuple[Limit, Effects]:
    flood, report = limit.flood, Report(alarm.fact, alarm.at)
    if flood is None:
        return limit, (report,)
    if alarm.fact.what in flood.alarms:
        return replace(limit, flood=replace(flood, waiting=(*flood.waiting, alarm))), ()
    return replace(limit, flood=replace(flood, alarms=flood.alarms | {alarm.fact.what})), (report,)


def _calm(limit: Limit, now: float) -> tuple[Limit, Effects]:
    due, flood = deadline(limit), limit.flood
    if due is None or now < due or flood is None:
        return limit, ()
    last = flood.last
    over = _limited(
        last.fact, dropped=flood.dropped, over_s=max(last.at - flood.began, 0.0), over=True, unlocks=flood.unlocks
    )
    late = () if last.fact == limit.told else (Report(last.fact, last.at),)
    waiting = tuple(Report(each.fact, each.at) for each in flood.waiting)
    return replace(limit, told=last.fact, flood=None), (Report(over, now), *late, *waiting)


def _limited(
    fact: InputEvent, *, dropped: int, over_s: float = 0.0, over: bool = False, unlocks: int = 0
) -> InputLimited:
    return InputLimited(input=fact.input, kind=fact.kind, dropped=dropped, over_s=over_s, over=over, unlocks=unlocks)
