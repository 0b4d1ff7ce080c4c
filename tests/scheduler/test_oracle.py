"""10,000 random schedules and moments in 12 time zones, against an independent oracle (`oracle.py`)."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.scheduler.documents import document
from tests.scheduler.oracle import DAY, FIRST, HOUR, LAST, Clock, Oracle, Plan

from doorbus.schedule import evaluate

ZONES = (
    "Africa/Casablanca",  # back and forth around Ramadan
    "America/Havana",  # forward at midnight
    "America/New_York",
    "America/Santiago",  # back and forth at midnight
    "America/St_Johns",  # once at 00:01
    "Antarctica/Troll",  # two hours
    "Asia/Tehran",  # half an hour beside the others, none any more
    "Australia/Lord_Howe",  # half an hour
    "Europe/Berlin",
    "Pacific/Apia",  # had no 2011-12-30
    "Pacific/Chatham",  # at 02:45 and 03:45
    "Pacific/Kwajalein",  # had no 1993-08-21
)
CASES = 10_000
LOOKED_AHEAD = 9 * DAY
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def moment(chance: random.Random, clock: Clock) -> datetime:
    """Returns a random moment, mostly around a clock change."""
    if chance.random() < 0.7:
        near = chance.choice(clock.changes).at + timedelta(seconds=chance.randrange(-2 * 86400, 2 * 86400))
        if FIRST + 30 * DAY < near < LAST - 400 * DAY:
            return near
    return FIRST + timedelta(seconds=chance.randrange(30 * 86400, (LAST - FIRST).days * 86400 - 400 * 86400))


def time_of_day(chance: random.Random, *, end: bool = False) -> str:
    """Returns a random time, mostly of the hours in which clocks change."""
    if end and chance.random() < 0.1:
        return "24:00"
    hour = chance.choice((0, 0, 1, 2, 2, 3, 23)) if chance.random() < 0.7 else chance.randrange(24)
    return f"{hour:02}:{chance.choice((0, 0, 1, 15, 30, 45, chance.randrange(60))):02}"


def case(chance: random.Random, around: datetime) -> tuple[dict[str, Any], list[str], Plan]:
    """Returns a random schedule as the document and as the oracle has it, with holidays."""
    day = around.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    start = time_of_day(chance)
    end = start if chance.random() < 0.1 else time_of_day(chance, end=True)
    days = tuple(chance.sample(DAYS, chance.randrange(1, 8)))
    first = last = None
    closed = [day + chance.randrange(-4, 12) * DAY for _ in range(chance.randrange(4))]
    schedule: dict[str, Any] = {"id": "x", "kind": chance.choice(("daily", "weekly", "normal")), "start": start}
    schedule["end"] = end
    match schedule["kind"]:
        case "daily":
            days = DAYS
        case "weekly":
            schedule["days"] = days
        case _:
            first = day + chance.randrange(-30, 10) * DAY
            last = first + chance.randrange(40) * DAY
            schedule |= {"days": days, "first_date": str(first.date()), "last_date": str(last.date())}
    schedule["holidays"] = chance.choice(("include", "exclude"))
    plan = Plan(start, end, days, first, last, tuple(closed) if schedule["holidays"] == "exclude" else ())
    return schedule, sorted({str(each.date()) for each in closed}), plan


@pytest.mark.parametrize("zone", ZONES)
def test_random_schedules(zone: str) -> None:
    """What is active, and the next change as far as the oracle looks ahead, are what the oracle says."""
    chance = random.Random(f"schedules of {zone}")
    clock = Clock(zone)
    seen = {True: 0, False: 0, None: 0}
    for number in range(-(-CASES // len(ZONES))):
        at = moment(chance, clock)
        schedule, holidays, plan = case(chance, at)
        evaluation = evaluate(document(schedule, zone=zone, holidays=holidays), at)
        oracle = Oracle(plan, clock, at, LOOKED_AHEAD.days)
        until = at + LOOKED_AHEAD
        change = evaluation.next_change
        what = (number, zone, schedule, holidays, at.isoformat())
        assert oracle.active(at) == evaluation.schedules["x"], what
        assert oracle.next_change(at, until) == (change if change is not None and change <= until else None), what
        seen[evaluation.schedules["x"]] += 1
        seen[None] += change is None or change > until
    assert all(count > CASES / len(ZONES) / 20 for count in seen.values()), f"too much alike: {seen}"


def test_the_oracle_sees_clock_changes() -> None:
    """It knows the changes by itself: two a year in Berlin, none in Apia after 2021 but a day that was left out."""
    berlin = [change.at for change in Clock("Europe/Berlin").changes if change.at.year == 2026]
    assert [at.isoformat() for at in berlin] == ["2026-03-29T01:00:00+00:00", "2026-10-25T01:00:00+00:00"]
    apia = [(change.at.isoformat(), change.after - change.before) for change in Clock("Pacific/Apia").changes]
    assert [each for each in apia if each[1] > 12 * HOUR] == [("2011-12-30T10:00:00+00:00", DAY)]
