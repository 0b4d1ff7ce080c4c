"""The core of policy: one door, one call. This file only routes; each rule stands in the file named beside it.

| what comes | who decides |
|---|---|
| a press | `press`; how many a button takes: `floods` |
| relays that a press switches | `relays` |
| an incoming call | `incoming`, and `dnd` |
| who rings, who rings next | `hunt` |
| how long | `limits` |
| codes and clients that open the door | `unlock` |
| what sip tells of the call and of orders | `talk`, `session` |
| pages that outrank calls | `barge` |
| DND at the servers | `server_codes` |
| whom a press calls, and when | `whom`, `schedule` |
| a restart, a gap, a silence | `recover` |

Whatever comes twice, late or in another order changes nothing wrongly: a call is known by its id, a press by its id, an
order by itself. `deadline` is the earliest moment at which something happens without being told; while a call is not
simply up without a limit, there is one.
"""

from __future__ import annotations

from dataclasses import replace

from doorbus.contract.calls import DIRECT, EndReason
from doorbus_policy.core import (
    barge,
    dnd,
    floods,
    hunt,
    incoming,
    limits,
    press,
    recover,
    relays,
    schedule,
    server_codes,
    session,
    talk,
    unlock,
    wishes,
)
from doorbus_policy.core import events as ev
from doorbus_policy.core.effects import DialCode, Effect, Energise, Hold, Pulse, PulseForAction, Reset, Resume
from doorbus_policy.core.state import DoorState, Step


def step(state: DoorState, event: ev.Event, now: float) -> Step:
    """Returns the state after `event`, and what to do, in this order. `now`: monotonic seconds."""
    state, effects = _decide(state, event, now)
    state, held = barge.settle(state, now)
    state, resets = relays.settle(state, now)
    return state, (*effects, *held, *resets)


def _decide(state: DoorState, event: ev.Event, now: float) -> Step:
    match event:
        case ev.Tick():
            return _tick(state, now)
        case ev.IncomingAsked():
            return incoming.asked(state, event, now)
        case ev.DigitTyped():
            return unlock.digit(state, event, now)
        case ev.Pressed():
            return floods.pressed(state, event, now)
        case ev.CallCame():
            return incoming.came(state, event, now)
        case ev.CallProgressed():
            return talk.progressed(state, event, now)
        case ev.CallAnswered(call) if server_codes.is_code(state, call):
            return server_codes.answered(state, event, now)
        case ev.CallEnded(call) if server_codes.is_code(state, call):
            return server_codes.ended(state, event, now)
        case ev.CallAnswered():
            return talk.answered(state, event, now)
        case ev.CallEnded():
            return talk.ended(state, event, now)
        case ev.LegGone():
            return hunt.leg_gone(state, event, now)
        case ev.DoorUnlocked():
            return limits.door_unlocked(state, event, now)
        case ev.CommandFinished(order=Pulse()):
            return unlock.finished(state, event, now)
        case ev.CommandFinished(order=PulseForAction() | Energise() | Reset()):
            return relays.finished(state, event, now)
        case ev.CommandFinished(order=DialCode()):
            return server_codes.dial_finished(state, event, now)
        case ev.CommandFinished(order=Hold() | Resume()):
            return barge.order_finished(state, event, now)
        case ev.CommandFinished():
            return talk.order_finished(state, event, now)
        case ev.CallWished():
            return wishes.call(state, event, now)
        case ev.HangUpWished():
            return wishes.hang_up(state, event, now)
        case ev.UnlockWished():
            return unlock.wished(state, event, now)
        case ev.DndWished():
            return dnd.wished(state, event, now)
        case ev.StatusWished():
            return wishes.status(state, event, now)
        case ev.DocumentTaken():
            return _document(state, event, now)
        case ev.DirectoriesTold(numbers):
            return replace(state, directories=numbers), ()
        case ev.ScheduleTold():
            return schedule.told(state, event, now)
        case ev.SnapshotTaken():
            return recover.snapshot_taken(state, event, now)
        case ev.SnapshotFailed():
            return recover.look_failed(state, now)
        case ev.EventsMissed():
            return recover.missed(state)
        case ev.CallLeaseTold(call):
            return recover.lease_told(state, call, now)
        case ev.CallLeaseLost():
            return recover.lease_lost(state)
        case ev.PageStarted():
            return barge.started(state, event, now), ()
        case ev.PageReplaced():
            return barge.replaced(state, event), ()
        case ev.PageOver():
            return barge.over(state, event), ()
        case ev.PageLeaseTold():
            return barge.lease_told(state, event, now), ()
        case ev.HoldTold():
            return barge.hold_told(state, event), ()


def deadline(state: DoorState) -> float | None:
    """Returns when the next `Tick` is due, None when nothing is pending."""
    call = state.call
    pending = [state.look_at, unlock.io_due(state), server_codes.due(state), schedule.stale_at(state)]
    pending += [press.held_until(state), relays.due(state), floods.calm_at(state), barge.due(state)]
    if call is not None:
        pending += [call.answer_at, limits.due(call), unlock.closes_at(call)]
        pending += [call.ending.again_at if call.ending is not None else None]
    return min((at for at in pending if at is not None), default=None)


def _tick(state: DoorState, now: float) -> Step:
    """Does what is due, in the order in which it would have come."""
    effects: list[Effect] = []

    def take(result: Step) -> None:
        nonlocal state
        state, more = result
        effects.extend(more)

    if _reached(unlock.io_due(state), now):
        take(unlock.io_silent(state, now))
    if state.call is not None and _reached(unlock.closes_at(state.call), now):
        take(unlock.close(state, now))
    if state.call is not None and _reached(limits.due(state.call), now):
        take(limits.enforce(state, now))
    if state.call is not None and _reached(state.call.answer_at, now):
        take(incoming.answer(state))
    if state.call is not None and state.call.ending is not None and _reached(state.call.ending.again_at, now):
        take(session.end_again(state, now))
    if _reached(server_codes.due(state), now):
        take(server_codes.give_up(state, now))
    if _reached(schedule.stale_at(state), now):
        take(schedule.stale(state))
    if _reached(press.held_until(state), now):
        take(press.let_go(state, now))
    if _reached(floods.calm_at(state), now):
        take(floods.calm(state, now))
    if _reached(state.look_at, now):
        take(recover.look(state))
    return state, tuple(effects)


def _document(state: DoorState, event: ev.DocumentTaken, now: float) -> Step:
    """A document came. DND and codes apply at once, the rest to the next call; a removed account's call ends."""
    state = replace(
        state,
        document=event.document,
        revision=event.revision,
        fingerprint=event.fingerprint,
        codes=event.codes,
    )
    state, effects = dnd.document_taken(state, event.new_call, now)
    state = schedule.document_taken(state, now)
    call = state.call
    if call is None or call.account == DIRECT or event.document.account(call.account) is not None:
        return state, effects
    state, more = session.end(state, EndReason.SHUTDOWN, now)
    return state, (*effects, *more)


def _reached(at: float | None, now: float) -> bool:
    return at is not None and at <= now
