"""The door's core: all its inputs and relays, what the document says of them, and what policy orders.

The rules in words:

1. Whatever happens, relays whose time is over come to rest first.
2. All lines move before anything is told; what depends on a line that could not be moved is not told.
3. A document's changed or removed relays rest, at once and told (`reconfigured`); unchanged inputs and relays go on
   undisturbed. New lines are claimed by the shell, relays at rest.
4. An order for a relay that nobody knows, or whose line is not in our hands, is refused; else it is accepted.
5. When a chip is lost its inputs are unknown and its relays are at rest for all we can say; both come back when the
   shell has claimed their lines again. A claimed relay is driven to rest once more: an order that was in the mailbox
   before the loss may have moved the new claim's line.
6. An unlock that energised a relay, or found it energised, is told as `door.unlocked`, whoever asked for it.
7. After `Stop` every relay rests and nothing energises one again.
"""

from __future__ import annotations

from dataclasses import replace

from doorbus.contract.base import Reply
from doorbus.contract.document.io import Input as InputDocument
from doorbus.contract.document.io import Io
from doorbus.contract.document.io import Relay as RelayDocument
from doorbus.contract.lines import Energise, InputSnapshot, IoSnapshot, Pulse, Reset
from doorbus_io import inputs, relay
from doorbus_io import relay_model as model
from doorbus_io.door_inputs import deadlines, first_input, renewed_input, step_inputs
from doorbus_io.door_model import (
    Answer,
    Claim,
    DocumentTaken,
    Door,
    DoorEvent,
    Drive,
    Effects,
    InputClaimed,
    InputState,
    Line,
    LineEdge,
    LinesLost,
    Ordered,
    RelayClaimed,
    RelayState,
    Stop,
    TimePassed,
    line_of,
    rest_level,
)
from doorbus_io.door_relays import refusal, relay_snapshot, relay_times, step_relays
from doorbus_io.relay_model import Energised, Relay


def step(door: Door, event: DoorEvent, now: float) -> tuple[Door, Effects]:
    """Returns the door after `event` at `now`, and what to do, in order."""
    door, due = step_relays(door, model.TimePassed(), now, door.relays)
    door, effects = _take(door, event, now)
    return door, _lines_first(due + effects)


def deadline(door: Door) -> float | None:
    """Returns when time alone changes something next, None when it does not."""
    relays = (relay.deadline(each.core) for each in door.relays.values())
    lines = (due for each in door.inputs.values() for due in deadlines(each))
    return min((due for due in (*relays, *lines) if due is not None), default=None)


def snapshot(door: Door, now: float) -> IoSnapshot:
    """Returns how inputs and relays are at `now`; the numbers of the bus are the shell's to fill in."""
    return IoSnapshot(
        inputs=tuple(InputSnapshot(input=id_, active=each.core.active) for id_, each in door.inputs.items()),
        relays=tuple(relay_snapshot(id_, each.core, now) for id_, each in door.relays.items()),
    )


def _take(door: Door, event: DoorEvent, now: float) -> tuple[Door, Effects]:
    match event:
        case DocumentTaken(io, revision):
            return _take_document(door, io, revision, now)
        case RelayClaimed(document):
            known = door.relays.get(document.id)
            if known is None or known.document != document:  # of the document before
                return door, ()
            energised = isinstance(known.core.phase, Energised)
            core = known.core if energised else relay.claimed(known.core, now)
            door = replace(door, relays={**door.relays, document.id: replace(known, core=core, ours=True)})
            return door, () if energised else (Drive(line_of(document), rest_level(document)),)
        case InputClaimed(document, level, chip_debounces):
            if all(each.document != document for each in door.inputs.values()):
                return door, ()
            return step_inputs(door, inputs.LevelRead(level, chip_debounces), now, {line_of(document)})
        case LineEdge(line, level, at):
            return step_inputs(door, inputs.Edge(level, at), now, {line})
        case LinesLost(lines):
            return _lose(door, lines, now)
        case Ordered(ticket, order):
            return _obey(door, ticket, order, now)
        case TimePassed():
            return step_inputs(door, inputs.TimePassed(), now, {each.line for each in door.inputs.values()})
        case Stop():
            door, effects = step_relays(door, model.Reset("stopped"), now, door.relays)
            return replace(door, stopped=True), effects


def _take_document(door: Door, io: Io, revision: int, now: float) -> tuple[Door, Effects]:
    keep = {id_ for id_, each in door.relays.items() if each.document in io.relays}
    door, effects = step_relays(door, model.Reset("reconfigured"), now, door.relays.keys() - keep)
    relays = {each.id: _relay_of(each, door.relays.get(each.id)) for each in io.relays}
    pushed = {each.id: _input_of(each, door.inputs.get(each.id)) for each in io.inputs}
    door = replace(door, relays=relays, inputs=pushed, revision=revision)
    return door, (*effects, Claim(io.inputs, io.relays))


def _relay_of(document: RelayDocument, before: RelayState | None) -> RelayState:
    """Returns a relay of the new document; a changed one has come to rest, and remembers when it did."""
    if before is None:
        return RelayState(document, Relay(relay_times(document)))
    if before.document == document:
        return before
    return RelayState(document, replace(before.core, times=relay_times(document)))


def _input_of(document: InputDocument, before: InputState | None) -> InputState:
    """Returns an input of the new document."""
    if before is None:
        return first_input(document)
    return before if before.document == document else renewed_input(before, document)


def _lose(door: Door, lines: frozenset[Line], now: float) -> tuple[Door, Effects]:
    lost = {id_ for id_, each in door.relays.items() if each.line in lines}
    door, relay_effects = step_relays(door, model.Reset("chip_lost"), now, lost)
    relays = {id_: replace(each, ours=each.ours and id_ not in lost) for id_, each in door.relays.items()}
    door, input_effects = step_inputs(replace(door, relays=relays), inputs.Lost(), now, lines)
    return door, tuple(each for each in relay_effects if not isinstance(each, Drive)) + input_effects


def _obey(door: Door, ticket: int, order: Pulse | Energise | Reset, now: float) -> tuple[Door, Effects]:
    why_not = refusal(door, order.relay)
    if why_not is not None:
        return door, (Answer(ticket, why_not),)
    event: model.RelayEvent
    match order:
        case Pulse(cause=cause):
            event = model.Pulse(model.Reason(cause, order.id))
        case Energise(max_s=max_s, cause=cause):
            event = model.Hold(max_s, model.Reason(cause, order.id))
        case Reset(call=call):
            event = model.Reset("order", call)
    door, effects = step_relays(door, event, now, {order.relay})
    return door, (*effects, Answer(ticket, Reply()))


def _lines_first(effects: Effects) -> Effects:
    return tuple(sorted(effects, key=lambda effect: not isinstance(effect, Drive)))
