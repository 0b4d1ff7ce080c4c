"""The pure core of a relay, by property: it always rests, in time, and no reset of a hold cuts a pulse."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from doorbus.contract.lines import Cause, UnlockMethod
from doorbus_io.relay import deadline, step
from doorbus_io.relay_model import (
    Delayed,
    Energised,
    Hold,
    LastingPulse,
    Pulse,
    Reason,
    Relay,
    RelayEvent,
    RelayTimes,
    ReportEnergised,
    ReportReset,
    Reset,
    Resting,
    TimePassed,
)

EXIT = Reason(Cause(kind="unlock", method=UnlockMethod.INPUT, by="exit1"))
ORDER = Reason(Cause(kind="unlock", method=UnlockMethod.DTMF, by="101", call="call-1"), command="order-1")
CALLS = ("call-1", "call-2")

Script = list[tuple[float, RelayEvent]]

times = st.builds(
    RelayTimes,
    delay_s=st.sampled_from([0.0, 0.5, 3.0]),
    hold_s=st.floats(0.1, 20),
    max_on_s=st.floats(0.1, 30),
)
pulses = st.sampled_from([Pulse(EXIT), Pulse(ORDER), Pulse(Reason(EXIT.cause, untold=True))])
holds = st.builds(
    Hold,
    max_s=st.one_of(st.just(0.0), st.floats(0.001, 50)),
    reason=st.sampled_from([Reason(Cause(kind="action", call=call), "order-2") for call in CALLS]),
)
ends_of_calls = st.builds(Reset, st.just("order"), st.sampled_from(CALLS))
events = st.one_of(pulses, holds, ends_of_calls, st.just(Reset("order")), st.just(TimePassed()))


def scripts(of: st.SearchStrategy[RelayEvent] = events) -> st.SearchStrategy[Script]:
    """Returns scripts: events, each with the pause before it."""
    return st.lists(st.tuples(st.floats(0, 10), of), max_size=40)


class Line:
    """A relay with its timer, and what became of its line."""

    def __init__(self, times_: RelayTimes) -> None:
        self.state = Relay(times_)
        self.now = 0.0
        self.moves: list[tuple[float, str]] = []
        self.told: list[str] = []

    def take(self, event: RelayEvent) -> None:
        """Takes an event now."""
        self.state, effects = step(self.state, event, self.now)
        for effect in effects:
            match effect:
                case ReportEnergised(reason, for_s, move):
                    assert isinstance(self.state.phase, Energised)
                    assert for_s >= 0
                    self.moves.extend([(self.now, "on")] if move else [])
                    self.told.extend([] if reason.untold else ["on"])
                case ReportReset(on_s=on_s, told=told):
                    assert on_s >= 0
                    self.moves.append((self.now, "off"))
                    self.told.extend(["off"] if told else [])
        pending = isinstance(self.state.phase, Delayed | Energised)
        assert pending == (deadline(self.state) is not None)

    def wait(self, until: float) -> None:
        """Lets time pass, with the timer where it is due."""
        while (due := deadline(self.state)) is not None and due <= until:
            self.now = max(self.now, due)
            self.take(TimePassed())
        self.now = until

    def play(self, script: Script) -> None:
        """Plays a script."""
        for pause, event in script:
            self.wait(self.now + pause)
            self.take(event)

    def spans(self) -> list[tuple[float, float]]:
        """Runs all timers; returns from when to when the line was active."""
        self.wait(self.now + 1000.0)
        assert ["on", "off"] * (len(self.moves) // 2) == [what for _, what in self.moves]
        return [(on, off) for (on, _), (off, _) in zip(self.moves[::2], self.moves[1::2], strict=True)]


def run(times_: RelayTimes, script: Script) -> Line:
    """Returns a line that has played a script."""
    line = Line(times_)
    line.play(script)
    return line


@given(times, scripts())
def test_a_relay_always_resets(times_: RelayTimes, script: Script) -> None:
    """Whatever comes in whatever order, on and off alternate, and time alone brings the relay to rest."""
    line = run(times_, script)
    line.spans()
    assert Resting() == line.state.phase


@given(times, scripts(pulses))
def test_pulses_never_exceed_the_maximum(times_: RelayTimes, script: Script) -> None:
    """No number and no rhythm of pulses keeps a relay on longer than `max_on_s`."""
    assert all(off - on <= times_.max_on_s + 1e-9 for on, off in run(times_, script).spans())


@given(times, scripts())
def test_a_relay_is_bounded_by_its_holds(times_: RelayTimes, script: Script) -> None:
    """It is on no later than `max_on_s` after it was energised, or after the last hold that can have lasted."""
    latest, now = [], 0.0
    for pause, event in script:
        now += pause
        if isinstance(event, Hold):
            latest.append((now, now + event.max_s))
    for on, off in run(times_, script).spans():
        held = [until for at, until in latest if on <= at <= off]
        assert off <= max([on, *held]) + times_.max_on_s + 1e-9


@given(times, scripts(st.one_of(holds, ends_of_calls)))
def test_holds_alone_end_with_their_calls(times_: RelayTimes, script: Script) -> None:
    """With no pulse the relay is on exactly while a call's hold is neither ended nor over."""
    line, until = Line(times_), dict.fromkeys(CALLS, 0.0)
    for pause, event in script:
        line.play([(pause, event)])
        match event:
            case Hold(max_s=max_s, reason=reason):
                call = str(reason.cause.call)
                lasts = until[call] > line.now
                until[call] = max(until[call], line.now + max_s) if lasts else line.now + max_s
            case Reset(call=str(call)):
                until[call] = 0.0
        assert any(each > line.now for each in until.values()) == isinstance(line.state.phase, Energised)


@given(times, scripts(), scripts(st.one_of(holds, ends_of_calls, pulses, st.just(TimePassed()))))
def test_no_reset_for_a_call_cuts_a_pulse(times_: RelayTimes, before: Script, after: Script) -> None:
    """What a pulse was promised, at rest or in a hold, it gets, whatever calls hold and end meanwhile."""
    line = run(RelayTimes(0.0, times_.hold_s, times_.max_on_s), [*before, (0.0, Pulse(ORDER))])
    pulsed = line.now
    assert isinstance(line.state.phase, Energised)
    promised = next(each.ends for each in line.state.phase.lasting if isinstance(each, LastingPulse))
    assert promised > pulsed
    line.play(after)
    assert promised <= next(off for on, off in line.spans() if on <= pulsed < off)


@given(times, scripts(), st.sampled_from(CALLS), st.floats(0, 5))
def test_a_reset_for_a_call_repeated_changes_nothing(
    times_: RelayTimes, script: Script, call: str, pause: float
) -> None:
    """Ending a call's hold twice, at once or later, is like ending it once."""
    line = run(times_, [*script, (0.0, Reset("order", call))])
    line.wait(line.now + pause)
    assert (line.state, ()) == step(line.state, Reset("order", call), line.now)


@given(times, scripts())
def test_nothing_energises_after_the_last_reset(times_: RelayTimes, script: Script) -> None:
    """After a reset with nothing following the relay stays at rest, also when a pulse was pending."""
    line = run(times_, [*script, (1.0, Reset("order"))])
    assert Resting() == line.state.phase
    moves = list(line.moves)
    line.spans()
    assert moves == line.moves


@given(times, scripts())
def test_who_counts_events_hears_both_or_none(times_: RelayTimes, script: Script) -> None:
    """With untold pulses among the others, each return to rest that is told follows an energising that was."""
    line = run(times_, script)
    line.spans()
    energised = False
    for what in line.told:
        assert what == "on" or energised
        energised = what == "on"
    assert not energised
