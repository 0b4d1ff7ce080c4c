"""The pure core of an input: debouncing, active levels, kinds."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorbus.contract.base import COMMAND_LIFETIME_S
from doorbus.contract.lines import InputKind
from doorbus_io.inputs import (
    Edge,
    Input,
    InputSetup,
    LevelRead,
    Lost,
    ReportChange,
    TimePassed,
    deadline,
    step,
)

DEBOUNCE_S = 0.02


def an_input(kind: InputKind, *, level: int = 1, chip_debounces: bool = False, relay: str | None = "gate") -> Input:
    """Returns an input, active at level 0, whose line was read at `level`."""
    setup = InputSetup("in1", kind, active_level=0, debounce_s=DEBOUNCE_S, relay=relay)
    state, effects = step(Input(setup), LevelRead(level, chip_debounces), 0.0)
    assert effects == ()
    return state


def play(state: Input, edges: list[tuple[float, int]]) -> tuple[Input, list[tuple[float, ReportChange]]]:
    """Feeds edges, and the timer where it is due; returns what was done when."""
    done: list[tuple[float, ReportChange]] = []

    def run_timer(until: float) -> Input:
        after = state
        while (due := deadline(after)) is not None and due < until:
            after, effects = step(after, TimePassed(), due)
            done.extend((due, effect) for effect in effects)
        return after

    for at, level in edges:
        state = run_timer(at)
        state, effects = step(state, Edge(level, at), at)
        done.extend((at, effect) for effect in effects)
    state = run_timer(float("inf"))
    return state, done


def told(done: list[tuple[float, ReportChange]]) -> list[tuple[float, str]]:
    """Returns the facts told, by name, and when."""
    return [(round(at, 6), effect.fact.what) for at, effect in done]


def test_press_is_told_at_the_first_edge() -> None:
    """A push button's press is told with no delay, its release when the line stands still."""
    _, done = play(an_input(InputKind.PUSH_BUTTON), [(1.0, 0), (1.5, 1)])
    assert told(done) == [(1.0, "pressed"), (1.52, "released")]
    assert not any(effect.opens is not None for _, effect in done)


def test_a_bouncing_line_gives_one_press() -> None:
    """Bounces at press and at release make one press and one release."""
    edges = [(1.0, 0), (1.001, 1), (1.003, 0), (1.004, 1), (1.006, 0), (1.5, 1), (1.501, 0), (1.504, 1)]
    _, done = play(an_input(InputKind.PUSH_BUTTON), edges)
    assert told(done) == [(1.0, "pressed"), (1.524, "released")]


def test_a_spike_while_held_is_no_second_press() -> None:
    """A contact that chatters for a moment under the finger stays pressed."""
    _, done = play(an_input(InputKind.PUSH_BUTTON), [(1.0, 0), (1.3, 1), (1.305, 0), (2.0, 1)])
    assert told(done) == [(1.0, "pressed"), (2.02, "released")]


def test_a_tap_shorter_than_the_debouncing() -> None:
    """Even a tap of 5 ms rings, once."""
    _, done = play(an_input(InputKind.PUSH_BUTTON), [(1.0, 0), (1.005, 1)])
    assert told(done) == [(1.0, "pressed"), (1.025, "released")]


def test_exit_button_pulses_its_relay() -> None:
    """An exit button held for the debouncing pulses its relay, once."""
    _, done = play(an_input(InputKind.EXIT_BUTTON), [(1.0, 0), (1.5, 1)])
    assert told(done) == [(1.02, "pressed"), (1.52, "released")]
    assert done[0][1].opens == "gate"
    assert sum(effect.opens is not None for _, effect in done) == 1


def test_a_spike_opens_no_door() -> None:
    """An exit button's line that is active for less than the debouncing does nothing."""
    _, done = play(an_input(InputKind.EXIT_BUTTON), [(1.0, 0), (1.01, 1)])
    assert done == []


def test_contact_tells_opened_and_closed() -> None:
    """A door contact says opened and closed, and pulses nothing."""
    _, done = play(an_input(InputKind.DOOR_CONTACT), [(1.0, 0), (1.002, 1), (1.004, 0), (9.0, 1)])
    assert told(done) == [(1.024, "opened"), (9.02, "closed")]
    assert not any(effect.opens is not None for _, effect in done)


def test_the_chip_debounces() -> None:
    """Where the chip debounces, an edge counts as it comes."""
    _, done = play(an_input(InputKind.EXIT_BUTTON, chip_debounces=True), [(1.0, 0), (1.5, 1)])
    assert told(done) == [(1.0, "pressed"), (1.5, "released")]


@pytest.mark.parametrize("kind", [InputKind.PUSH_BUTTON, InputKind.EXIT_BUTTON])
def test_active_at_start_is_no_press(kind: InputKind) -> None:
    """A button that is down when io starts rings and opens nothing; its release is told, the next press counts."""
    state = an_input(kind, level=0)
    assert state.active is True
    _, done = play(state, [(5.0, 1), (6.0, 0)])
    assert [what for _, what in told(done)] == ["released", "pressed"]


def test_edges_before_the_first_reading_mean_nothing() -> None:
    """Without a known level there is no change to tell of."""
    setup = InputSetup("in1", InputKind.PUSH_BUTTON, active_level=0, debounce_s=DEBOUNCE_S)
    assert step(Input(setup), Edge(0, 1.0), 1.0)[1] == ()


def test_pressed_while_the_chip_was_lost_is_no_press() -> None:
    """A button that is down when its chip comes back was not seen going down."""
    state, _ = step(an_input(InputKind.EXIT_BUTTON), Lost(), 1.0)
    assert state.active is None
    state, effects = step(state, LevelRead(0), 2.0)
    assert effects == ()
    assert state.active is True


def test_released_and_opened_while_the_chip_was_lost_are_told() -> None:
    """What changed without opening anything is told when the chip is back."""
    pressed, _ = play(an_input(InputKind.PUSH_BUTTON), [(0.5, 0)])
    back = step(step(pressed, Lost(), 1.0)[0], LevelRead(1), 2.0)[1]
    assert [what for _, what in told([(2.0, effect) for effect in back])] == ["released"]
    closed = an_input(InputKind.DOOR_CONTACT)
    back = step(step(closed, Lost(), 1.0)[0], LevelRead(0), 2.0)[1]
    assert [what for _, what in told([(2.0, effect) for effect in back])] == ["opened"]


def test_losing_the_chip_twice_keeps_what_was_told() -> None:
    """A second loss before the line was read again does not forget the state before the first."""
    state, _ = step(an_input(InputKind.DOOR_CONTACT), Lost(), 1.0)
    state, _ = step(state, Lost(), 1.5)
    assert len(step(state, LevelRead(0), 2.0)[1]) == 1


def test_an_old_press_opens_nothing() -> None:
    """An exit press that waited while the process was stopped is told with its time but opens no door."""
    state = an_input(InputKind.EXIT_BUTTON, chip_debounces=True)
    late = 1.0 + COMMAND_LIFETIME_S + 0.1
    _, effects = step(state, Edge(0, 1.0), late)
    assert [(effect.at, effect.opens) for effect in effects] == [(1.0, None)]


def test_a_long_debounce_still_opens() -> None:
    """The time that debouncing takes does not count as lateness."""
    setup = InputSetup("in1", InputKind.EXIT_BUTTON, active_level=0, debounce_s=COMMAND_LIFETIME_S + 1, relay="gate")
    state, _ = step(Input(setup), LevelRead(1), 0.0)
    _, done = play(state, [(1.0, 0)])
    assert done[0][1].opens == "gate"


edge_scripts = st.lists(st.tuples(st.floats(0.0001, 0.1), st.sampled_from([0, 1])), max_size=60)


@given(st.sampled_from(list(InputKind)), st.sampled_from([0, 1]), edge_scripts)
def test_told_changes_alternate_and_end_at_the_line(
    kind: InputKind, first: int, script: list[tuple[float, int]]
) -> None:
    """Whatever a line does, what is told alternates and ends, once it is quiet, where the line stands."""
    at, edges = 0.0, []
    for pause, level in script:
        at += pause
        edges.append((at, level))
    state, done = play(an_input(kind, level=first), edges)
    changes = [what in ("pressed", "opened") for _, what in told(done)]
    expected = [(first == 1) == (place % 2 == 0) for place in range(len(changes))]
    assert expected == changes
    assert state.active == ((edges[-1][1] if edges else first) == 0)


@given(st.sampled_from([InputKind.EXIT_BUTTON, InputKind.DOOR_CONTACT]), edge_scripts)
def test_nothing_shorter_than_the_debouncing_is_taken(kind: InputKind, script: list[tuple[float, int]]) -> None:
    """Between two changes of what opens a door, or tells of one, there is at least the debouncing time."""
    at, edges = 0.0, []
    for pause, level in script:
        at += pause
        edges.append((at, level))
    _, done = play(an_input(kind), edges)
    moments = [when for when, _ in told(done)]
    assert all(later - sooner >= DEBOUNCE_S - 1e-5 for sooner, later in pairwise(moments))
