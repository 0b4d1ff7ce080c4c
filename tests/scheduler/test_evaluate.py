"""The rules of schedules by example. 2026-11-23 is a Monday."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.scheduler.documents import BERLIN, OFFICE, daily, document, local, normal, template, utc, weekly

from doorbus.contract.document import Door
from doorbus.schedule import evaluate, template_for

TICK = timedelta(microseconds=1)


def changes(door: Door, since: datetime, count: int) -> list[tuple[datetime, bool]]:
    """Returns the next changes of schedule `x`: when, and whether it is active from then on."""
    found = []
    at: datetime | None = since
    for _ in range(count):
        assert at is not None
        at = evaluate(door, at).next_change
        if at is None:
            break
        found.append((at, evaluate(door, at).schedules["x"]))
    return found


@pytest.mark.parametrize(
    ("schedule", "at", "active", "next_change"),
    [
        pytest.param(daily("08:00", "18:00"), "2026-11-23 07:59", False, "2026-11-23 08:00", id="before"),
        pytest.param(daily("08:00", "18:00"), "2026-11-23 08:00", True, "2026-11-23 18:00", id="the start is in it"),
        pytest.param(daily("08:00", "18:00"), "2026-11-23 18:00", False, "2026-11-24 08:00", id="the end is not"),
        pytest.param(daily("22:00", "06:00"), "2026-11-23 03:00", True, "2026-11-23 06:00", id="after midnight"),
        pytest.param(daily("22:00", "06:00"), "2026-11-23 23:00", True, "2026-11-24 06:00", id="before midnight"),
        pytest.param(daily("20:00", "24:00"), "2026-11-23 21:00", True, "2026-11-24 00:00", id="until 24:00"),
        pytest.param(daily("20:00", "00:00"), "2026-11-23 21:00", True, "2026-11-24 00:00", id="until 00:00"),
        pytest.param(daily("00:00", "24:00"), "2026-11-23 21:00", True, None, id="always"),
        pytest.param(daily("09:30", "09:30"), "2026-11-23 09:30", True, None, id="start and end alike are a whole day"),
        pytest.param(weekly("mon", "08:00", "08:00"), "2026-11-24 07:59", True, "2026-11-24 08:00", id="24 hours"),
        pytest.param(weekly("mon tue", "00:00", "24:00"), "2026-11-23 12:00", True, "2026-11-25 00:00", id="two days"),
        pytest.param(weekly("sat sun", "10:00", "12:00"), "2026-11-23 12:00", False, "2026-11-28 10:00", id="weekend"),
        pytest.param(weekly("sun", "22:00", "06:00"), "2026-11-23 05:00", True, "2026-11-23 06:00", id="since Sunday"),
        pytest.param(weekly("mon", "22:00", "06:00"), "2026-11-23 05:00", False, "2026-11-23 22:00", id="not since"),
        pytest.param(
            normal("2026-11-24", "2026-11-25", "08:00", "18:00"),
            "2026-11-23 12:00",
            False,
            "2026-11-24 08:00",
            id="before the first date",
        ),
        pytest.param(
            normal("2026-11-20", "2026-11-23", "08:00", "18:00"), "2026-11-23 18:00", False, None, id="after the last"
        ),
        pytest.param(
            normal("2026-11-20", "2026-11-22", "22:00", "06:00"),
            "2026-11-23 05:00",
            True,
            "2026-11-23 06:00",
            id="what began on the last date goes on",
        ),
        pytest.param(
            normal("2026-11-23", "2026-12-31", "08:00", "18:00", days=["wed"]),
            "2026-11-23 12:00",
            False,
            "2026-11-25 08:00",
            id="days of a range",
        ),
        pytest.param(
            normal("2026-11-24", "2026-11-28", "08:00", "18:00", days=["sun"]),
            "2026-11-23 12:00",
            False,
            None,
            id="a range without any of its days",
        ),
        pytest.param(
            normal("2026-11-20", "2026-11-25", "00:00", "24:00"),
            "2026-11-23 12:00",
            True,
            "2026-11-26 00:00",
            id="whole days of a range are one window",
        ),
    ],
)
def test_windows(schedule: Mapping[str, Any], at: str, active: bool, next_change: str | None) -> None:
    """Each kind of schedule is active in its windows, and tells when that ends or begins next."""
    evaluation = evaluate(document(schedule), local(at))
    expected = None if next_change is None else local(next_change)
    assert (active, expected) == (evaluation.schedules["x"], evaluation.next_change)


@pytest.mark.parametrize(
    ("schedule", "at", "active", "next_change"),
    [
        pytest.param(
            daily("08:00", "18:00", holidays="exclude"), "2026-12-25 12:00", False, "2026-12-27 08:00", id="closed"
        ),
        pytest.param(daily("08:00", "18:00"), "2026-12-25 12:00", True, "2026-12-25 18:00", id="included"),
        pytest.param(
            daily("22:00", "06:00", holidays="exclude"), "2026-12-25 05:00", True, "2026-12-25 06:00", id="goes on into"
        ),
        pytest.param(
            daily("22:00", "06:00", holidays="exclude"), "2026-12-27 05:00", False, "2026-12-27 22:00", id="not out of"
        ),
        pytest.param(
            daily("00:00", "24:00", holidays="exclude"), "2026-11-23 12:00", True, "2026-12-25 00:00", id="but for them"
        ),
        pytest.param(
            daily("00:00", "24:00", holidays="exclude"), "2026-12-27 00:00", True, None, id="after the last holiday"
        ),
        pytest.param(
            normal("2026-12-25", "2026-12-26", "08:00", "18:00", holidays="exclude"),
            "2026-11-23 12:00",
            False,
            None,
            id="a range of holidays",
        ),
    ],
)
def test_holidays(schedule: Mapping[str, Any], at: str, active: bool, next_change: str | None) -> None:
    """Where holidays are excluded, no window begins on one; one that began the evening before goes on."""
    evaluation = evaluate(document(schedule, holidays=["2026-12-25", "2026-12-26"]), local(at))
    expected = None if next_change is None else local(next_change)
    assert (active, expected) == (evaluation.schedules["x"], evaluation.next_change)


@pytest.mark.parametrize(
    ("zone", "schedule", "since", "expected"),
    [
        pytest.param(
            BERLIN,
            daily("02:30", "05:00"),
            "2026-03-28T22:00",
            [("2026-03-29T01:00", True), ("2026-03-29T03:00", False), ("2026-03-30T00:30", True)],
            id="a skipped start is when the clock skips it, and once",
        ),
        pytest.param(
            BERLIN,
            daily("01:00", "02:30"),
            "2026-03-28T22:00",
            [("2026-03-29T00:00", True), ("2026-03-29T01:00", False), ("2026-03-29T23:00", True)],
            id="a skipped end",
        ),
        pytest.param(
            BERLIN,
            daily("02:15", "02:45"),
            "2026-03-28T00:00",
            [("2026-03-28T01:15", True), ("2026-03-28T01:45", False), ("2026-03-30T00:15", True)],
            id="a window that is skipped never was",
        ),
        pytest.param(
            BERLIN,
            daily("03:00", "02:00"),
            "2026-03-28T12:00",
            [("2026-03-30T00:00", False), ("2026-03-30T01:00", True)],
            id="a pause that is skipped never was",
        ),
        pytest.param(
            BERLIN,
            daily("02:30", "05:00"),
            "2026-10-24T22:00",
            [("2026-10-25T00:30", True), ("2026-10-25T04:00", False), ("2026-10-26T01:30", True)],
            id="a repeated start happens the first time, and once",
        ),
        pytest.param(
            BERLIN,
            daily("01:00", "02:30"),
            "2026-10-24T22:00",
            [("2026-10-24T23:00", True), ("2026-10-25T00:30", False), ("2026-10-26T00:00", True)],
            id="a repeated end",
        ),
        pytest.param(
            BERLIN,
            daily("02:15", "02:45"),
            "2026-10-24T22:00",
            [("2026-10-25T00:15", True), ("2026-10-25T00:45", False), ("2026-10-26T01:15", True)],
            id="a repeated window is once",
        ),
        pytest.param(
            BERLIN,
            daily("03:00", "04:00"),
            "2026-10-24T22:00",
            [("2026-10-25T02:00", True), ("2026-10-25T03:00", False)],
            id="the hour after the repeated one comes after both",
        ),
        pytest.param(
            "Australia/Lord_Howe",
            daily("02:15", "03:00"),
            "2026-10-03T12:00",
            [("2026-10-03T15:30", True), ("2026-10-03T16:00", False)],
            id="half an hour is skipped",
        ),
        pytest.param(
            "Australia/Lord_Howe",
            daily("01:45", "03:00"),
            "2026-04-04T12:00",
            [("2026-04-04T14:45", True), ("2026-04-04T16:30", False)],
            id="half an hour is repeated",
        ),
        pytest.param(
            "Pacific/Chatham",
            daily("02:50", "04:00"),
            "2026-09-26T12:00",
            [("2026-09-26T14:00", True), ("2026-09-26T14:15", False)],
            id="at 02:45",
        ),
        pytest.param(
            "Pacific/Apia",
            daily("08:00", "18:00"),
            "2011-12-30T05:00",
            [("2011-12-30T18:00", True), ("2011-12-31T04:00", False)],
            id="a day that there was not",
        ),
        pytest.param(
            "Pacific/Apia",
            daily("22:00", "06:00"),
            "2011-12-30T07:00",
            [("2011-12-30T08:00", True), ("2011-12-30T16:00", False)],
            id="the night around it is one night",
        ),
        pytest.param(
            "Pacific/Apia",
            normal("2011-12-30", "2011-12-30", "08:00", "18:00"),
            "2011-12-29T00:00",
            [],
            id="only on the day that there was not",
        ),
        pytest.param(
            "Africa/Casablanca",
            daily("02:30", "05:00"),
            "2026-02-14T12:00",
            [("2026-02-15T01:30", True), ("2026-02-15T05:00", False)],
            id="Ramadan begins: the hour from 02:00 is repeated",
        ),
        pytest.param(
            "Africa/Casablanca",
            daily("02:30", "05:00"),
            "2026-03-21T12:00",
            [("2026-03-22T02:00", True), ("2026-03-22T04:00", False)],
            id="Ramadan is over: the hour from 02:00 is skipped",
        ),
        pytest.param(
            "America/Santiago",
            daily("00:00", "12:00"),
            "2026-09-05T20:00",
            [("2026-09-06T04:00", True), ("2026-09-06T15:00", False)],
            id="midnight is skipped",
        ),
        pytest.param(
            "America/Santiago",
            daily("23:30", "12:00"),
            "2026-04-04T20:00",
            [("2026-04-05T02:30", True), ("2026-04-05T16:00", False)],
            id="the hour before midnight is repeated",
        ),
    ],
)
def test_clock_changes(zone: str, schedule: Mapping[str, Any], since: str, expected: list[tuple[str, bool]]) -> None:
    """A boundary at a time that the clock skips or repeats happens exactly once."""
    door = document(schedule, zone=zone)
    assert [(utc(at), active) for at, active in expected] == changes(door, utc(since), len(expected) or 1)


def test_just_before_and_at_a_boundary() -> None:
    """A microsecond before a boundary the old state holds, and the boundary is still to come."""
    door = document(OFFICE)
    before = evaluate(door, local("2026-11-23 08:00") - TICK)
    assert ({"office": False}, local("2026-11-23 08:00")) == (before.schedules, before.next_change)
    assert evaluate(door, local("2026-11-23 08:00")).schedules == {"office": True}


def test_templates_are_active_while_any_of_their_schedules_is() -> None:
    """A template of two schedules is active in both; the next change is that of whichever schedule comes first."""
    door = document(
        OFFICE,
        {"id": "evening", "kind": "daily", "start": "17:00", "end": "20:00"},
        templates=[template("people", "office", "evening"), template("late", "evening")],
    )
    noon, five, seven = (evaluate(door, local(f"2026-11-23 {hour}:00")) for hour in (12, 17, 19))
    assert ({"people": True, "late": False}, local("2026-11-23 17:00")) == (noon.templates, noon.next_change)
    assert ({"people": True, "late": True}, local("2026-11-23 18:00")) == (five.templates, five.next_change)
    assert seven.templates == {"people": True, "late": True}


def test_the_first_active_template_of_an_input_is_called() -> None:
    """Of an input's templates the first active one counts; none active, none assigned or none known is nobody."""
    templates = [template("day", "office"), template("rest", "office")]
    button = {"input": "button1", "call": {"template_enabled": True}}
    door = document(
        OFFICE,
        templates=templates,
        buttons=[button],
        io={"inputs": [{"id": "button1", "kind": "push_button", "chip": "sim", "line": 0}]},
    )
    assigned = door.model_copy(
        update={"schedule": door.schedule.model_copy(update={"inputs": {"button1": ("rest", "day")}})}
    )

    def called(active: dict[str, bool], of: Door = assigned) -> str | None:
        found = template_for(of, "button1", active)
        return None if found is None else found.id

    assert called({"day": True, "rest": True}) == "rest"
    assert called({"day": True, "rest": False}) == "day"
    assert called({"day": True}) == "day"
    assert called({"day": False, "rest": False}) is None
    assert called({}) is None
    assert called({"day": True, "rest": True}, of=door) is None


def test_a_document_without_schedules_never_changes() -> None:
    """Nothing is active, and nothing ever will be."""
    evaluation = evaluate(document(), local("2026-11-23 12:00"))
    assert (evaluation.schedules, evaluation.templates, evaluation.next_change) == ({}, {}, None)


@pytest.mark.parametrize("at", [datetime(2026, 11, 23), utc("1899-12-31"), utc("9991-01-01")])  # noqa: DTZ001  # that is it
def test_moments_that_cannot_be_asked_for(at: datetime) -> None:
    """A naive moment could be anybody's, and the calendar ends somewhere."""
    with pytest.raises(ValueError, match="the moment"):
        evaluate(document(OFFICE), at)


FAR = [
    pytest.param(normal("2040-01-01", "2040-12-31", "08:00", "18:00"), "2040-01-01 08:00", id="begins in 2040"),
    pytest.param(normal("9000-01-01", "9999-12-31", "08:00", "18:00"), "9000-01-01 08:00", id="begins in 9000"),
    pytest.param(normal("2000-01-01", "9999-12-31", "00:00", "24:00"), None, id="on for ever"),
    pytest.param(normal("2000-01-01", "9000-12-31", "00:00", "24:00"), "9001-01-01 00:00", id="on until 9000"),
    pytest.param(normal("0001-01-01", "0001-12-31", "22:00", "06:00"), None, id="long past"),
    pytest.param(daily("00:00", "24:00", holidays="exclude"), "2200-02-28 00:00", id="closed on one day in 2200"),
]


@pytest.mark.parametrize(("schedule", "next_change"), FAR)
def test_far_changes_cost_no_more_than_near_ones(schedule: Mapping[str, Any], next_change: str | None) -> None:
    """A change in centuries, or never, is found at once: no walk by days, let alone by minutes."""
    door = document(schedule, zone="UTC", holidays=["2200-02-28"])
    at = local("2026-11-23 12:00", "UTC")
    evaluate(door, at)
    began = time.process_time()
    for _ in range(100):
        evaluation = evaluate(door, at)
    assert time.process_time() - began < 1.0, "10 ms for each"
    assert (None if next_change is None else local(next_change, "UTC")) == evaluation.next_change


def test_a_long_list_of_holidays_in_a_row_is_passed() -> None:
    """A door that is closed for ten years opens after them."""
    holidays = [str(utc("2026-11-01").date() + timedelta(days=day)) for day in range(3650)]
    door = document(weekly("mon", "08:00", "18:00", holidays="exclude"), holidays=holidays)
    assert local("2036-11-03 08:00") == evaluate(door, local("2026-11-23 12:00")).next_change
