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

from collections.abc import Iterable
from dataclasses import replace

from doorbus.contract.base import Reply
from doorbus.contract.document.io import Input as InputDocument
from doorbus.contract.document.io import Io
from doorbus.contract.document.io import Relay as RelayDocument
from doorbus.contract.errors import ErrorCode
from doorbus.contract.lines import (
    Cause,
    DoorUnlocked,
    Energise,
    InputKind,
    InputSnapshot,
    IoSnapshot,
    Pulse,
    RelayEnergised,
    RelayReset,
    RelaySnapshot,
    Reset,
    UnlockMethod,
)
from doorbus_io import inputs, relay
from doorbus_io.door_model import (
    Answer,
    Claim,
    DocumentTaken,
    Door,
    DoorEffect,
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
    Tell,
    TimePassed,
    Warn,
    active_level,
    line_of,
    rest_level,
)


def step(door: Door, event: DoorEvent, now: float) -> tuple[Door, Effects]:
    """Returns the door after `event` at `now`, and what to do, in order."""
    door, due = _step_relays(door, relay.TimePassed(), now, door.relays)
    door, effects = _take(door, event, now)
    return door, _lines_first(due + effects)


def deadline(door: Door) -> float | None:
    """Returns when time alone changes something next, None when it does not."""
    relays = (relay.deadline(each.core) for each in door.relays.values())
    buttons = (inputs.deadline(each.core) for each in door.inputs.values())
    return min((due for due in (*relays, *buttons) if due is not None), default=None)


def snapshot(door: Door, now: float) -> IoSnapshot:
    """Returns how inputs and relays are at `now`; the numbers of the bus are the shell's to fill in."""
    return IoSnapshot(
        inputs=tuple(InputSnapshot(input=id_, active=each.core.active) for id_, each in door.inputs.items()),
        relays=tuple(_relay_snapshot(id_, each.core, now) for id_, each in door.relays.items()),
    )


def _take(door: Door, event: DoorEvent, now: float) -> tuple[Door, Effects]:
    match event:
        case DocumentTaken(io, revision):
            return _take_document(door, io, revision, now)
        case RelayClaimed(document):
            known = door.relays.get(document.id)
            if known is None or known.document != document:  # of the document before
                return door, ()
            door = replace(door, relays={**door.relays, document.id: replace(known, ours=True)})
            energised = isinstance(known.core.phase, relay.Energised)
            return door, () if energised else (Drive(line_of(document), rest_level(document)),)
        case InputClaimed(document, level, chip_debounces):
            if all(each.document != document for each in door.inputs.values()):
                return door, ()
            return _step_inputs(door, inputs.LevelRead(level, chip_debounces), now, {line_of(document)})
        case LineEdge(line, level, at):
            return _step_inputs(door, inputs.Edge(level, at), now, {line})
        case LinesLost(lines):
            return _lose(door, lines, now)
        case Ordered(ticket, order):
            return _obey(door, ticket, order, now)
        case TimePassed():
            return _step_inputs(door, inputs.TimePassed(), now, {each.line for each in door.inputs.values()})
        case Stop():
            door, effects = _step_relays(door, relay.Reset("stopped"), now, door.relays)
            return replace(door, stopped=True), effects


def _take_document(door: Door, io: Io, revision: int, now: float) -> tuple[Door, Effects]:
    keep = {id_ for id_, each in door.relays.items() if each.document in io.relays}
    door, effects = _step_relays(door, relay.Reset("reconfigured"), now, door.relays.keys() - keep)
    relays = {
        each.id: door.relays[each.id] if each.id in keep else RelayState(each, relay.Relay(_times(each)))
        for each in io.relays
    }
    known = {id_ for id_, each in door.inputs.items() if each.document in io.inputs}
    pushed = {
        each.id: door.inputs[each.id] if each.id in known else InputState(each, inputs.Input(_setup(each)))
        for each in io.inputs
    }
    door = replace(door, relays=relays, inputs=pushed, revision=revision)
    return door, (*effects, Claim(io.inputs, io.relays))


def _lose(door: Door, lines: frozenset[Line], now: float) -> tuple[Door, Effects]:
    lost = {id_ for id_, each in door.relays.items() if each.line in lines}
    door, relay_effects = _step_relays(door, relay.Reset("chip_lost"), now, lost)
    relays = {id_: replace(each, ours=each.ours and id_ not in lost) for id_, each in door.relays.items()}
    door, input_effects = _step_inputs(replace(door, relays=relays), inputs.Lost(), now, lines)
    return door, tuple(each for each in relay_effects if not isinstance(each, Drive)) + input_effects


def _obey(door: Door, ticket: int, order: Pulse | Energise | Reset, now: float) -> tuple[Door, Effects]:
    refusal = _refusal(door, order.relay)
    if refusal is not None:
        return door, (Answer(ticket, refusal),)
    event: relay.RelayEvent
    match order:
        case Pulse(cause=cause):
            event = relay.Pulse(relay.Reason(cause, order.id))
        case Energise(max_s=max_s, cause=cause):
            event = relay.Hold(max_s, relay.Reason(cause, order.id))
        case Reset():
            event = relay.Reset("order")
    door, effects = _step_relays(door, event, now, {order.relay})
    return door, (*effects, Answer(ticket, Reply()))


def _refusal(door: Door, relay_id: str) -> Reply | None:
    if door.revision is None or door.stopped:
        return Reply(ok=False, code=ErrorCode.NOT_READY, message="io has no document yet, or is about to end")
    wanted = door.relays.get(relay_id)
    if wanted is None:
        known = ", ".join(door.relays) or "none"
        return Reply(ok=False, code=ErrorCode.UNKNOWN_RELAY, message=f"relay: {relay_id} is not one of: {known}")
    if not wanted.ours:
        chip = f"{wanted.document.chip} line {wanted.document.line}"
        return Reply(ok=False, code=ErrorCode.NOT_READY, message=f"relay: {relay_id} is on {chip}, which is not there")
    return None


def _step_relays(door: Door, event: relay.RelayEvent, now: float, relay_ids: Iterable[str]) -> tuple[Door, Effects]:
    relays = dict(door.relays)
    effects: list[DoorEffect] = []
    for relay_id in relay_ids:
        state = relays[relay_id]
        core, done = relay.step(state.core, event, now)
        if core is not state.core:
            relays[relay_id] = replace(state, core=core)
        for effect in done:
            effects.extend(_relay_effects(state, effect, now))
    return replace(door, relays=relays), tuple(effects)


def _relay_effects(state: RelayState, effect: relay.RelayEffect, now: float) -> Iterable[DoorEffect]:
    id_, line = state.document.id, state.line
    match effect:
        case relay.ReportEnergised(reason, for_s, move):
            if move:
                yield Drive(line, active_level(state.document))
            cause = reason.cause
            yield Tell(RelayEnergised(relay=id_, cause=cause, for_s=for_s, command=reason.command), now, line)
            if cause.kind == "unlock" and cause.method is not None:
                unlocked = DoorUnlocked(relay=id_, method=cause.method, by=cause.by, call=cause.call)
                yield Tell(unlocked, now, line)
        case relay.ReportReset(why, on_s):
            yield Drive(line, rest_level(state.document))
            yield Tell(RelayReset(relay=id_, why=why, on_s=on_s), now, line)
        case relay.ReportDropped(reason, late_s):
            yield Warn("delayed pulse dropped", id_, f"{late_s:.1f} s late, order {reason.command}")


def _step_inputs(door: Door, event: inputs.InputCoreEvent, now: float, lines: Iterable[Line]) -> tuple[Door, Effects]:
    where = frozenset(lines)
    effects: list[DoorEffect] = []
    for input_id, state in door.inputs.items():
        if state.line not in where:
            continue
        core, done = inputs.step(state.core, event, now)
        if core is not state.core:
            door = replace(door, inputs={**door.inputs, input_id: replace(state, core=core)})
        told: list[DoorEffect] = []
        for effect in done:
            match effect:
                case inputs.PulseRelay(relay_id):
                    door, opened = _open(door, input_id, relay_id, now)
                    told.extend(opened)
                case inputs.ReportChange(fact, at):
                    told.insert(0, Tell(fact, at))  # the press comes before what it did
        effects.extend(told)
    return door, tuple(effects)


def _open(door: Door, input_id: str, relay_id: str, now: float) -> tuple[Door, Effects]:
    refusal = _refusal(door, relay_id)
    if refusal is not None:
        return door, (Warn("exit button opens nothing", relay_id, refusal.message or ""),)
    cause = Cause(kind="unlock", method=UnlockMethod.INPUT, by=input_id)
    return _step_relays(door, relay.Pulse(relay.Reason(cause)), now, {relay_id})


def _lines_first(effects: Effects) -> Effects:
    return tuple(sorted(effects, key=lambda effect: not isinstance(effect, Drive)))


def _times(document: RelayDocument) -> relay.RelayTimes:
    return relay.RelayTimes(document.delay_s, document.hold_s, document.max_on_s)


def _setup(document: InputDocument) -> inputs.InputSetup:
    relay_id = document.relay if document.kind != "push_button" else None
    debounce_s = document.debounce_ms / 1000
    return inputs.InputSetup(document.id, InputKind(document.kind), active_level(document), debounce_s, relay_id)


def _relay_snapshot(relay_id: str, core: relay.Relay, now: float) -> RelaySnapshot:
    match core.phase:
        case relay.Energised(ends=ends, reason=reason):
            left_s = max(ends - now, 0.0)
            return RelaySnapshot(relay=relay_id, energised=True, left_s=left_s, cause=reason.cause)
        case _:
            return RelaySnapshot(relay=relay_id, energised=False)
