"""From wall-clock times to instants.

One rule: what stands at a wall-clock time happens **at the first instant at which the door's clock shows that time or a
later one**. So

- a time that the clock skips (spring, or a day that a country left out) happens at the moment when it skips it;
- a time that the clock shows twice (autumn) happens the first time, and nothing happens while it repeats the hour;
- later times never happen earlier than earlier ones.

RFC 5545 (3.3.5) says the same about repeated times; skipped ones it moves past the gap, which we do not: a door that
shall be open from 02:30 opens when the clocks go from 02:00 to 03:00, and not at 03:30.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

_SECOND = timedelta(seconds=1)


def first_instant(wall: datetime, zone: tzinfo) -> datetime:
    """Returns the first instant at which a clock of `zone` shows `wall` or later.

    Args:
        wall: naive, in whole seconds, not in the first or last year of the calendar.
        zone: of the door, with `fold` as in PEP 495.

    Returns:
        In UTC.
    """
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _shown(instant, zone) == wall:
        return instant
    # The clock skips it. By the offset after the change it would be before the change, by the one before it, after.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    seconds = (instant - before) // _SECOND
    low, high = 0, seconds  # shown before + low < wall <= shown before + high; clocks change at whole seconds
    while high - low > 1:
        middle = (low + high) // 2
        if _shown(before + middle * _SECOND, zone) < wall:
            low = middle
        else:
            high = middle
    return before + high * _SECOND


def _shown(instant: datetime, zone: tzinfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)
