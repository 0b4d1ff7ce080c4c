"""What sip knows now, as the snapshot that policy takes and as the state that everybody may read."""

from __future__ import annotations

from typing import Literal

from doorbus.contract import calls as contract
from doorbus_sip import calls as engine
from doorbus_sip.limits import Limits

LEG_STATES: dict[str, Literal["dialing", "ringing", "answered", "ended"]] = {
    "dialed": "dialing",
    "ringing": "ringing",
    "won": "answered",
}
"""The engine's phases of a leg in the contract's words; all others are over."""

CALL_STATES = {
    "incoming": contract.CallState.DECIDING,
    "dialing": contract.CallState.DIALING,
    "ringing": contract.CallState.RINGING,
    "answered": contract.CallState.ANSWERED,
}


def to_engine(limits: contract.Limits) -> Limits:
    """Returns the engine's limits, where 0 means none."""
    return Limits(ring_s=limits.ring_s or 0, max_call_s=limits.max_call_s or 0, warn_s=limits.warn_s)


def from_engine(limits: Limits) -> contract.Limits:
    """Returns the contract's limits, where None means none."""
    return contract.Limits(
        ring_s=limits.ring_s or None, max_call_s=limits.max_call_s or None, warn_s=max(limits.warn_s, 0)
    )


def direction_of(text: str) -> contract.Direction:
    """Returns the direction in the contract's words."""
    return contract.Direction.INCOMING if text == "in" else contract.Direction.OUTGOING


def call_snapshot(
    call: engine.CallSnapshot, *, caller: str, address: str, purpose: Literal["call", "code"]
) -> contract.CallSnapshot:
    """Returns one call as policy wants it.

    Args:
        call: as the engine knows it.
        caller: user of From, for incoming calls.
        address: where it came from.
        purpose: what it was dialed for.
    """
    direction = direction_of(call.direction)
    outgoing = direction is contract.Direction.OUTGOING
    return contract.CallSnapshot(
        call=call.call,
        direction=direction,
        state=CALL_STATES[call.state],
        account=call.account or contract.DIRECT,
        peer=call.peer,
        caller=caller,
        address=address,
        age_s=max(call.age_s, 0),
        answered_age_s=None if call.answered_age_s is None else max(call.answered_age_s, 0),
        held_locally="local" in call.held_by,
        purpose=purpose,
        legs=tuple(
            contract.LegSnapshot(leg=leg.leg, uri=leg.uri, state=LEG_STATES.get(leg.state, "ended"))
            for leg in call.legs
        )
        if outgoing
        else (),
        limits=from_engine(call.limits),
    )
