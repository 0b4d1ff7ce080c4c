"""The pure core of a ring set, by example and in any order of events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorbus_sip.facts import Reason
from doorbus_sip.ringset import (
    Accepted,
    Effect,
    Event,
    GivenUp,
    Gone,
    GrantAudio,
    HangUp,
    Progressed,
    RingSet,
    TellCancelled,
    TellFailed,
    TellOver,
    TellRefused,
    TellRinging,
    TellWon,
    open_legs,
    ring_set,
    step,
)

LEGS = ("a", "b", "c")


def run(state: RingSet, *events: Event) -> tuple[RingSet, list[Effect]]:
    effects: list[Effect] = []
    for event in events:
        state, more = step(state, event)
        effects += more
    return state, effects


def test_first_answer_wins_and_the_others_are_given_up() -> None:
    """The winner is granted the audio, the others are hung up as completed elsewhere."""
    state, effects = run(ring_set(LEGS), Progressed("a", 180), Progressed("b", 183), Accepted("b"), Accepted("a"))
    assert state.winner == "b"
    assert effects == [
        TellRinging("a", 180, first=True),
        TellRinging("b", 183, first=False),
        GrantAudio("b"),
        HangUp("a", elsewhere=True),
        HangUp("c", elsewhere=True),
        TellWon("b"),
        TellCancelled("a", Reason.COMPLETED_ELSEWHERE),
        TellCancelled("c", Reason.COMPLETED_ELSEWHERE),
        HangUp("a", elsewhere=False),
    ]


def test_refusals_and_failures_leave_the_rest_ringing() -> None:
    """The set is over with its last leg; a refusal outweighs later failures."""
    state, effects = run(ring_set(LEGS), Gone("a", 486, "Busy"), Gone("b", 404, "Not Found"))
    assert open_legs(state) == ("c",)
    assert effects == [TellRefused("a", 486), TellFailed("b", 404, "Not Found")]
    state, effects = run(state, Gone("c", 408, "Timeout"))
    assert effects == [TellFailed("c", 408, "Timeout"), TellOver(Reason.REFUSED, 486)]


def test_given_up_as_a_whole() -> None:
    """Each open leg is hung up without the Reason of RFC 3326, and the set is over at once."""
    state, effects = run(ring_set(("a", "b")), Gone("a", 404, ""), GivenUp(Reason.DIAL_TIMEOUT), Accepted("b"))
    assert state.over
    assert effects[1:] == [
        HangUp("b", elsewhere=False),
        TellCancelled("b", Reason.DIAL_TIMEOUT),
        TellOver(Reason.DIAL_TIMEOUT, 0),
        HangUp("b", elsewhere=False),
    ]


@pytest.mark.parametrize("legs", [(), ("a", "a")])
def test_a_set_needs_legs_each_once(legs: tuple[str, ...]) -> None:
    """An empty set and a leg twice are the caller's mistakes."""
    with pytest.raises(ValueError, match="legs"):
        ring_set(legs)


legs = st.sampled_from((*LEGS, "stranger"))
codes = st.sampled_from((0, 404, 408, 486, 487, 503, 603))
events = st.one_of(
    st.builds(Progressed, legs, st.sampled_from((100, 180, 183))),
    st.builds(Accepted, legs),
    st.builds(Gone, legs, codes, st.just("")),
    st.builds(GivenUp, st.sampled_from((Reason.LOCAL_HANGUP, Reason.DIAL_TIMEOUT))),
)


@given(st.lists(events, max_size=25))
def test_never_two_winners_and_everything_is_told_once(history: list[Event]) -> None:
    """In any order and with repeats: one winner at most, one end per leg and per set, no leg forgotten."""
    state, effects = run(ring_set(LEGS), *history)
    granted = [effect.leg for effect in effects if isinstance(effect, GrantAudio)]
    won = [effect.leg for effect in effects if isinstance(effect, TellWon)]
    over = [effect for effect in effects if isinstance(effect, TellOver)]
    told = [e.leg for e in effects if isinstance(e, TellWon | TellRefused | TellFailed | TellCancelled)]
    assert len(granted) <= 1
    assert granted == won
    assert [state.winner] == won or (state.winner is None and won == [])
    assert len(over) <= 1
    assert not (won and over)
    assert len(told) == len(set(told))
    assert set(told) | set(open_legs(state)) == set(LEGS)
    assert bool(open_legs(state)) == (not won and not over)
    assert state.over == bool(over)


@given(st.lists(events, max_size=25))
def test_losers_that_answer_are_hung_up(history: list[Event]) -> None:
    """Whenever a leg is answered, it wins, or is hung up at once, or had ended before."""
    state = ring_set(LEGS)
    ended: set[str] = set()
    for event in history:
        before = state.winner
        state, effects = step(state, event)
        match event:
            case Accepted(leg) if leg in LEGS and leg not in ended and leg != before:
                assert GrantAudio(leg) in effects or effects == (HangUp(leg, elsewhere=False),)
            case Gone(leg, _, _):
                ended.add(leg)
