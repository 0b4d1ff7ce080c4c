"""Documents with schedules, and moments in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from doorbus.contract.document import Door, from_json

BERLIN = "Europe/Berlin"
_WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]
OFFICE = {"id": "office", "kind": "weekly", "days": _WORKDAYS, "start": "08:00", "end": "18:00"}


def daily(start: str, end: str, **more: Any) -> dict[str, Any]:
    """Returns a schedule `x` of every day."""
    return {"id": "x", "kind": "daily", "start": start, "end": end, **more}


def weekly(days: str, start: str, end: str, **more: Any) -> dict[str, Any]:
    """Returns a schedule `x` of some days, `mon tue`."""
    return {"id": "x", "kind": "weekly", "days": days.split(), "start": start, "end": end, **more}


def normal(first: str, last: str, start: str, end: str, **more: Any) -> dict[str, Any]:
    """Returns a schedule `x` of a date range."""
    return {"id": "x", "kind": "normal", "first_date": first, "last_date": last, "start": start, "end": end, **more}


def document(
    *schedules: Mapping[str, Any],
    zone: str = BERLIN,
    holidays: Sequence[str] = (),
    templates: Sequence[Mapping[str, Any]] = (),
    door: str = "front",
    **more: Any,
) -> Door:
    """Returns a door with these schedules."""
    schedule = {"schedules": list(schedules), "holidays": list(holidays), "templates": list(templates)}
    data = {"door": door, "timezone": zone, "schedule": schedule, **more}
    return from_json(json.dumps(data).encode())


def template(name: str, *schedules: str, numbers: Sequence[str] = ("sip:201@192.0.2.7",)) -> dict[str, Any]:
    """Returns a template."""
    return {"id": name, "name": name.title(), "numbers": list(numbers), "schedules": list(schedules)}


def local(text: str, zone: str = BERLIN, fold: int = 0) -> datetime:
    """Returns a wall-clock time, `2026-11-23 08:00`, in a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


def utc(text: str) -> datetime:
    """Returns a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
