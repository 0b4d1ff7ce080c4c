"""Schedules by other means: python-dateutil's recurrence rules and its own time zones.

Not a line is shared with `doorbus.schedule`, nor the way of thinking. Here a wall clock **never goes back**: set back,
it stands until the hour has passed. Such a clock shows nothing twice, so a recurrence rule on it needs no time zone.
`doorbus.schedule` turns boundaries into instants instead.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cached_property

from dateutil import rrule, tz

FIRST, LAST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2037, 1, 1, tzinfo=UTC)
"""The years whose clock changes are looked up; dateutil knows none after 2037."""

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
_WEEKDAYS = dict(zip(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), rrule.weekdays, strict=True))


@dataclass(frozen=True)
class Change:
    """A change of a zone's clock."""

    at: datetime
    before: timedelta
    after: timedelta


class Clock:
    """The clock of a zone, as dateutil knows it."""

    def __init__(self, name: str) -> None:
        zone = tz.gettz(name)
        assert zone is not None
        self.name = name
        self._zone = zone

    def shows(self, at: datetime) -> datetime:
        """Returns what it shows, naive."""
        return at.astimezone(self._zone).replace(tzinfo=None)

    @cached_property
    def changes(self) -> list[Change]:
        """All its changes from `FIRST` to `LAST`."""
        found = []
        at, offset = FIRST, self._offset(FIRST)
        while at < LAST:
            later = self._offset(at + 6 * HOUR)
            if later != offset:
                low, high = at, at + 6 * HOUR
                while high - low > SECOND:
                    middle = low + (high - low) // 2
                    middle = middle.replace(microsecond=0)
                    low, high = (low, middle) if self._offset(middle) == later else (middle, high)
                found.append(Change(high, offset, later))
                offset = later
            at += 6 * HOUR
        return found

    def shown_most(self, at: datetime) -> datetime:
        """Returns the latest time that it has shown until `at`: a microsecond before the hour that it repeats."""
        shown = self.shows(at)
        last = bisect_right(self._backward, at, key=lambda change: change.at) - 1
        if last >= 0:
            change = self._backward[last]
            stood_at = (change.at + change.before).replace(tzinfo=None) - timedelta(microseconds=1)
            return max(shown, stood_at)
        return shown

    def first_shows(self, wall: datetime) -> datetime:
        """Returns when it first shows a time or a later one."""
        guess = wall.replace(tzinfo=UTC)
        place = bisect_right(self.changes, guess - 2 * DAY, key=lambda change: change.at)
        for change in self.changes[place : place + 3]:
            skipped = [(change.at + offset).replace(tzinfo=None) for offset in (change.before, change.after)]
            if skipped[0] <= wall < skipped[1]:
                return change.at
        return tz.resolve_imaginary(wall.replace(tzinfo=self._zone, fold=0)).astimezone(UTC)

    @cached_property
    def _backward(self) -> list[Change]:
        return [change for change in self.changes if change.after < change.before]

    def _offset(self, at: datetime) -> timedelta:
        offset = at.astimezone(self._zone).utcoffset()
        assert offset is not None
        return offset


@dataclass(frozen=True)
class Plan:
    """A schedule, in the words of the document."""

    start: str
    end: str
    days: tuple[str, ...]
    first: datetime | None
    last: datetime | None
    closed: tuple[datetime, ...]
    """Naive midnights, like `first` and `last`."""


class Oracle:
    """What a plan says from `around` on, for some days."""

    def __init__(self, plan: Plan, clock: Clock, around: datetime, days: int) -> None:
        self._clock = clock
        hours, minutes = (int(part) for part in plan.start.split(":"))
        midnight = datetime.combine(clock.shows(around), time()) - 4 * DAY
        begin = max(midnight, plan.first or midnight)
        until = midnight + (days + 8) * DAY
        if plan.last is not None:
            until = min(until, plan.last + DAY - SECOND)
        rules = rrule.rruleset()
        if begin <= until:
            rules.rrule(
                rrule.rrule(
                    rrule.DAILY,
                    dtstart=begin.replace(hour=hours, minute=minutes),
                    until=until,
                    byweekday=[_WEEKDAYS[day] for day in plan.days],
                )
            )
        for day in plan.closed:
            rules.exdate(day.replace(hour=hours, minute=minutes))
        end_hours, end_minutes = (int(part) for part in plan.end.split(":"))
        length = timedelta(hours=end_hours - hours, minutes=end_minutes - minutes)
        self._length = length if length > timedelta() else length + DAY
        self._starts: list[datetime] = list(rules)

    def active(self, at: datetime) -> bool:
        """Tells whether it is active at a moment."""
        shown = self._clock.shown_most(at)
        place = bisect_right(self._starts, shown) - 1
        return place >= 0 and shown < self._starts[place] + self._length

    def next_change(self, after: datetime, until: datetime) -> datetime | None:
        """Returns the first change after a moment, None where there is none until another."""
        walls = {wall for start in self._starts for wall in (start, start + self._length)}
        for moment in sorted(self._clock.first_shows(wall) for wall in walls):
            if after < moment <= until and self.active(moment) != self.active(moment - SECOND):
                return moment
        return None
