"""Alarms of many doors, and clocks that move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorbus.runtime.clock import BusClock
from doorbus_scheduler.alarms import STALE_MOST, Alarms
from doorbus_scheduler.clocks import Clocks

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Host:
    """Clocks of a host, set by hand."""

    def __init__(self) -> None:
        self.monotonic = 1000.0
        self.wall = START.timestamp()
        self.bus = BusClock(lambda: self.monotonic, lambda: self.wall)
        self.clocks = Clocks(self.bus, lambda: self.wall)

    def passes(self, seconds: float, slept: float = 0.0) -> None:
        """Time passes; the monotonic clock does not count what the host sleeps."""
        self.monotonic += seconds
        self.wall += seconds + slept

    def moved(self) -> tuple[bool, bool]:
        """Tells what has moved since the last look."""
        return self.clocks.wall_moved(), self.clocks.time_moved()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 9)), max_size=40), st.integers(0, 9))
def test_the_last_alarm_of_each_door_counts(settings: list[tuple[str, int | None]], now: int) -> None:
    """Whatever was set before: due are the doors whose latest alarm has come, each once and in order."""
    alarms = Alarms()
    latest: dict[str, int | None] = {}
    for door, seconds in settings:
        alarms.set(door, None if seconds is None else START + timedelta(seconds=seconds))
        latest[door] = seconds
    waiting = sorted((seconds, door) for door, seconds in latest.items() if seconds is not None)
    assert (START + timedelta(seconds=waiting[0][0]) if waiting else None) == alarms.next
    due = list(alarms.due(START + timedelta(seconds=now)))
    assert sorted(door for seconds, door in waiting if seconds <= now) == sorted(due)
    assert list(alarms.due(START + timedelta(seconds=now))) == []


def test_alarms_set_anew_for_ever_take_no_room() -> None:
    """A door whose document changes all the time leaves no more than a bounded number of old entries."""
    alarms = Alarms()
    for number in range(10 * STALE_MOST):
        alarms.set("front", START + timedelta(seconds=number % 7, days=number))
    assert len(alarms._heap) <= STALE_MOST + 1
    assert START + timedelta(seconds=(10 * STALE_MOST - 1) % 7, days=10 * STALE_MOST - 1) == alarms.next


def test_time_that_passes_is_no_movement() -> None:
    """Without bus time the wall clock counts, with it bus time; neither moves by itself."""
    host = Host()
    for _ in range(3):
        host.passes(1.0)
        assert host.moved() == (False, False)
    assert START + timedelta(seconds=3) == host.clocks.now()


@pytest.mark.parametrize("known", [True, False])
def test_sleep_is_noticed(known: bool) -> None:
    """After a sleep the wall clock is ahead; bus time, computed with the monotonic clock, is behind until measured."""
    host = Host()
    if known:
        host.bus.take(host.monotonic, host.monotonic, START)
    host.moved()
    host.passes(1.0, slept=3600.0)
    assert (True, not known) == host.moved()
    if known:
        host.bus.take(host.monotonic, host.monotonic, datetime.fromtimestamp(host.wall, UTC))
        assert host.moved() == (False, True)
    assert START + timedelta(seconds=3601) == host.clocks.now()


def test_a_bus_clock_that_moved_is_noticed_and_a_correction_is_not() -> None:
    """Measured anew, bus time may differ by milliseconds without anybody minding."""
    host = Host()
    host.bus.take(host.monotonic, host.monotonic, START + timedelta(hours=1))
    assert host.moved() == (False, True)
    host.bus.take(host.monotonic, host.monotonic, START + timedelta(hours=1, milliseconds=30))
    assert host.moved() == (False, False)
    host.bus.take(host.monotonic, host.monotonic, START)
    assert host.moved() == (False, True)
    assert host.clocks.now() == START
