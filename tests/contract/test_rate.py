"""The token bucket, by example and by property."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorbus.rate import Bucket

BUCKETS = st.builds(Bucket, st.integers(1, 20), st.floats(0.01, 50))
GAPS_S = st.lists(st.floats(0, 5), min_size=1, max_size=60)


def take_all(bucket: Bucket, gaps_s: list[float]) -> list[tuple[float, bool]]:
    """Takes once after each gap; returns when, and whether it was allowed."""
    now, takes = 1000.0, []
    for gap_s in gaps_s:
        now += gap_s
        bucket, allowed = bucket.take(now)
        takes.append((now, allowed))
    return takes


def test_a_burst_and_then_its_rate() -> None:
    """Three at once, the fourth is refused, and half a second later one more is allowed."""
    takes = take_all(Bucket(burst=3, per_s=2), [0, 0, 0, 0, 0.25, 0.25, 0, 10, 0, 0, 0])
    assert [ok for _, ok in takes] == [True, True, True, False, False, True, False, True, True, True, False]


def test_a_bucket_that_allows_nothing_is_refused() -> None:
    """A burst below 1 and a rate that never fills it are mistakes of the program."""
    for burst, per_s in ((0, 1.0), (1, 0.0), (1, -1.0), (1, float("nan")), (1, float("inf"))):
        with pytest.raises(ValueError, match="allows"):
            Bucket(burst, per_s)


def test_time_that_runs_backwards_gives_nothing() -> None:
    """An empty bucket stays empty for one who comes with an earlier time."""
    bucket, _ = Bucket(burst=1, per_s=1).take(1000.0)
    assert (bucket, False) == bucket.take(900.0)


@given(bucket=BUCKETS, gaps_s=GAPS_S)
def test_never_more_than_burst_and_rate(bucket: Bucket, gaps_s: list[float]) -> None:
    """Between any two moments at most the burst and what has come since are allowed."""
    times = [at for at, allowed in take_all(bucket, gaps_s) if allowed]
    for first, begin in enumerate(times):
        for last in range(first, len(times)):
            assert last - first + 1 <= bucket.burst + bucket.per_s * (times[last] - begin) + 1e-6


@given(bucket=BUCKETS, gaps_s=GAPS_S)
def test_who_keeps_to_the_rate_is_never_refused(bucket: Bucket, gaps_s: list[float]) -> None:
    """Takes no closer than the rate are all allowed, whatever the burst."""
    takes = take_all(bucket, [1.001 / bucket.per_s + gap_s for gap_s in gaps_s])
    assert all(allowed for _, allowed in takes)
    assert all(later - earlier >= 1 / bucket.per_s for (earlier, _), (later, _) in pairwise(takes))


@given(bucket=BUCKETS, gaps_s=GAPS_S)
def test_ready_at_is_the_very_moment(bucket: Bucket, gaps_s: list[float]) -> None:
    """A refused take is allowed at `ready_at`, and a refusal has not moved that."""
    now = 1000.0
    for gap_s in gaps_s:
        now += gap_s
        bucket, allowed = bucket.take(now)
        if not allowed:
            assert now < bucket.ready_at
            assert bucket.take(bucket.ready_at)[1]
