"""Which schedules and templates are active at a moment, and when that next changes.

- A schedule is active from the begin of each of its windows (`windows`) until before its end, in the door's time zone;
  what begins or ends at a time that the zone's clock skips or repeats is told in `wall_clock`.
- Windows that touch are one: where the next begins when one ends, nothing changes. One that the clock skips altogether
  never was.
- A template is active while any of its schedules is.
- The next change is the first instant after the moment at which any schedule begins or ends; None where none ever will.

The result depends on the document and the moment alone. Its cost is bounded: some windows around the moment, and one
step to the next, however far that is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from doorbus.contract.document import Door
from doorbus.schedule.wall_clock import first_instant
from doorbus.schedule.windows import Rule, rule_of, windows

FIRST_YEAR, LAST_YEAR = 1900, 9990
"""Moments that can be asked for: the calendar needs some room at both ends."""

_LOOK_BACK = timedelta(days=2)
"""A window is at most a day long, and began by the wall clock at most two days before what the clock shows."""


@dataclass(frozen=True)
class Evaluation:
    """What holds from `at` until `next_change`.

    Attributes:
        at: the moment, in UTC.
        schedules: every schedule of the document by its id, and whether it is active.
        templates: every template, likewise.
        next_change: of any schedule, in UTC; None = never.
    """

    at: datetime
    schedules: Mapping[str, bool]
    templates: Mapping[str, bool]
    next_change: datetime | None


def evaluate(document: Door, at: datetime) -> Evaluation:
    """Returns what the document's schedules say at a moment.

    Args:
        document: of the door; its zone counts.
        at: aware, of the years `FIRST_YEAR` to `LAST_YEAR`.

    Raises:
        ValueError: `at` is naive or of another year.
    """
    if at.tzinfo is None:
        raise ValueError("the moment needs a time zone")
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise ValueError(f"the moment must be of the years {FIRST_YEAR} to {LAST_YEAR}")
    at = at.astimezone(UTC)
    zone = ZoneInfo(document.timezone)
    holidays = frozenset(document.schedule.holidays)
    active: dict[str, bool] = {}
    changes: list[datetime] = []
    for schedule in document.schedule.schedules:
        active[schedule.id], change = _at(rule_of(schedule, holidays), zone, at)
        if change is not None:
            changes.append(change)
    templates = {
        template.id: any(active[schedule] for schedule in template.schedules)
        for template in document.schedule.templates
    }
    return Evaluation(at, active, templates, min(changes, default=None))


def _at(rule: Rule, zone: tzinfo, at: datetime) -> tuple[bool, datetime | None]:
    """Returns whether a schedule is active, and when that next changes."""
    for begin, end in _spans(rule, zone, at):
        if end is not None and end <= at:
            continue
        return (False, begin) if begin > at else (True, end)
    return False, None


def _spans(rule: Rule, zone: tzinfo, around: datetime) -> Iterator[tuple[datetime, datetime | None]]:
    """Yields when the schedule is active, in order: those that may hold at a moment, and later ones."""
    since = around.astimezone(zone).date() - _LOOK_BACK
    held: tuple[datetime, datetime | None] | None = None
    for wall_begin, wall_end in windows(rule, since):
        begin = first_instant(wall_begin, zone)
        end = None if wall_end is None else first_instant(wall_end, zone)
        if end is not None and end <= begin:
            continue  # the clock skips all of it
        if held is None:
            held = begin, end
        elif held[1] is not None and begin <= held[1]:
            held = held[0], end
        else:
            yield held
            held = begin, end
    if held is not None:
        yield held
