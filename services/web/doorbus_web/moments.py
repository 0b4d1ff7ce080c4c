"""Moments and durations as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def clock(moment: datetime, zone: str = "UTC", now: datetime | None = None) -> str:
    """Returns the wall clock of a zone: `14:03:22`, with the day before it where that is not today's."""
    local = moment.astimezone(ZoneInfo(zone))
    today = (now or datetime.now(UTC)).astimezone(ZoneInfo(zone)).date()
    if local.date() == today:
        return f"{local:%H:%M:%S}"
    return f"{local:%a} {local.day} {local:%b %H:%M:%S}"


def how_long(seconds: float) -> str:
    """Returns a duration: `7 s`, `2 min 5 s`, `3 h 20 min`."""
    whole = timedelta(seconds=round(seconds))
    hours, rest = divmod(int(whole.total_seconds()), 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {left} s" if minutes else f"{left} s"
