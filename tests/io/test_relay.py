"""The pure core of a relay, by example."""

from __future__ import annotations

import pytest

from doorbus.contract.base import COMMAND_LIFETIME_S
from doorbus.contract.lines import Cause, UnlockMethod
from doorbus_io.relay import claimed, deadline, step, was_energised
from doorbus_io.relay_model import (
    Effects,
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
)

EXIT = Reason(Cause(kind="unlock", method=UnlockMethod.INPUT, by="exit1"))
ORDER = Reason(Cause(kind="unlock", method=UnlockMethod.DTMF, by="101"), command="order-1")
ACTION = Reason(Cause(kind="action", call="call-1"), command="order-2")
OTHER = Reason(Cause(kind="action", call="call-2"), command="order-3")
QUIET = Reason(EXIT.cause, untold=True)

Script = list[tuple[float, RelayEvent]]


def relay(delay_s: float = 0.0, hold_s: float = 3.0, max_on_s: float = 60.0) -> Relay:
    return Relay(RelayTimes(delay_s, hold_s, max_on_s))


def play(state: Relay, script: Script) -> tuple[Relay, Effects]:
    """Feeds events at their times; returns the effects of the last one."""
    effects: Effects = ()
    for at, event in script:
        state, effects = step(state, event, at)
    return state, effects


def ends(state: Relay) -> float:
    """Returns when an energised relay rests by itself."""
    assert isinstance(state.phase, Energised)
    return state.phase.ends


def test_pulse_holds_and_resets() -> None:
    """A pulse energises at once for the hold, and time alone brings the relay to rest."""
    state, effects = step(relay(), Pulse(EXIT), 100.0)
    assert (ReportEnergised(EXIT, 3.0, move=True),) == effects
    assert deadline(state) == 103.0
    state, effects = step(state, TimePassed(), 102.999)
    assert effects == ()
    state, effects = step(state, TimePassed(), 103.0)
    assert (ReportReset("hold", 3.0, EXIT),) == effects
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
    assert (ReportReset("max_on", 5.0, EXIT),) == effects


def test_hold_longer_than_the_maximum() -> None:
    """A hold beyond `max_on_s` is cut to it."""
    state, effects = step(relay(hold_s=100, max_on_s=60), Pulse(EXIT), 0.0)
    assert (ReportEnergised(EXIT, 60, move=True),) == effects
    assert (ReportReset("max_on", 60.0, EXIT),) == step(state, TimePassed(), 60.0)[1]


def test_held_for_a_call_may_exceed_max_on() -> None:
    """A relay held for a call is bounded by its own `max_s` (row button.relay_reset_ended)."""
    state, effects = step(relay(max_on_s=60), Hold(360, ACTION), 0.0)
    assert (ReportEnergised(ACTION, 360, move=True),) == effects
    state, effects = step(state, TimePassed(), 359.9)
    assert effects == ()
    assert (ReportReset("max_on", 360.0, ACTION),) == step(state, TimePassed(), 360.0)[1]


def test_pulse_never_shortens_a_held_relay() -> None:
    """A pulse on a relay held for a call leaves it on until the call's reset, and is told all the same."""
    state, _ = step(relay(), Hold(360, ACTION), 0.0)
    state, effects = step(state, Pulse(ORDER), 10.0)
    assert (ReportEnergised(ORDER, 350, move=False),) == effects
    assert ends(state) == 360.0


def test_hold_takes_the_pending_pulse_with_it() -> None:
    """An unlock that waits for its delay is told when a hold energises the relay before."""
    state, _ = step(relay(delay_s=5), Pulse(ORDER), 0.0)
    state, effects = step(state, Hold(100, ACTION), 1.0)
    assert (ReportEnergised(ORDER, 3.0, move=True), ReportEnergised(ACTION, 100, move=False)) == effects
    assert ends(state) == 101.0


@pytest.mark.parametrize("setup", [Pulse(EXIT), Hold(100, ACTION)])
def test_reset_wins_at_once(setup: Pulse | Hold) -> None:
    """A reset brings an energised relay to rest, whatever holds it."""
    state, _ = step(relay(), setup, 0.0)
    state, effects = step(state, Reset("order"), 1.0)
    assert (ReportReset("order", 1.0, setup.reason),) == effects
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
    assert (ReportReset("hold", 10.0, EXIT), ReportEnergised(ORDER, 3.0, move=True)) == effects
    assert deadline(state) == 13.0


def test_hold_of_nothing() -> None:
    """A hold of 0 s moves nothing."""
    state, effects = step(relay(), Hold(0, ACTION), 0.0)
    assert effects == ()
    assert Resting() == state.phase


def test_the_calls_reset_ends_its_hold() -> None:
    """With nothing else lasting, the reset for the call brings the relay to rest, as ordered."""
    state, effects = play(relay(), [(0.0, Hold(360, ACTION)), (20.0, Reset("order", "call-1"))])
    assert (ReportReset("order", 20.0, ACTION),) == effects
    assert Resting() == state.phase


def test_the_calls_reset_leaves_an_unlock() -> None:
    """Somebody unlocks in a call's last second: the hold ends, the door stays open for the pulse, then rests."""
    script: Script = [(0.0, Hold(360, ACTION)), (99.0, Pulse(ORDER)), (100.0, Reset("order", "call-1"))]
    state, effects = play(relay(), script)
    assert effects == ()
    assert (ends(state), state.phase.reason if isinstance(state.phase, Energised) else None) == (102.0, ORDER)
    assert (ReportReset("hold", 102.0, ORDER),) == step(state, TimePassed(), 102.0)[1]


def test_a_pulse_that_is_over_goes_with_the_hold() -> None:
    """A pulse that ended by itself meanwhile keeps nothing energised after the call's reset."""
    script: Script = [(0.0, Hold(360, ACTION)), (10.0, Pulse(ORDER)), (20.0, Reset("order", "call-1"))]
    assert (ReportReset("order", 20.0, ACTION),) == play(relay(), script)[1]


@pytest.mark.parametrize("before", [[], [Pulse(ORDER)], [Hold(360, OTHER)], [Hold(360, EXIT)]])
@pytest.mark.parametrize("delay_s", [0.0, 5.0])
def test_a_reset_for_a_call_that_holds_nothing(before: list[RelayEvent], delay_s: float) -> None:
    """At rest, in a pulse's delay, in a pulse and in another call's hold it changes nothing."""
    state, _ = play(relay(delay_s=delay_s), [(0.0, event) for event in before])
    assert (state, ()) == step(state, Reset("order", "call-1"), 1.0)


def test_two_calls_hold_side_by_side() -> None:
    """The first call's reset leaves the second one's hold, whose own reset ends it."""
    state, effects = play(relay(), [(0.0, Hold(360, ACTION)), (1.0, Hold(90, OTHER)), (2.0, Reset("order", "call-1"))])
    assert effects == ()
    assert ends(state) == 91.0
    assert (ReportReset("order", 3.0, OTHER),) == step(state, Reset("order", "call-2"), 3.0)[1]


def test_another_hold_for_the_same_call() -> None:
    """It never shortens what is left, and one reset ends them both."""
    state, effects = play(relay(), [(0.0, Hold(360, ACTION)), (1.0, Hold(10, ACTION))])
    assert (ReportEnergised(ACTION, 359, move=False),) == effects
    assert (ReportReset("order", 2.0, ACTION),) == step(state, Reset("order", "call-1"), 2.0)[1]


def test_a_pulse_outlives_the_hold_by_its_own_bound() -> None:
    """Pulses in a hold count `max_on_s` from the first of them, and rest the relay there when the hold is over."""
    pulses: Script = [(98.0 + 2 * count, Pulse(ORDER)) for count in range(5)]
    state, effects = play(relay(hold_s=3, max_on_s=10), [(0.0, Hold(100, ACTION)), *pulses])
    assert (ReportEnergised(ORDER, 2.0, move=False),) == effects
    assert (ReportReset("max_on", 108.0, ORDER),) == step(state, TimePassed(), 108.0)[1]


def test_what_ended_last_is_told_after_a_stall() -> None:
    """A process that slept over pulse and hold tells the one that would have ended last."""
    state, _ = play(relay(), [(0.0, Pulse(ORDER)), (1.0, Hold(10, ACTION))])
    assert (ReportReset("max_on", 50.0, ACTION),) == step(state, TimePassed(), 50.0)[1]


def test_what_is_untold_stays_untold() -> None:
    """A relay that only an untold pulse energised rests untold; one that was told meanwhile rests told."""
    state, _ = play(relay(), [(0.0, Pulse(QUIET))])
    assert (ReportReset("hold", 3.0, QUIET, told=False),) == step(state, TimePassed(), 3.0)[1]
    state, _ = step(state, Pulse(ORDER), 1.0)
    assert (ReportReset("hold", 4.0, ORDER, told=True),) == step(state, TimePassed(), 4.0)[1]


def test_was_energised() -> None:
    """While active and shortly after it says yes; before it was active, and long after, no."""
    state, _ = play(relay(), [(10.0, Pulse(ORDER))])
    assert [was_energised(state, at, 2.0) for at in (9.9, 10.0, 11.0)] == [False, True, True]
    state, _ = step(state, TimePassed(), 13.0)
    assert [was_energised(state, at, 2.0) for at in (9.9, 10.0, 13.0, 15.0, 15.1)] == [False, True, True, True, False]
    state, _ = step(state, Pulse(ORDER), 20.0)
    assert [was_energised(state, at, 2.0) for at in (15.0, 19.9, 20.0)] == [True, False, True]
    assert [was_energised(claimed(relay(), 50.0), at, 2.0) for at in (52.0, 52.1)] == [True, False]
