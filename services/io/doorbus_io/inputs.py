"""One input: from the edges of a line to what a person did.

The rules in words:

1. The level of a line means active or not by `active` (low or high).
2. A push button's press is taken at the first edge, so that the phone rings at once. Its release is taken when the line
   has been still for `debounce_s`: bouncing, and a spike while it is held, make no second press.
3. What opens a door or tells of one (exit button, door contact) must stand still for `debounce_s` before any change is
   taken: a spike on a long wire opens no door.
4. Where the chip debounces by itself, each edge is taken as it comes.
5. What is active when the line is first read, or read again after the chip was lost, is no press: nobody saw it go
   down. A contact's change meanwhile is told, and so is a button's coming up.
6. A press older than a command may live (the process was stopped meanwhile) is still told with its time, but opens
   nothing: nobody waits at the door any more.
7. An exit button's press pulses its relay, here, with nobody else asked.

How many of the changes are told is not decided here (`limit.py`), nor what an opening means (`contact.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from doorbus.contract.base import COMMAND_LIFETIME_S
from doorbus.contract.lines import (
    InputClosed,
    InputEvent,
    InputKind,
    InputOpened,
    InputPressed,
    InputReleased,
)

FACTS: dict[InputKind, dict[bool, type[InputEvent]]] = {
    InputKind.PUSH_BUTTON: {True: InputPressed, False: InputReleased},
    InputKind.EXIT_BUTTON: {True: InputPressed, False: InputReleased},
    InputKind.DOOR_CONTACT: {True: InputOpened, False: InputClosed},
}
"""What a line's becoming active or inactive is called."""

PRESSED_AT_FIRST_EDGE = frozenset({InputKind.PUSH_BUTTON})
"""Kinds whose press does not wait until the line stands still."""


@dataclass(frozen=True)
class InputSetup:
    """What the document says of an input.

    Attributes:
        active_level: physical level, 0 or 1, that means pressed or open.
        relay: what an exit button pulses; what a door contact watches.
    """

    id: str
    kind: InputKind
    active_level: int
    debounce_s: float
    relay: str | None = None


@dataclass(frozen=True)
class Input:
    """An input and what is known of its line.

    Attributes:
        chip_debounces: the chip's edges are debounced already.
        active: as told; None before the line was read and while its chip is lost.
        before_loss: `active` as it was when the chip was lost.
        raw: the line's last level, as active or not.
        quiet_at: when the line will have been still for `debounce_s`; None when it has.
    """

    setup: InputSetup
    chip_debounces: bool = False
    active: bool | None = None
    before_loss: bool | None = None
    raw: bool | None = None
    quiet_at: float | None = None


@dataclass(frozen=True)
class LevelRead:
    """The line was requested and read: its level is `level`."""

    level: int
    chip_debounces: bool = False


@dataclass(frozen=True)
class Edge:
    """The line went to `level` at `at` (monotonic seconds)."""

    level: int
    at: float


@dataclass(frozen=True)
class Lost:
    """The line can no longer be read."""


@dataclass(frozen=True)
class TimePassed:
    """The deadline may have come."""


InputCoreEvent = LevelRead | Edge | Lost | TimePassed


@dataclass(frozen=True)
class ReportChange:
    """The input changed, seen on the line at `at` (monotonic seconds); `opens`: the relay that it pulses."""

    fact: InputEvent
    active: bool
    at: float
    opens: str | None = None


Effects = tuple[ReportChange, ...]


def step(state: Input, event: InputCoreEvent, now: float) -> tuple[Input, Effects]:
    """Returns the input after `event` at `now`, and what to do, in order."""
    match event:
        case LevelRead(level, chip_debounces):
            return _read(replace(state, chip_debounces=chip_debounces), level == state.setup.active_level, now)
        case Lost():
            return renewed(state, state.setup), ()
        case Edge() if state.active is None:
            return state, ()
        case Edge(level, at):
            state, settled = _settle(state, at, now)
            state, effects = _edge(state, level == state.setup.active_level, at, now)
            return state, settled + effects
        case TimePassed():
            return _settle(state, now, now)


def deadline(state: Input) -> float | None:
    """Returns when a bouncing line will count as still, None when it does."""
    return state.quiet_at


def renewed(state: Input, setup: InputSetup) -> Input:
    """Returns the input as a changed document says it: its line is read again, and what was told of it still counts."""
    return Input(setup, before_loss=state.before_loss if state.active is None else state.active)


def _read(state: Input, active: bool, now: float) -> tuple[Input, Effects]:
    before = state.before_loss
    read = replace(state, active=active, raw=active, quiet_at=None, before_loss=None)
    unseen_press = active and state.setup.kind is not InputKind.DOOR_CONTACT
    if before is None or before == active or unseen_press:
        return read, ()
    return _become(read, active, now, 0.0)


def _edge(state: Input, active: bool, at: float, now: float) -> tuple[Input, Effects]:
    if state.chip_debounces or state.setup.debounce_s <= 0:
        state = replace(state, raw=active)
        return (state, ()) if active == state.active else _become(state, active, at, now - at)
    was_quiet = state.quiet_at is None
    if was_quiet and active == state.raw:
        return state, ()
    state = replace(state, raw=active, quiet_at=at + state.setup.debounce_s)
    if was_quiet and active and not state.active and state.setup.kind in PRESSED_AT_FIRST_EDGE:
        return _become(state, active, at, now - at)
    return state, ()


def _settle(state: Input, until: float, now: float) -> tuple[Input, Effects]:
    """Takes the level of a line that stood still until `until`."""
    if state.quiet_at is None or until < state.quiet_at:
        return state, ()
    still = replace(state, quiet_at=None)
    if state.raw is None or state.raw == state.active:
        return still, ()
    return _become(still, state.raw, state.quiet_at - state.setup.debounce_s, now - state.quiet_at)


def _become(state: Input, active: bool, at: float, late_s: float) -> tuple[Input, Effects]:
    """Takes a change of the line at `at` that could have been taken `late_s` seconds ago."""
    setup = state.setup
    opens = active and setup.kind is InputKind.EXIT_BUTTON and late_s <= COMMAND_LIFETIME_S
    fact = FACTS[setup.kind][active](input=setup.id, kind=setup.kind)
    return replace(state, active=active), (ReportChange(fact, active, at, setup.relay if opens else None),)
