"""What is told of a look at the clock, and when. Times are of Berlin, 2026-11-23 is a Monday."""

from __future__ import annotations

from datetime import timedelta

from tests.scheduler.documents import BERLIN, OFFICE, daily, document, local, template, utc

from doorbus.contract.document import Door
from doorbus.contract.schedules import ScheduleChange, ScheduleState
from doorbus_scheduler.review import STEPS_BACK, Review, review

DOOR = document(OFFICE, templates=[template("day", "office")])
MORNING, NOON, EVENING = (local(f"2026-11-23 {hour}") for hour in ("07:00", "12:00", "18:00"))


def told(outcome: Review) -> list[tuple[str, str, str, str]]:
    """Returns what is told: what, kind, id and when in the door's time."""
    return [
        ("activated" if each.active else "deactivated", each.kind, each.id, each.at.strftime("%d %H:%M %z"))
        for each in outcome.changes
    ]


def state(door: Door, at: str, revision: int = 1) -> ScheduleState:
    """Returns the state that a look at a time leaves."""
    return review(door, revision, None, local(at)).state


def test_the_first_look_tells_what_is_active() -> None:
    """Where nothing was told before, what is active is news, and what is not goes without saying."""
    assert told(review(DOOR, 1, None, NOON)) == [
        ("activated", "schedule", "office", "23 12:00 +0100"),
        ("activated", "template", "day", "23 12:00 +0100"),
    ]
    outcome = review(DOOR, 1, None, MORNING)
    assert (told(outcome), outcome.is_news) == ([], True)


def test_the_state_says_everything() -> None:
    """It has all schedules and templates, the revision, the moment in UTC and the next boundary."""
    found = review(DOOR, 7, None, NOON).state
    assert (found.revision, found.at, found.valid_until) == (7, NOON, EVENING)
    assert (found.schedules, found.templates) == ({"office": True}, {"day": True})
    assert found == ScheduleState.model_validate_json(found.to_bytes())


def test_a_boundary_is_told_once_with_its_time() -> None:
    """A little after the boundary it is told with the boundary's time; another look tells nothing."""
    before = state(DOOR, "2026-11-23 17:59")
    outcome = review(DOOR, 1, before, EVENING + timedelta(milliseconds=3))
    assert told(outcome) == [
        ("deactivated", "schedule", "office", "23 18:00 +0100"),
        ("deactivated", "template", "day", "23 18:00 +0100"),
    ]
    again = review(DOOR, 1, outcome.state, EVENING + timedelta(seconds=1))
    assert (told(again), again.is_news) == ([], False)


def test_a_boundary_that_was_missed_is_told_late_with_its_time() -> None:
    """After an absence over several boundaries, what changed in the end is told, each at its last boundary."""
    before = state(DOOR, "2026-11-20 19:00")
    assert told(review(DOOR, 1, before, local("2026-11-25 09:00"))) == [
        ("activated", "schedule", "office", "25 08:00 +0100"),
        ("activated", "template", "day", "25 08:00 +0100"),
    ]


def test_what_began_and_ended_in_an_absence_is_not_told() -> None:
    """Nobody needs to hear that an office was open yesterday; the state goes on."""
    outcome = review(DOOR, 1, state(DOOR, "2026-11-20 19:00"), local("2026-11-24 19:00"))
    assert (told(outcome), outcome.is_news) == ([], True)


def test_an_absence_of_years_costs_no_more_than_so_many_steps() -> None:
    """After more boundaries than are looked through, the change is told at the last one found or now: it is told."""
    door = document(daily("08:00", "18:00"))
    back = local("2026-11-23 12:00") - timedelta(days=STEPS_BACK * 10)
    outcome = review(door, 1, review(door, 1, None, back + timedelta(hours=8)).state, local("2026-11-23 12:00"))
    assert [each[:3] for each in told(outcome)] == [("activated", "schedule", "x")]


def test_a_new_document_tells_what_it_changes() -> None:
    """What it adds and is active is told; what it takes away and was active is over; what stays is not told again."""
    before = state(DOOR, "2026-11-23 12:00")
    late = {"id": "late", "kind": "daily", "start": "11:00", "end": "20:00"}
    other = document(OFFICE, late, templates=[template("other", "late")])
    assert told(review(other, 2, before, NOON)) == [
        ("activated", "schedule", "late", "23 12:00 +0100"),
        ("activated", "template", "other", "23 12:00 +0100"),
        ("deactivated", "template", "day", "23 12:00 +0100"),
    ]
    assert told(review(document(), 3, before, NOON)) == [
        ("deactivated", "schedule", "office", "23 12:00 +0100"),
        ("deactivated", "template", "day", "23 12:00 +0100"),
    ]


def test_another_document_under_the_same_revision_is_news() -> None:
    """A store that was made anew counts from the beginning: the state names its document by more than the revision."""
    before = state(DOOR, "2026-11-23 12:00")
    other = document(OFFICE, templates=[template("day", "office")], zone="Europe/Paris")
    outcome = review(other, 1, before, NOON)
    assert (told(outcome), outcome.is_news) == ([], True)


def test_a_clock_set_back_takes_the_boundary_back() -> None:
    """Hours before the boundary that was told, the schedule is what it is then, and the boundary comes again."""
    before = state(DOOR, "2026-11-23 18:00")
    outcome = review(DOOR, 1, before, NOON)
    assert told(outcome)[0] == ("activated", "schedule", "office", "23 12:00 +0100")
    assert outcome.state.valid_until == EVENING


def test_a_correction_of_the_clock_takes_nothing_back() -> None:
    """Bus time measured anew says it is still a moment before the boundary: nothing is told."""
    before = state(DOOR, "2026-11-23 18:00")
    outcome = review(DOOR, 1, before, EVENING - timedelta(milliseconds=30))
    assert (told(outcome), outcome.is_news) == ([], False)


def test_a_state_of_the_future_is_replaced() -> None:
    """A state that was made by a clock far ahead is written anew, although it says the same."""
    ahead = state(DOOR, "2026-11-23 12:00")
    outcome = review(DOOR, 1, ahead, local("2026-11-23 11:00"))
    assert ([], True, local("2026-11-23 11:00")) == (told(outcome), outcome.is_news, outcome.state.at)


def test_a_repeat_has_the_same_id_and_another_boundary_another() -> None:
    """From the same state before, the same is told under the same id; each boundary has its own."""
    before = state(DOOR, "2026-11-23 12:00")
    first = review(DOOR, 1, before, EVENING)
    repeat = review(DOOR, 1, before, EVENING + timedelta(seconds=5))
    morning = review(DOOR, 1, first.state, local("2026-11-24 08:00"))
    evening = review(DOOR, 1, morning.state, local("2026-11-24 18:00"))
    assert [each.event for each in first.changes] == [each.event for each in repeat.changes]
    ids = [each.event for outcome in (first, morning, evening) for each in outcome.changes]
    assert len(ids) == len(set(ids)) == 6


def test_the_time_told_is_the_doors() -> None:
    """The boundary stands in the event with the offset that the door's zone has then."""
    door = document(daily("02:30", "05:00"))
    before = state(door, "2026-03-28 12:00")
    assert told(review(door, 1, before, local("2026-03-29 04:00", BERLIN))) == [
        ("activated", "schedule", "x", "29 03:00 +0200")
    ]


def test_a_zone_with_seconds_in_its_offset_is_told_in_utc() -> None:
    """RFC 3339 cannot write such an offset, and what is told must be the right moment all the same."""
    door = document(daily("08:00", "18:00"), zone="Africa/Monrovia")  # 44 minutes and 30 seconds behind until 1972
    before = review(door, 1, None, utc("1970-03-02 08:00")).state
    change = review(door, 1, before, utc("1970-03-02 12:00")).changes[0]
    assert utc("1970-03-02 08:44:30") == ScheduleChange.model_validate_json(change.to_bytes()).at
