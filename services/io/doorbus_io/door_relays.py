"""What the door's core does with its relays: steps them, and says what their lines and the bus get of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from doorbus.contract.base import Reply
from doorbus.contract.document.io import Relay as RelayDocument
from doorbus.contract.errors import ErrorCode
from doorbus.contract.lines import DoorUnlocked, RelayEnergised, RelayReset, RelaySnapshot
from doorbus_io import relay
from doorbus_io.door_model import Door, DoorEffect, Drive, Effects, RelayState, Tell, Warn, active_level, rest_level
from doorbus_io.relay_model import (
    Energised,
    Relay,
    RelayEffect,
    RelayEvent,
    RelayTimes,
    ReportDropped,
    ReportEnergised,
    ReportReset,
)


def step_relays(door: Door, event: RelayEvent, now: float, relay_ids: Iterable[str]) -> tuple[Door, Effects]:
    """Returns the door after `event` of these relays at `now`, and what to do, in order."""
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


def refusal(door: Door, relay_id: str) -> Reply | None:
    """Returns why nothing can be done with this relay now, None when it can."""
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


def relay_times(document: RelayDocument) -> RelayTimes:
    """Returns the times that the document gives a relay."""
    return RelayTimes(document.delay_s, document.hold_s, document.max_on_s)


def relay_snapshot(relay_id: str, core: Relay, now: float) -> RelaySnapshot:
    """Returns how the relay is at `now`."""
    match core.phase:
        case Energised(ends=ends, reason=reason):
            left_s = max(ends - now, 0.0)
            return RelaySnapshot(relay=relay_id, energised=True, left_s=left_s, cause=reason.cause)
        case _:
            return RelaySnapshot(relay=relay_id, energised=False)


def _relay_effects(state: RelayState, effect: RelayEffect, now: float) -> Iterable[DoorEffect]:
    id_, line = state.document.id, state.line
    match effect:
        case ReportEnergised(reason, for_s, move):
            if move:
                yield Drive(line, active_level(state.document))
            if reason.untold:
                return
            cause = reason.cause
            yield Tell(RelayEnergised(relay=id_, cause=cause, for_s=for_s, command=reason.command), now, line)
            if cause.kind == "unlock" and cause.method is not None:
                unlocked = DoorUnlocked(relay=id_, method=cause.method, by=cause.by, call=cause.call)
                yield Tell(unlocked, now, line)
        case ReportReset(why, on_s, reason, told):
            yield Drive(line, rest_level(state.document))
            if told:
                yield Tell(RelayReset(relay=id_, why=why, on_s=on_s, cause=reason.cause), now, line)
        case ReportDropped(reason, late_s):
            yield Warn("delayed pulse dropped", id_, f"{late_s:.1f} s late, order {reason.command}", reason.cause)
