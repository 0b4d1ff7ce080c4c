"""When a call ends by itself. Every limit counts from a fact, so it is the same after a restart.

| limit | counts from | ends with |
|---|---|---|
| `dial_in_s` | the incoming call | 480, `dial_timeout` |
| the ring time of the hunt | the dialing of its ring set | the next set, or `dial_timeout` |
| `max_call_s` (0 = unlimited) | the answer | `max_duration` |
| `hang_up_after_unlock.timeout_s` | the opening of the door | `unlocked` |

sip keeps the same limits 2 s later, for when policy or the bus are gone, and tells `call.ending` before the third
(`Limits.warn_s`): that is a fact of the call, and its tone is heard there.
"""

from __future__ import annotations

from dataclasses import replace

from doorbus.contract.calls import Direction, EndReason
from doorbus_policy.core import hunt, session
from doorbus_policy.core.events import DoorUnlocked
from doorbus_policy.core.state import Call, DoorState, Stage, Step

NO_ANSWER = 480
"""Temporarily Unavailable (RFC 3261, 21.4.18)."""


def ring_until(call: Call) -> float | None:
    """Returns when the ringing ends, None when nothing rings."""
    match call.stage:
        case Stage.RINGING:
            return call.began_at + call.rules.dial_in_s
        case Stage.DIALING:
            return call.hunt.rings_until if call.hunt is not None else call.began_at + call.rules.dial_out_s
        case _:
            return None


def talk_until(call: Call) -> float | None:
    """Returns when the talk ends, None when it has no limit or has not begun."""
    if call.stage is not Stage.ANSWERED or call.answered_at is None or not call.rules.max_call_s:
        return None
    return call.answered_at + call.rules.max_call_s


def unlocked_until(call: Call) -> float | None:
    """Returns when a call ends because the door was opened."""
    return call.unlocked_until if call.stage in (Stage.DIALING, Stage.ANSWERED) else None


def due(call: Call) -> float | None:
    """Returns when the next limit comes."""
    return min(
        (at for at in (ring_until(call), talk_until(call), unlocked_until(call)) if at is not None), default=None
    )


def enforce(state: DoorState, now: float) -> Step:
    """Ends the call, or moves its hunt on, when a limit has come."""
    call = state.call
    if call is None:
        return state, ()
    if _reached(unlocked_until(call), now):
        return session.end(state, EndReason.UNLOCKED, now)
    if _reached(talk_until(call), now):
        return session.end(state, EndReason.MAX_DURATION, now)
    if _reached(ring_until(call), now):
        if call.direction is Direction.INCOMING:
            return session.end(state, EndReason.DIAL_TIMEOUT, now, code=NO_ANSWER)
        if call.hunt is not None:
            return hunt.ring_time_over(state, now)
        return session.end(state, EndReason.DIAL_TIMEOUT, now)
    return state, ()


def door_unlocked(state: DoorState, event: DoorUnlocked, now: float) -> Step:
    """Hang up after unlock: the door was opened, by a method that ends a call that is up or being dialed.

    A call that rings at the door is left alone: who came out by the exit button has not answered it. A second opening
    does not prolong the first.
    """
    call = state.call
    if call is None or call.stage not in (Stage.DIALING, Stage.ANSWERED) or event.call not in (None, call.id):
        return state, ()
    rule = call.rules.hang_up_after_unlock
    if event.method not in rule.methods:
        return state, ()
    until = now - event.age_s + rule.timeout_s
    if call.unlocked_until is not None:
        until = min(until, call.unlocked_until)
    return replace(state, call=replace(call, unlocked_until=until)), ()


def _reached(at: float | None, now: float) -> bool:
    return at is not None and at <= now
