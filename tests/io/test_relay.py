"""The pure core of a relay, by example and by property."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorbus.contract.base import COMMAND_LIFETIME_S
from doorbus.contract.lines import Cause, UnlockMethod
from doorbus_io.relay import (
    Delayed,
    Energised,
    Hold,
    Pulse,
    Reason,
    Relay,
    RelayEvent,
    RelayTimes,
    ReportDropped,
    ReportEnergised,
    ReportReset,
    Reset,
    Resting,
    TimePassed,
    deadline,
    step,
)

EXIT = Reason(Cause(kind="unlock", method=UnlockMethod.INPUT, by="exit1"))
ORDER = Reason(Cause(kind="unlock", method=UnlockMethod.DTMF, by="101"), command="order-1")
ACTION = Reason(Cause(kind="action"), command="order-2")


def relay(delay_s: float = 0.0, hold_s: float = 3.0, max_on_s: float = 60.0) -> Relay:
    return Relay(RelayTimes(delay_s, hold_s, max_on_s))


def test_pulse_holds_and_resets() -> None:
    """A pulse energises at once for the hold, and time alone brings the relay to rest."""
    state, effects = step(relay(), Pulse(EXIT), 100.0)
    assert (ReportEnergised(EXIT, 3.0, move=True),) == effects
    assert deadline(state) == 103.0
    state, effects = step(state, TimePassed(), 102.999)
    assert effects == ()
    state, effects = step(state, TimePassed(), 103.0)
    assert (ReportReset("hold", 3.0),) == effects
    assert deadline(state) is None


def test_delay_comes_first() -> None:
    """With a delay nothing moves until it is over, then the hold begins."""
    state, effects = step(relay(delay_s=2), Pulse(ORDER), 10.0)
    assert effects == ()
    assert deadline(state) == 12.0
    state, effects = step(state, TimePassed(), 12.0)
    assert (ReportEnergised(ORDER, 3.0, move=True),) == effects
    assert deadline(state) == 15.0


def test_pulse_while_delayed_does_not_restart_the_delay() -> None:
    """Somebody who presses again and again still gets in after the first press's delay."""
    state, _ = step(relay(delay_s=2), Pulse(EXIT), 10.0)
    state, effects = step(state, Pulse(EXIT), 11.9)
    assert effects == ()
    assert deadline(state) == 12.0


def test_second_pulse_restarts_the_hold() -> None:
    """A pulse while energised lasts a whole hold again, is told, and moves no line."""
    state, _ = step(relay(), Pulse(EXIT), 0.0)
    state, effects = step(state, Pulse(ORDER), 2.0)
    assert (ReportEnergised(ORDER, 3.0, move=False),) == effects
    assert deadline(state) == 5.0


def test_pulses_end_at_the_hard_maximum() -> None:
    """Pulse after pulse, the relay rests `max_on_s` after energising, and the report says why."""
    state, _ = step(relay(hold_s=3, max_on_s=5), Pulse(EXIT), 0.0)
    state, _ = step(state, Pulse(EXIT), 2.5)
    state, effects = step(state, Pulse(EXIT), 4.5)
    assert (ReportEnergised(EXIT, 0.5, move=False),) == effects
    state, effects = step(state, TimePassed(), 5.0)
    assert (ReportReset("max_on", 5.0),) == effects


def test_hold_longer_than_the_maximum() -> None:
    """A hold beyond `max_on_s` is cut to it."""
    state, effects = step(relay(hold_s=100, max_on_s=60), Pulse(EXIT), 0.0)
    assert (ReportEnergised(EXIT, 60, move=True),) == effects
    assert (ReportReset("max_on", 60.0),) == step(state, TimePassed(), 60.0)[1]


def test_held_for_a_call_may_exceed_max_on() -> None:
    """A relay held for a call is bounded by its own `max_s` (row button.relay_reset_ended)."""
    state, effects = step(relay(max_on_s=60), Hold(360, ACTION), 0.0)
    assert (ReportEnergised(ACTION, 360, move=True),) == effects
    state, effects = step(state, TimePassed(), 359.9)
    assert effects == ()
    assert (ReportReset("max_on", 360.0),) == step(state, TimePassed(), 360.0)[1]


def test_pulse_never_shortens_a_held_relay() -> None:
    """A pulse on a relay held for a call leaves it on until the call's reset, and is told all the same."""
    state, _ = step(relay(), Hold(360, ACTION), 0.0)
    state, effects = step(state, Pulse(ORDER), 10.0)
    assert (ReportEnergised(ORDER, 350, move=False),) == effects
    assert deadline(state) == 360.0


def test_hold_takes_the_pending_pulse_with_it() -> None:
    """An unlock that waits for its delay is told when a hold energises the relay before."""
    state, _ = step(relay(delay_s=5), Pulse(ORDER), 0.0)
    state, effects = step(state, Hold(100, ACTION), 1.0)
    assert (ReportEnergised(ORDER, 3.0, move=True), ReportEnergised(ACTION, 100, move=False)) == effects
    assert deadline(state) == 101.0


@pytest.mark.parametrize("setup", [Pulse(EXIT), Hold(100, ACTION)])
def test_reset_wins_at_once(setup: RelayEvent) -> None:
    """A reset brings an energised relay to rest, whatever holds it."""
    state, _ = step(relay(), setup, 0.0)
    state, effects = step(state, Reset("order"), 1.0)
    assert (ReportReset("order", 1.0),) == effects
    assert Resting() == state.phase


def test_reset_drops_a_pending_pulse() -> None:
    """A reset during the delay leaves nothing that could energise later."""
    state, _ = step(relay(delay_s=5), Pulse(ORDER), 0.0)
    state, effects = step(state, Reset("order"), 1.0)
    assert effects == ()
    assert deadline(state) is None
    assert step(state, TimePassed(), 5.0)[1] == ()


def test_overdue_pulse_is_dropped() -> None:
    """A process that was stopped over the delay does not open the door when it goes on."""
    state, _ = step(relay(delay_s=1), Pulse(ORDER), 0.0)
    state, effects = step(state, TimePassed(), 1.5 + COMMAND_LIFETIME_S)
    assert (ReportDropped(ORDER, COMMAND_LIFETIME_S + 0.5),) == effects
    assert Resting() == state.phase


def test_what_is_due_comes_before_the_new() -> None:
    """A pulse that finds the hold over resets first and energises anew: no on-time is carried over."""
    state, _ = step(relay(hold_s=3, max_on_s=4), Pulse(EXIT), 0.0)
    state, effects = step(state, Pulse(ORDER), 10.0)
    assert (ReportReset("hold", 10.0), ReportEnergised(ORDER, 3.0, move=True)) == effects
    assert deadline(state) == 13.0


def test_hold_of_nothing() -> None:
    """A hold of 0 s moves nothing."""
    state, effects = step(relay(), Hold(0, ACTION), 0.0)
    assert effects == ()
    assert Resting() == state.phase


times = st.builds(
    RelayTimes,
    delay_s=st.sampled_from([0.0, 0.5, 3.0]),
    hold_s=st.floats(0.1, 20),
    max_on_s=st.floats(0.1, 30),
)
events = st.one_of(
    st.just(Pulse(EXIT)),
    st.just(Pulse(ORDER)),
    st.builds(Hold, max_s=st.floats(0, 50), reason=st.just(ACTION)),
    st.just(Reset("order")),
    st.just(TimePassed()),
)
scripts = st.lists(st.tuples(st.floats(0, 10), events), max_size=40)


def run(times_: RelayTimes, script: list[tuple[float, RelayEvent]]) -> list[tuple[float, str]]:
    """Runs a script and all timers after it; returns when the line moved, and whether "on" or "off"."""
    state, now = Relay(times_), 0.0
    moves: list[tuple[float, str]] = []

    def take(event: RelayEvent, at: float) -> None:
        nonlocal state
        state, effects = step(state, event, at)
        for effect in effects:
            match effect:
                case ReportEnergised(move=True):
                    moves.append((at, "on"))
                case ReportReset():
                    moves.append((at, "off"))
        if isinstance(state.phase, Energised):
            assert state.phase.ends <= state.phase.bound

    for pause, event in script:
        now += pause
        while (due := deadline(state)) is not None and due <= now:
            take(TimePassed(), due)
        take(event, now)
    while (due := deadline(state)) is not None:
        take(TimePassed(), due)
    return moves


@given(times, scripts)
def test_a_relay_always_resets(times_: RelayTimes, script: list[tuple[float, RelayEvent]]) -> None:
    """Whatever comes in whatever order, on and off alternate and the last move is to rest."""
    moves = [what for _, what in run(times_, script)]
    assert ["on", "off"] * (len(moves) // 2) == moves


@given(times, st.lists(st.tuples(st.floats(0, 10), st.sampled_from([Pulse(EXIT), Pulse(ORDER)])), max_size=40))
def test_pulses_never_exceed_the_maximum(times_: RelayTimes, script: list[tuple[float, RelayEvent]]) -> None:
    """No number and no rhythm of pulses keeps a relay on longer than `max_on_s`."""
    moves = run(times_, script)
    for (on, _), (off, _) in zip(moves[::2], moves[1::2], strict=True):
        assert off - on <= times_.max_on_s + 1e-9


@given(times, scripts)
def test_a_relay_is_bounded_by_its_holds(times_: RelayTimes, script: list[tuple[float, RelayEvent]]) -> None:
    """It is never on later than `max_on_s` after energising or `max_s` after the last hold that reached so far."""
    holds, now = [], 0.0
    for pause, event in script:
        now += pause
        if isinstance(event, Hold):
            holds.append((now, now + event.max_s))
    moves = run(times_, script)
    for (on, _), (off, _) in zip(moves[::2], moves[1::2], strict=True):
        allowed = max([on + times_.max_on_s, *(until for at, until in holds if on <= at <= off)])
        assert off <= allowed + 1e-9


@given(times, scripts)
def test_nothing_energises_after_the_last_reset(times_: RelayTimes, script: list[tuple[float, RelayEvent]]) -> None:
    """After a reset with nothing following the relay stays at rest, also when a pulse was pending."""
    end = sum(pause for pause, _ in script) + 1.0
    moves = run(times_, [*script, (1.0, Reset("order"))])
    assert [move for move in moves if move[0] > end] == []


@given(times, scripts)
def test_something_is_armed_while_something_is_pending(
    times_: RelayTimes, script: list[tuple[float, RelayEvent]]
) -> None:
    """A relay that is delayed or energised always has a deadline."""
    state, now = Relay(times_), 0.0
    for pause, event in script:
        now += pause
        state, _ = step(state, event, now)
        assert isinstance(state.phase, Delayed | Energised) == (deadline(state) is not None)
