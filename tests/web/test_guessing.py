"""Guessing passwords: the rules of `doorbus_web.access.guessing`, by example and by property."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorbus_web.access import guessing
from doorbus_web.access.guessing import Guessing, Looked, TooSoon, begin, network_of, right

HOME, STRANGER = "192.0.2.1", "198.51.100.7"


def wrong(state: Guessing, times: int, user: str = "admin", address: str = STRANGER, now: float = 0.0) -> Guessing:
    """Tries `times` wrong passwords, each as soon as it is looked at."""
    for _ in range(times):
        state, verdict = begin(state, user, address, now)
        while isinstance(verdict, TooSoon):
            now += verdict.again_in_s
            state, verdict = begin(state, user, address, now)
    return state


def signed_in(state: Guessing, user: str, address: str, now: float = 0.0) -> Guessing:
    """Signs in with the right password."""
    state, verdict = begin(state, user, address, now)
    assert isinstance(verdict, Looked)
    return right(state, verdict, user, address, now)


def test_a_slip_of_the_finger_costs_nothing() -> None:
    """Three wrong passwords in a row are looked at without a pause."""
    state = Guessing()
    for _ in range(3):
        state, verdict = begin(state, "admin", HOME, 0.0)
        assert isinstance(verdict, Looked)


def test_further_tries_wait_twice_as_long_each() -> None:
    """From the fourth try on the pauses are 1, 2, 4 … 60 s, and a try in a pause is not even counted."""
    state, now, pauses = wrong(Guessing(), 4), 0.0, []
    for _ in range(5):
        state, verdict = begin(state, "admin", STRANGER, now)
        assert isinstance(verdict, TooSoon)
        pauses.append(verdict.again_in_s)
        now += verdict.again_in_s
        assert begin(state, "admin", STRANGER, now - 0.01)[0] == state
        state, verdict = begin(state, "admin", STRANGER, now)
        assert isinstance(verdict, Looked)
    assert pauses == [1, 2, 4, 8, 16]


def test_a_hundred_tries_at_once_are_a_hundred_tries() -> None:
    """Tries count when they begin: of a hundred at the same moment four are looked at."""
    state, looked = Guessing(), 0
    for _ in range(100):
        state, verdict = begin(state, "admin", STRANGER, 0.0)
        looked += isinstance(verdict, Looked)
    assert looked == 4


def test_a_user_is_locked_for_strangers_after_ten_tries() -> None:
    """The tenth try locks the user for 15 minutes, from every strange address."""
    state, now = Guessing(), 0.0
    for place in range(10):
        state = wrong(state, 1, address=f"198.51.100.{place}", now=now)
        now += 70
    state, verdict = begin(state, "admin", "203.0.113.1", now)
    assert isinstance(verdict, TooSoon)
    assert (verdict.locked, 0 < verdict.again_in_s <= guessing.LOCK_S) == (True, True)
    assert isinstance(begin(state, "admin", "203.0.113.1", now + guessing.LOCK_S)[1], Looked)


def test_strangers_do_not_lock_a_user_out_at_home() -> None:
    """From an address where the user signed in before, the user still gets in while strangers are locked out."""
    state = signed_in(Guessing(), "admin", HOME)
    state = wrong(state, 10, now=1.0)
    assert isinstance(begin(state, "admin", STRANGER, 300.0)[1], TooSoon)
    assert isinstance(begin(state, "admin", HOME, 300.0)[1], Looked)


def test_an_account_of_ones_own_gains_no_tries() -> None:
    """A stranger who signs in to an account between guesses at others runs into the address's lock all the same."""
    state, now, guesses = Guessing(), 0.0, 0
    for number in range(200):
        state, verdict = begin(state, f"user{number}", STRANGER, now)
        guesses += isinstance(verdict, Looked)
        state, verdict = begin(state, "mallory", STRANGER, now)
        if isinstance(verdict, Looked):
            state = right(state, verdict, "mallory", STRANGER, now)
        now += 1.0
    assert guesses <= guessing.LOCKS_AT["address"]


def test_a_right_password_forgets_the_slips_of_its_user() -> None:
    """After signing in, three slips are free again."""
    state = signed_in(wrong(Guessing(), 2, address=HOME), "admin", HOME)
    state, verdict = begin(state, "admin", HOME, 0.0)
    assert isinstance(verdict, Looked)
    assert all(counter.tries <= 3 for counter in state.counters.values())


def test_counters_are_forgotten() -> None:
    """15 minutes after the last try a counter begins anew."""
    state = wrong(Guessing(), 5)
    last = max(counter.last for counter in state.counters.values())
    state, _ = begin(state, "admin", STRANGER, last + guessing.FORGET_S)
    assert {counter.tries for counter in state.counters.values()} == {1}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_what_an_address_counts_as(address: str, network: str) -> None:
    """IPv6 addresses count by their /64, as whoever has one address has them all."""
    assert network_of(address) == network


def test_memory_is_bounded_and_keeps_the_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """With more addresses and users than are kept, the counters stay bounded, and a locked user stays locked."""
    monkeypatch.setattr(guessing, "MOST", 50)
    state, now = Guessing(), 0.0
    for place in range(10):
        state = wrong(state, 1, address=f"198.51.100.{place}", now=now)
        now += 70
    for number in range(300):
        state, _ = begin(state, f"user{number}", f"203.0.{number % 256}.{number // 256}", now)
    assert len(state.counters) <= 2 * 50
    assert isinstance(begin(state, "admin", "192.0.2.200", now)[1], TooSoon)


TRIES = st.lists(
    st.tuples(
        st.sampled_from(["admin", "porter"]),
        st.sampled_from([HOME, STRANGER]),
        st.booleans(),
        st.floats(0, 120, allow_nan=False),
    ),
    max_size=80,
)


@given(TRIES)
def test_whoever_guesses_is_bounded(tries: list[tuple[str, str, bool, float]]) -> None:
    """In any 15 minutes a pair of user and address gets at most 30 wrong tries looked at, however they are spread."""
    state, now, looked = Guessing(), 0.0, []
    for user, address, is_right, pause in tries:
        now += pause
        state, verdict = begin(state, user, address, now)
        if isinstance(verdict, TooSoon):
            assert 0 < verdict.again_in_s <= guessing.LOCK_S
            continue
        if is_right:
            state = right(state, verdict, user, address, now)
        else:
            looked.append((address, now))
    for address, at in looked:
        window = [each for each in looked if each[0] == address and at <= each[1] < at + guessing.LOCK_S]
        assert len(window) <= guessing.LOCKS_AT["address"]


@given(TRIES)
def test_a_right_password_gets_in_sooner_or_later(tries: list[tuple[str, str, bool, float]]) -> None:
    """Whatever happened before, nobody is shut out for more than 15 minutes."""
    state, now = Guessing(), 0.0
    for user, address, _, pause in tries:
        now += pause
        state, _ = begin(state, user, address, now)
    assert isinstance(begin(state, "admin", HOME, now + guessing.LOCK_S)[1], Looked)
