"""What must hold of any document at any moment, searched with Hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scheduler.documents import document

from doorbus.contract.document import Door
from doorbus.schedule import evaluate, first_instant

ZONES = ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Apia", "Africa/Casablanca")
CHANGES = ("2026-03-29", "2026-10-25", "2026-04-05", "2026-09-27", "2011-12-30", "2026-02-15")
"""Days on which these zones' clocks change, and a plain one lies near each."""

DAYS = st.lists(st.sampled_from(("mon", "tue", "wed", "thu", "fri", "sat", "sun")), min_size=1, unique=True)
TICK = timedelta(microseconds=1)

near_changes = st.builds(
    lambda day, away: datetime.fromisoformat(day).replace(tzinfo=UTC) + away,
    st.sampled_from(CHANGES),
    st.timedeltas(-timedelta(days=3), timedelta(days=3)),
)
moments = near_changes | st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
hours = st.sampled_from((0, 1, 2, 3, 8, 18, 22, 23))
times = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", hours, st.sampled_from((0, 1, 15, 30, 45, 59)))
dates = st.builds(
    lambda day, away: str((datetime.fromisoformat(day) + timedelta(days=away)).date()),
    st.sampled_from(CHANGES),
    st.integers(-5, 5),
)


@st.composite
def doors(draw: st.DrawFn) -> Door:
    """Draws a door with up to three schedules and a template of each."""
    schedules: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(("daily", "weekly", "normal")))
        schedule: dict[str, Any] = {
            "id": f"s{number}",
            "kind": kind,
            "start": draw(times),
            "end": draw(times | st.just("24:00")),
        }
        schedule["holidays"] = draw(st.sampled_from(("include", "exclude")))
        if kind != "daily":
            schedule["days"] = draw(DAYS)
        if kind == "normal":
            schedule["first_date"], schedule["last_date"] = sorted((draw(dates), draw(dates)))
        schedules.append(schedule)
    ids = [schedule["id"] for schedule in schedules]
    templates = [
        {"id": f"t{number}", "name": "T", "numbers": ["sip:1@192.0.2.7"], "schedules": chosen}
        for number, chosen in enumerate(
            draw(st.lists(st.lists(st.sampled_from(ids), min_size=1, unique=True), max_size=2))
        )
    ]
    holidays = draw(st.lists(dates, max_size=3, unique=True))
    return document(*schedules, zone=draw(st.sampled_from(ZONES)), holidays=holidays, templates=templates)


@settings(max_examples=250, deadline=None)
@given(door=doors(), at=moments, parts=st.lists(st.floats(0, 1, exclude_max=True), min_size=5, max_size=20))
def test_nothing_changes_before_the_next_change(door: Door, at: datetime, parts: list[float]) -> None:
    """At no moment between now and the next change is anything else active, and the next change stays the same."""
    now = evaluate(door, at)
    far = now.next_change or at + timedelta(days=1000)
    for moment in [at + part * (far - at) for part in parts] + [far - TICK]:
        if at <= moment < far:
            between = evaluate(door, moment)
            assert (now.schedules, now.templates) == (between.schedules, between.templates), moment
            assert now.next_change == between.next_change, moment


@settings(max_examples=250, deadline=None)
@given(door=doors(), at=moments)
def test_something_changes_at_the_next_change(door: Door, at: datetime) -> None:
    """A boundary lies ahead, and what is active differs just before it and at it."""
    boundary = evaluate(door, at).next_change
    if boundary is not None:
        assert boundary > at
        assert evaluate(door, boundary - TICK).schedules != evaluate(door, boundary).schedules


@settings(max_examples=200, deadline=None)
@given(door=doors(), at=moments, zone=st.sampled_from(ZONES))
def test_the_result_depends_on_the_moment_alone(door: Door, at: datetime, zone: str) -> None:
    """Asked again, or in another zone's words, the same is answered."""
    assert evaluate(door, at) == evaluate(door, at) == evaluate(door, at.astimezone(ZoneInfo(zone)))


@settings(max_examples=200, deadline=None)
@given(door=doors(), at=moments)
def test_templates_follow_their_schedules(door: Door, at: datetime) -> None:
    """Every schedule and template of the document is told; a template is active if and only if one of its own is."""
    evaluation = evaluate(door, at)
    assert [schedule.id for schedule in door.schedule.schedules] == list(evaluation.schedules)
    for template in door.schedule.templates:
        active = any(evaluation.schedules[schedule] for schedule in template.schedules)
        assert active == evaluation.templates[template.id]


@settings(max_examples=250, deadline=None)
@given(at=near_changes, zone=st.sampled_from(ZONES), later=st.timedeltas(timedelta(), timedelta(days=2)))
def test_later_times_never_come_earlier(at: datetime, zone: str, later: timedelta) -> None:
    """The clock shows a time or a later one at its instant, an earlier one just before it; instants keep the order."""
    wall, place = at.replace(tzinfo=None, microsecond=0), ZoneInfo(zone)
    instant = first_instant(wall, place)
    assert instant.astimezone(place).replace(tzinfo=None) >= wall
    assert (instant - TICK).astimezone(place).replace(tzinfo=None) < wall
    assert first_instant((wall + later).replace(microsecond=0), place) >= instant
