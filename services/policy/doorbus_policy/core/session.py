"""The beginning and the end of the door's call.

- A door has one call. Its end is ordered once, and again each `END_AGAIN_S` seconds with a look at sip's snapshot,
  until sip says that it is over.
- What was typed and not closed when a call ends is a wrong code: otherwise a code could be tried for nothing by
  hanging up before the buffer closes.
- What still comes of an ended call is late, and ignored.
"""

from __future__ import annotations

from dataclasses import replace

from doorbus.contract.base import COMMAND_LIFETIME_S
from doorbus.contract.calls import CallEnded, Direction, EndReason, Limits
from doorbus_policy.core import unlock
from doorbus_policy.core.effects import Effect, HangUp, Refuse, TakeSnapshot, Tell
from doorbus_policy.core.state import Call, DoorState, Ending, Stage, Step, remember

END_AGAIN_S = 2.0
"""sip answers within milliseconds; after two seconds something is wrong."""


def end(state: DoorState, reason: EndReason, now: float, code: int | None = None) -> Step:
    """Orders the end of the door's call; `code` refuses a ringing one with that SIP status.

    A call that is ending already, and no call at all, are left alone.
    """
    call = state.call
    if call is None or call.stage is Stage.ENDING:
        return state, ()
    ending = Ending(reason, code if call.stage is Stage.RINGING else None, now + END_AGAIN_S)
    call = replace(call, stage=Stage.ENDING, ending=ending, answer_at=None)
    return replace(state, call=call), (_order(call, ending),)


def end_again(state: DoorState, now: float) -> Step:
    """Repeats the order, and looks whether sip still has the call."""
    call = state.call
    if call is None or call.ending is None:
        return state, ()
    ending = replace(call.ending, again_at=now + END_AGAIN_S)
    return replace(state, call=replace(call, ending=ending)), (_order(call, ending), TakeSnapshot())


def over(state: DoorState, now: float) -> Step:
    """The door's call is over; sip has told everybody, or will."""
    call = state.call
    if call is None:
        return state, ()
    state, effects = unlock.close(state, now)
    return replace(state, call=None, ended=remember(state.ended, call.id)), effects


def never_was(state: DoorState, reason: EndReason, now: float) -> Step:
    """The call ended before sip knew it; so policy tells its end, as nobody else can."""
    call = state.call
    if call is None:
        return state, ()
    state, effects = over(state, now)
    return state, (*effects, Tell(CallEnded(call=call.id, direction=call.direction, reason=reason)))


def gone(state: DoorState, now: float) -> Step:
    """Sip does not know the call: it is over, or never was."""
    call = state.call
    if call is None:
        return state, ()
    if call.confirmed_at is None:
        return never_was(state, call.ending.reason if call.ending else EndReason.NO_ROUTE, now)
    return over(state, now)


def may_come(call: Call, at: float) -> bool:
    """Whether a call that sip does not know at `at` may still come there: its dial is under way and not expired."""
    return call.confirmed_at is None and at < call.began_at + COMMAND_LIFETIME_S


def limits_of(call: Call) -> Limits:
    """Returns the limits that travel to sip, its backstop."""
    ring_s = call.rules.dial_in_s if call.direction is Direction.INCOMING else call.rules.dial_out_s
    if call.hunt is not None:
        ring_s = call.hunt.ring_s
    return Limits(ring_s=ring_s, max_call_s=call.rules.max_call_s or None, warn_s=call.rules.warn_s)


def _order(call: Call, ending: Ending) -> Effect:
    if ending.code is not None:
        return Refuse(call.id, ending.code, ending.reason)
    return HangUp(call.id, ending.reason)
