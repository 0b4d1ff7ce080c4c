"""Relays that a press switches (actions of `type: relay`): energised for the call that it makes, else pulsed.

- Every press that is taken and does not hang up runs them. Who may press may switch them: the document's author decides
  what a button does, as with the wires of a bell. No `door.unlocked` is told, whatever hangs on the relay.
- A press that makes no call gives a pulse of the relay's own `hold_s`.
- A press that makes a call energises the relay for it. `call_ended` is reset when the call is over, however it ends;
  `call_connected` when it is answered, or over. Two actions of a button on one relay are one hold: `call_ended` wins.
- A hold is bounded, and then ends in io alone: by all the ringing of the call, for `call_ended` by `max_call_s` too.
- Whether a reset is due follows from the call that policy has, not from an event: an answer or an end that was missed
  counts when sip's snapshot tells of it, also in the next life. While nobody knows whether a call is still up (`lost`)
  its holds last.
- A reset never overtakes the order to energise. While io has not answered that one, the reset waits until the order has
  expired.
- A reset that io did not take is ordered again, after growing pauses, until it is taken or the hold's bound is over. io
  not knowing the relay is as good: one that the document lost rests.
- io refusing to energise, or being silent, is told (`action.failed`) and disturbs nothing else. It is not tried again:
  no relay moves later than its press.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from doorbus.contract.actions import ActionFailed, message_id
from doorbus.contract.base import COMMAND_LIFETIME_S
from doorbus.contract.document.actions import RelayAction
from doorbus.contract.errors import ErrorCode
from doorbus_policy.core.effects import Effect, Energise, Origin, PulseForAction, Reset, Tell
from doorbus_policy.core.events import CommandFinished, Pressed
from doorbus_policy.core.state import Call, DoorState, Hold, Step

MARGIN_S = 10.0
"""sip ends a call 2 s after policy should have; a restart of policy and a slow BYE take some seconds more."""
UNLIMITED_S = 86_400.0
"""For a call without `max_call_s`: as much as that may be at most, a day."""
RESET_AGAIN_S = 2.0
"""After io's silence was told, which takes a second."""
RESETS_SLOWER = 4
"""So often the pause doubles, to 32 s."""
HOLDS_MOST = 64
"""Each is a call that is over, of a door whose io does not answer. The oldest goes, and ends at its bound."""

UNSURE = (ErrorCode.TIMEOUT, ErrorCode.NOT_CONNECTED, ErrorCode.MALFORMED)
"""With these nobody knows whether the order was done."""


def run(state: DoorState, event: Pressed, actions: Iterable[str], *, made_call: bool, now: float) -> Step:
    """Runs those of a press's `actions` that switch relays; each relay is ordered once."""
    wanted: dict[str, RelayAction] = {}
    for name in actions:
        action = state.document.action(name) if state.document is not None else None
        if isinstance(action, RelayAction) and (action.relay not in wanted or action.reset == "call_ended"):
            wanted[action.relay] = action
    effects: list[Effect] = []
    for relay, action in wanted.items():
        origin = Origin(action.id, event.press, event.input, event.client or event.input)
        call = state.call
        if not made_call or call is None:
            effects.append(PulseForAction(relay, call.id if call is not None else None, origin))
            continue
        connected = action.reset == "call_connected"
        max_s = _bound_s(call, connected)
        hold = Hold(relay, call.id, connected, ordered_at=now, ends_at=now + max_s)
        state = replace(state, holds=(*state.holds, hold)[-HOLDS_MOST:])
        effects.append(Energise(relay, call.id, max_s, origin))
    return state, tuple(effects)


def settle(state: DoorState, now: float) -> Step:
    """Orders the resets that are due, and forgets holds whose bound is over. Follows every step."""
    if not state.holds:
        return state, ()
    holds: list[Hold] = []
    effects: list[Effect] = []
    for hold in state.holds:
        if hold.ends_at <= now:
            continue
        if hold.reset_at is None and _is_over(state, hold):
            hold = replace(hold, reset_at=now if hold.settled else max(now, hold.ordered_at + COMMAND_LIFETIME_S))
        if hold.reset_at is not None and hold.reset_at <= now:
            effects.append(Reset(hold.relay, hold.call))
            pause_s = RESET_AGAIN_S * 2 ** min(hold.resets, RESETS_SLOWER)
            hold = replace(hold, reset_at=now + pause_s, resets=hold.resets + 1)
        holds.append(hold)
    return replace(state, holds=tuple(holds)), tuple(effects)


def due(state: DoorState) -> float | None:
    """Returns when `settle` has something to do without being told."""
    return min(
        (hold.ends_at if hold.reset_at is None else min(hold.reset_at, hold.ends_at) for hold in state.holds),
        default=None,
    )


def finished(state: DoorState, event: CommandFinished, now: float) -> Step:
    """How io took an order."""
    match event.order:
        case Reset(relay, call):
            over = event.ok or event.code == ErrorCode.UNKNOWN_RELAY
            return (_with(state, relay, call, None) if over else state), ()
        case Energise(relay, call, _, origin):
            hold = next((each for each in state.holds if (each.relay, each.call) == (relay, call)), None)
            if hold is not None and event.ok:
                waits = hold.reset_at is not None and hold.resets == 0
                state = _with(state, relay, call, replace(hold, settled=True, reset_at=now if waits else hold.reset_at))
            elif hold is not None and event.code not in UNSURE:
                state = _with(state, relay, call, None)
            return state, _failed(state, event, origin, call)
        case PulseForAction(_, call, origin):
            return state, _failed(state, event, origin, call)
        case _:
            return state, ()


def _is_over(state: DoorState, hold: Hold) -> bool:
    for call in (state.call, state.lost):
        if call is not None and call.id == hold.call:
            return hold.connected and call.answered_at is not None
    return True


def _bound_s(call: Call, connected: bool) -> float:
    """Returns how long the relay is energised at most, for a call that has just begun."""
    rings_s = call.hunt.ring_s * (1 + len(call.hunt.rest)) if call.hunt is not None else call.rules.dial_out_s
    talk_s = 0.0 if connected else call.rules.max_call_s or UNLIMITED_S
    return rings_s + talk_s + MARGIN_S


def _with(state: DoorState, relay: str, call: str, hold: Hold | None) -> DoorState:
    """Puts `hold` in the place of this relay's and call's, None = takes that away."""
    placed = ((hold if (each.relay, each.call) == (relay, call) else each) for each in state.holds)
    return replace(state, holds=tuple(each for each in placed if each is not None))


def _failed(state: DoorState, event: CommandFinished, origin: Origin, call: str | None) -> tuple[Effect, ...]:
    if event.ok:
        return ()
    silent = event.code in UNSURE
    why = "io did not answer: the relay may have moved or not" if silent else f"io refused the order: {event.code}"
    failed = ActionFailed(
        action=origin.action,
        message=message_id(state.door, origin.press, origin.action),
        press=origin.press,
        input=origin.input,
        call=call,
        tries=1,
        why=why,
    )
    return (Tell(failed),)
