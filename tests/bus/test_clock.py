"""Bus time from answers that take their time: the best of them counts, and a clock that was set is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from doorbus.contract.base import COMMAND_LIFETIME_S
from doorbus.runtime.clock import DRIFT, BusClock
from doorbus.runtime.requests import stamps

AHEAD_S = 1_790_000_000.0
"""Bus time minus the monotonic clock."""

ANSWERS = st.lists(st.tuples(st.floats(0.0, 100.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0)), min_size=1, max_size=12)
"""Seconds since the one before, the way there, and the way back."""


def _bus_time(monotonic: float, ahead_s: float) -> datetime:
    return datetime.fromtimestamp(monotonic + ahead_s, UTC)


def _error_s(clock: BusClock, monotonic: float, ahead_s: float) -> float:
    now = clock.at(monotonic)
    assert now is not None
    return abs((now - _bus_time(monotonic, ahead_s)).total_seconds())


@given(ANSWERS)
def test_the_best_answer_counts(answers: list[tuple[float, float, float]]) -> None:
    """Bus time is no further off than half the time of any answer so far, and what the clocks may have parted since."""
    now, at, heard = 0.0, 0.0, list[tuple[float, float]]()
    clock = BusClock(lambda: now)
    for pause_s, there_s, back_s in answers:
        at += pause_s
        clock.take(at, at + there_s + back_s, _bus_time(at + there_s, AHEAD_S))
        heard.append((at + (there_s + back_s) / 2, (there_s + back_s) / 2))
        at += there_s + back_s
        most = min(error + DRIFT * abs(at - middle) for middle, error in heard)
        assert _error_s(clock, at, AHEAD_S) <= most + 1e-5
        now = at
        assert _error_s(clock, at, AHEAD_S) <= clock.error_s + 1e-5 <= most + 2e-5


@given(ANSWERS, st.floats(2.5, 1e6), st.booleans(), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_clock_that_was_set_is_believed(
    answers: list[tuple[float, float, float]], by_s: float, back: bool, there_s: float, back_s: float
) -> None:
    """One answer that contradicts all before is enough, however slow it is."""
    clock, at, set_to = BusClock(), 0.0, AHEAD_S - by_s if back else AHEAD_S + by_s
    for pause_s, there, way_back in answers:
        at += pause_s
        clock.take(at, at + there + way_back, _bus_time(at + there, AHEAD_S))
        at += there + way_back
    clock.take(at, at + there_s + back_s, _bus_time(at + there_s, set_to))
    assert _error_s(clock, at, set_to) <= (there_s + back_s) / 2 + 1e-5


def test_a_slow_answer_moves_nothing() -> None:
    """A machine that is busy for a second does not refuse every order for the minute after it."""
    clock = BusClock()
    clock.take(10.0, 10.002, _bus_time(10.001, AHEAD_S))
    clock.take(70.0, 71.0, _bus_time(70.01, AHEAD_S))
    assert _error_s(clock, 75.0, AHEAD_S) < 0.01


@given(st.floats(0.0, 0.9), st.floats(0.0, 0.9), st.booleans(), st.booleans(), st.floats(0.0, 2.0))
def test_what_one_stamps_is_not_too_late_for_another(
    there_s: float, back_s: float, of_sender: bool, of_receiver: bool, on_the_way_s: float
) -> None:
    """However slow the answers were by which the two know bus time, and whatever way the time went."""
    clocks = []
    for late_there in (of_sender, of_receiver):
        clock = BusClock(lambda: 100.0)
        way = max(there_s, back_s) if late_there else min(there_s, back_s)
        clock.take(99.0, 99.0 + there_s + back_s, _bus_time(99.0 + way, AHEAD_S))
        clocks.append(clock)
    sender, receiver = clocks
    expires_at: datetime = stamps(sender)["expires_at"]
    now = receiver.at(100.0 + on_the_way_s)
    assert now is not None
    assert expires_at <= now + timedelta(seconds=COMMAND_LIFETIME_S + receiver.error_s + 1e-4)
