"""The windows of a schedule on the wall clock, without time zones: naive datetimes.

- A schedule has one window a day, on the days that it is on: those of its `days`, of its date range (both included),
  and not on a holiday where these are excluded.
- A window whose end is not after its start ends on the next day; start and end alike are a whole day, and so is
  00:00 to 24:00. So no window is longer than a day.
- A window belongs to the day on which it begins: what began the evening before goes on into a holiday, and beyond the
  last date.
- Windows of a whole day on days in a row are one window.

Nothing here walks through time minute by minute, nor day by day over what is plain: a step costs at most a week and the
holidays, however far away the next window is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from doorbus.contract.document.schedule import EVERY_DAY, AnySchedule, DailySchedule, NormalSchedule, WeeklySchedule

LAST_DAY = date(9998, 12, 31)
"""No window begins later, so that all ends can be written down."""

_DAY = timedelta(days=1)
_MINUTES = 24 * 60


@dataclass(frozen=True)
class Rule:
    """A schedule in numbers.

    Attributes:
        first: no window begins before this day.
        last: nor after this one.
        weekdays: on which it is on, 0 = Monday.
        closed: days on which it is off.
        start: minutes after midnight.
        length: minutes, 1 to 1,440.
    """

    first: date
    last: date
    weekdays: frozenset[int]
    closed: frozenset[date]
    start: int
    length: int


def rule_of(schedule: AnySchedule, holidays: frozenset[date]) -> Rule:
    """Returns a schedule of the document in numbers."""
    first, last, days = date.min, LAST_DAY, EVERY_DAY
    match schedule:
        case DailySchedule():
            pass
        case WeeklySchedule():
            days = schedule.days
        case NormalSchedule():
            first, last, days = schedule.first_date, min(schedule.last_date, LAST_DAY), schedule.days
    start, end = _minutes(schedule.start), _minutes(schedule.end)
    return Rule(
        first=first,
        last=last,
        weekdays=frozenset(EVERY_DAY.index(day) for day in days),
        closed=holidays if schedule.holidays == "exclude" else frozenset(),
        start=start,
        length=end - start if end > start else end - start + _MINUTES,
    )


def windows(rule: Rule, since: date) -> Iterator[tuple[datetime, datetime | None]]:
    """Yields begin and end of each window that begins on `since` or later, in order; end None = for ever."""
    day = _next_on(rule, since)
    while day is not None:
        begin = datetime.combine(day, time()) + timedelta(minutes=rule.start)
        if rule.length < _MINUTES:
            yield begin, begin + timedelta(minutes=rule.length)
            day = _next_on(rule, day + _DAY)
            continue
        off = _next_off(rule, day)
        if off > LAST_DAY:
            yield begin, None
            return
        yield begin, datetime.combine(off, time()) + timedelta(minutes=rule.start)
        day = _next_on(rule, off)


def _next_on(rule: Rule, day: date) -> date | None:
    """Returns the first day from `day` on with a window, None when there is none any more."""
    day = max(day, rule.first)
    while day <= rule.last:
        if day.weekday() in rule.weekdays and day not in rule.closed:
            return day
        day += _DAY
    return None


def _next_off(rule: Rule, day: date) -> date:
    """Returns the first day from `day` on without a window."""
    if len(rule.weekdays) == len(EVERY_DAY):
        return min(rule.last + _DAY, min((each for each in rule.closed if each >= day), default=date.max))
    while day <= rule.last and day.weekday() in rule.weekdays and day not in rule.closed:
        day += _DAY
    return day


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)
