"""What the door's core does with its inputs: from a line's edge to what is told, and to the relay that it opens.

A change goes from the line's core (`inputs.py`) to the input's limit, which says whether it is told; a contact's goes
to its own core as well, and what that makes of it passes the limit, too.

An exit button over its limit:

1. Its press opens the relay when that rests, so nobody is locked in by a limit. It restarts no hold of a relay that is
   energised, and nothing is logged about a relay that is not there.
2. Such an opening, and the relay's return to rest after it, are told in the sum of the flood only: a wire that flaps
   for a month tells two events, not one pair after another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from doorbus.contract.document.io import Input as InputDocument
from doorbus.contract.lines import Cause, InputEvent, InputForced, InputKind, InputLeftOpen, UnlockMethod
from doorbus_io import contact, inputs, limit, relay
from doorbus_io.door_model import Door, DoorEffect, Effects, InputState, Line, Tell, Warn, active_level
from doorbus_io.door_relays import refusal, step_relays
from doorbus_io.relay_model import Pulse, Reason, Resting


def first_input(document: InputDocument) -> InputState:
    """Returns an input that the document names for the first time; its line is not known yet."""
    door_contact = contact.Contact(document.left_open_s) if document.kind == "door_contact" else None
    return InputState(document, inputs.Input(_setup(document)), limit.Limit(), door_contact)


def renewed_input(state: InputState, document: InputDocument) -> InputState:
    """Returns an input that the document describes anew: its line is claimed again, as after a loss.

    What was told of it, its limit and its opening stay, unless it is of another kind now.
    """
    fresh = first_input(document)
    if state.document.kind != document.kind:
        return fresh
    core = inputs.renewed(state.core, fresh.core.setup)
    if state.contact is None or fresh.contact is None:
        return replace(fresh, core=core, limit=state.limit)
    door_contact = contact.renewed(state.contact, fresh.contact.left_open_s)
    return replace(fresh, core=core, limit=state.limit, contact=door_contact)


def deadlines(state: InputState) -> Iterator[float | None]:
    """Yields when time alone changes something of this input next."""
    yield inputs.deadline(state.core)
    yield limit.deadline(state.limit)
    if state.contact is not None:
        yield contact.deadline(state.contact)


def step_inputs(door: Door, event: inputs.InputCoreEvent, now: float, lines: Iterable[Line]) -> tuple[Door, Effects]:
    """Returns the door after `event` of the inputs on these lines at `now`, and what to do, in order."""
    where = frozenset(lines)
    effects: list[DoorEffect] = []
    for input_id, state in door.inputs.items():
        if state.line in where:
            door, done = _step_input(door, input_id, event, now)
            effects.extend(done)
    return door, tuple(effects)


def _step_input(door: Door, input_id: str, event: inputs.InputCoreEvent, now: float) -> tuple[Door, Effects]:
    state = door.inputs[input_id]
    core, changes = inputs.step(state.core, event, now)
    door = _with(door, input_id, replace(state, core=core)) if core is not state.core else door
    effects: list[DoorEffect] = []
    for change in changes:
        door, done = _change(door, input_id, change, now, seen=not isinstance(event, inputs.LevelRead))
        effects.extend(done)
    match event:
        case inputs.LevelRead() if core.active is not None:
            door, done = _step_contact(door, input_id, contact.Found(core.active), now)
        case inputs.Lost():
            door, done = _step_contact(door, input_id, contact.Lost(), now)
        case inputs.TimePassed():
            door, left_open = _step_contact(door, input_id, contact.TimePassed(), now)
            door, calm = _step_limit(door, input_id, limit.TimePassed(), now)
            done = left_open + calm
        case _:
            done = ()
    return door, (*effects, *done)


def _change(door: Door, input_id: str, change: inputs.ReportChange, now: float, *, seen: bool) -> tuple[Door, Effects]:
    """Takes a change of the line; `seen`: as it happened, and not found so."""
    effects: list[DoorEffect] = []
    if seen and not change.active:  # what the opening still has to tell comes before its end
        door, done = _step_contact(door, input_id, contact.Closed(change.at), now)
        effects.extend(done)
    door, done = _step_limit(door, input_id, limit.Change(change.fact, change.active, change.at), now)
    effects.extend(done)
    if seen and change.active:
        opened = contact.Opened(change.at, _unlocked(door, input_id, change.at))
        door, done = _step_contact(door, input_id, opened, now)
        effects.extend(done)
    if change.opens is not None:
        door, done = _open(door, input_id, change.opens, now)
        effects.extend(done)
    return door, tuple(effects)


def _step_contact(door: Door, input_id: str, event: contact.ContactEvent, now: float) -> tuple[Door, Effects]:
    state = door.inputs[input_id]
    if state.contact is None:
        return door, ()
    core, alarms = contact.step(state.contact, event, now)
    door = _with(door, input_id, replace(state, contact=core)) if core is not state.contact else door
    effects: list[DoorEffect] = []
    for alarm in alarms:
        fact: InputEvent
        match alarm:
            case contact.ReportForced():
                fact = InputForced(input=input_id, kind=InputKind.DOOR_CONTACT)
            case contact.ReportLeftOpen(open_s=open_s):
                fact = InputLeftOpen(input=input_id, kind=InputKind.DOOR_CONTACT, open_s=open_s)
        door, done = _step_limit(door, input_id, limit.Alarm(fact, alarm.at), now)
        effects.extend(done)
    return door, tuple(effects)


def _step_limit(door: Door, input_id: str, event: limit.LimitEvent, now: float) -> tuple[Door, Effects]:
    state = door.inputs[input_id]
    core, reports = limit.step(state.limit, event, now)
    door = _with(door, input_id, replace(state, limit=core)) if core is not state.limit else door
    return door, tuple(Tell(each.fact, each.at, prompt=each.prompt) for each in reports)


def _unlocked(door: Door, input_id: str, at: float) -> bool:
    watched = door.relays.get(door.inputs[input_id].core.setup.relay or "")
    return watched is not None and relay.was_energised(watched.core, at, contact.UNLOCK_GRACE_S)


def _open(door: Door, input_id: str, relay_id: str, now: float) -> tuple[Door, Effects]:
    left_out = door.inputs[input_id].limit.flood is not None
    why_not = refusal(door, relay_id)
    if why_not is not None:
        return door, () if left_out else (Warn("exit button opens nothing", relay_id, why_not.message or ""),)
    if left_out and not isinstance(door.relays[relay_id].core.phase, Resting):
        return door, ()
    cause = Cause(kind="unlock", method=UnlockMethod.INPUT, by=input_id)
    door, effects = step_relays(door, Pulse(Reason(cause, untold=left_out)), now, {relay_id})
    if left_out:
        door, _ = _step_limit(door, input_id, limit.UntoldUnlock(), now)
    return door, effects


def _with(door: Door, input_id: str, state: InputState) -> Door:
    return replace(door, inputs={**door.inputs, input_id: state})


def _setup(document: InputDocument) -> inputs.InputSetup:
    relay_id = document.relay if document.kind != "push_button" else None
    debounce_s = document.debounce_ms / 1000
    return inputs.InputSetup(document.id, InputKind(document.kind), active_level(document), debounce_s, relay_id)
