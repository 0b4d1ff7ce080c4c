"""Which re-INVITE of a hold is due, by example and whatever happens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorbus.contract.leases import LEASE_HOLDS_S, Lease
from doorbus_sip.pages import BOUND_S, PageLease
from doorbus_sip.worker.holding import (
    BLOCKED_S,
    RESUME_AGAIN_S,
    Holding,
    answered,
    could_not_send,
    glare_pause,
    is_due,
    sent,
    want,
)

HELD = Holding(wanted=True, agreed=True)


def test_a_hold_is_sent_once_and_agreed() -> None:
    """Nothing more is due while it is under way, nor after the 200."""
    state = want(Holding(), True)
    assert is_due(state, 0.0)
    state = sent(state)
    assert not is_due(state, 9.0)
    assert answered(state, 200, 1.0, 0.0) == (HELD, False)


def test_what_changes_under_way_is_sent_afterwards() -> None:
    """Resumed before the hold was answered: the far side is told both, in order."""
    state = want(sent(want(Holding(), True)), False)
    assert not is_due(state, 0.0)
    state, refused = answered(state, 200, 1.0, 0.0)
    assert (refused, is_due(state, 1.0)) == (False, True)


def test_a_glare_is_waited_out() -> None:
    """491: nothing before the pause is over, and nothing is told."""
    state, refused = answered(sent(want(Holding(), True)), 491, 1.0, 2.5)
    assert (refused, is_due(state, 3.4), is_due(state, 3.5)) == (False, False, True)


@pytest.mark.parametrize("code", [400, 403, 488, 500, 606])
def test_a_refused_hold_is_told_once_and_left(code: int) -> None:
    """The leg is silent here alone; its end asks nothing of the far side."""
    state, refused = answered(sent(want(Holding(), True)), code, 1.0, 0.0)
    assert (refused, is_due(state, 1e6)) == (True, False)
    assert not is_due(want(state, False), 1e6)


def test_a_refused_end_of_the_hold_is_asked_for_again() -> None:
    """Nobody stays on hold; it is told once."""
    state, refused = answered(sent(want(HELD, False)), 488, 1.0, 0.0)
    assert (refused, is_due(state, 0.9 + RESUME_AGAIN_S), is_due(state, 1.0 + RESUME_AGAIN_S)) == (True, False, True)
    state, refused = answered(sent(state), 488, 9.0, 0.0)
    assert not refused
    state, _ = answered(sent(state), 200, 20.0, 0.0)
    assert (state.agreed, is_due(state, 1e6)) == (False, False)


def test_a_challenge_is_the_librarys() -> None:
    """The first 401 is no answer, as the request goes out again; a second one is a refusal."""
    state, refused = answered(sent(want(Holding(), True)), 401, 1.0, 0.0)
    assert (refused, state.sending) == (False, True)
    assert answered(state, 407, 1.0, 0.0)[1]
    assert answered(state, 200, 1.0, 0.0)[0].agreed


def test_what_cannot_be_sent_is_tried_again_more_slowly() -> None:
    """The far side's own re-INVITE is under way."""
    state = could_not_send(want(Holding(), True), 0.0)
    assert (is_due(state, BLOCKED_S * 0.9), is_due(state, BLOCKED_S)) == (False, True)
    for _ in range(10):
        state = could_not_send(state, 10.0)
    assert not is_due(state, 11.5)
    assert is_due(state, 11.7)


@given(st.floats(0, 1, exclude_max=True))
def test_the_pause_after_a_glare_is_the_rfcs(random: float) -> None:
    """RFC 3261, 14.1: 2.1 to 4 s for who made the call, 0 to 2 s for the other, in steps of 10 ms."""
    assert 2.1 <= glare_pause(True, random) <= 4.0
    assert 0.0 <= glare_pause(False, random) <= 2.0


EVENTS = st.one_of(st.booleans(), st.sampled_from([100, 200, 401, 403, 488, 491, "blocked"]), st.floats(0.01, 6.0))


@given(st.lists(EVENTS, max_size=40))
def test_once_everybody_behaves_the_far_side_knows_it(events: list[bool | int | str | float]) -> None:
    """Whatever came before: in the end what is wanted is agreed, or it is a hold that was refused and told."""
    state, now, told = Holding(), 0.0, False
    for event in events:
        match event:
            case bool():
                state, told = want(state, event), told and state.wanted is event
            case int() if state.sending is not None and event >= 200:
                state, refused = answered(state, event, now, 1.0)
                told = told or refused
            case "blocked" if is_due(state, now):
                state = could_not_send(state, now)
            case float():
                now += event
                state = sent(state) if is_due(state, now) else state
            case _:
                pass
    for _ in range(3):
        now += 10.0
        state = sent(state) if is_due(state, now) else state
        state, _ = answered(state, 200, now, 0.0)
    assert state.wanted is state.agreed or (state.wanted and state.refused and told)


def test_a_page_lease_holds_three_seconds_and_a_bound() -> None:
    """How long sip believes in a page, and how long it leaves a call on hold without policy."""
    lease = PageLease()
    assert not lease.plays(0.0)
    lease.told(Lease(kind="page", service="multicast", subject_id="p", outranks_calls=True), 10.0)
    assert lease.plays(10.0 + LEASE_HOLDS_S - 0.01)
    assert not lease.plays(10.0 + LEASE_HOLDS_S)
    assert lease.may_hold(0.0, 10.0 + LEASE_HOLDS_S + BOUND_S - 0.01)
    assert not lease.may_hold(0.0, 10.0 + LEASE_HOLDS_S + BOUND_S)
    lease.told(Lease(kind="page", service="multicast"), 11.0)
    assert not lease.plays(11.0)
    assert not lease.may_hold(0.0, 11.0 + BOUND_S)
    assert lease.may_hold(11.0, 11.0 + BOUND_S)


def test_a_page_under_calls_holds_nothing() -> None:
    """Its lease is as good as none."""
    lease = PageLease()
    lease.told(Lease(kind="page", service="multicast", subject_id="p"), 10.0)
    assert not lease.plays(10.0)
