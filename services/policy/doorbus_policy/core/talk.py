"""What sip tells of the door's call, and how sip took policy's orders.

- Facts of a call that is over, or that never was the door's, change nothing; an answered call that nobody here knows
  makes policy look at sip's snapshot.
- The first dial of a call that sip refuses ends it, and policy tells so. Where sip may have taken it (no answer), its
  end is ordered. A further ring set that is refused has probably met the answer: look.
- sip not knowing a call whose end was ordered is as good as its end; unless the dial may still be on its way.
"""

from __future__ import annotations

from dataclasses import replace

from doorbus.contract.calls import Direction, EndReason
from doorbus.contract.errors import ErrorCode
from doorbus_policy.core import hunt, session
from doorbus_policy.core.effects import Answer, Dial, HangUp, Refuse, TakeSnapshot
from doorbus_policy.core.events import CallAnswered, CallEnded, CallProgressed, CommandFinished
from doorbus_policy.core.state import DoorState, Stage, Step, remember


def progressed(state: DoorState, event: CallProgressed, now: float) -> Step:
    """Sip has the call in hand."""
    return _confirmed(state, event.call, now), ()


def answered(state: DoorState, event: CallAnswered, now: float) -> Step:
    """Somebody picked up, there or here."""
    call = state.call
    if call is None or call.id != event.call:
        known = event.call in state.ended
        return state, () if known else (TakeSnapshot(),)
    state = _confirmed(state, event.call, now)
    call = state.call or call
    if call.answered_at is not None:
        return state, ()
    who = hunt.far_side(call, event.leg, event.peer) if call.direction is Direction.OUTGOING else call.far_side
    call = replace(call, far_side=who, answered_at=now - event.age_s, answer_at=None)
    if call.ending is None:
        call = replace(call, stage=Stage.ANSWERED)
    else:
        call = replace(call, ending=replace(call.ending, code=None))  # what is answered can only be hung up
    return replace(state, call=call), ()


def ended(state: DoorState, event: CallEnded, now: float) -> Step:
    """The call is over."""
    if state.lost is not None and state.lost.id == event.call:
        state = replace(state, lost=None)
    if state.call is None or state.call.id != event.call:
        return replace(state, ended=remember(state.ended, event.call)), ()
    return session.over(state, now)


def order_finished(state: DoorState, event: CommandFinished, now: float) -> Step:
    """How sip took an order."""
    call = state.call
    match event.order:
        case Dial(call=id_) | Answer(call=id_) | HangUp(call=id_) | Refuse(call=id_) if call and call.id == id_:
            pass
        case _:
            return state, ()
    if event.ok:
        return _confirmed(state, call.id, now), ()
    match event.order:
        case Dial(targets=targets) if call.hunt is not None and targets[0].leg == call.hunt.legs[0].id:
            if call.confirmed_at is not None:
                return state, ()
            if event.code == ErrorCode.TIMEOUT:
                return session.end(state, EndReason.NO_ROUTE, now)
            return session.never_was(state, EndReason.NO_ROUTE, now)
        case HangUp() | Refuse() if event.code == ErrorCode.UNKNOWN_CALL and not session.may_come(call, now):
            return session.gone(state, now)
        case HangUp() | Refuse():
            return state, ()
        case Answer():
            return replace(state, call=replace(call, answer_ordered=False)), (TakeSnapshot(),)
        case _:
            return state, (TakeSnapshot(),)


def _confirmed(state: DoorState, call: str, now: float) -> DoorState:
    if state.call is None or state.call.id != call or state.call.confirmed_at is not None:
        return state
    return replace(state, call=replace(state.call, confirmed_at=now))
