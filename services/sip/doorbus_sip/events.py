"""The facts of a call that become one event each, as they are."""

from __future__ import annotations

from doorbus.contract import calls as contract
from doorbus_sip import facts


def event_of(fact: facts.Fact) -> contract.CallEvent | contract.LegEvent | None:
    """Returns the event of a fact, `None` for one that needs more than is in it."""
    match fact:
        case facts.CallHeld(call=call, by=by):
            return contract.CallHeld(call=call, by=by)
        case facts.CallResumed(call=call, by=by):
            return contract.CallResumed(call=call, by=by)
        case facts.CallHoldRefused(call=call, held=held, code=code):
            return contract.CallHoldRefused(call=call, held=held, code=code)
        case facts.CallEnding(call=call, in_s=in_s):
            return contract.CallEnding(call=call, in_s=in_s)
        case facts.LegRinging(call=call, leg=leg, code=code):
            return contract.LegRinging(call=call, leg=leg, code=code)
        case facts.LegAnswered(call=call, leg=leg):
            return contract.LegAnswered(call=call, leg=leg)
        case facts.LegRefused(call=call, leg=leg, code=code):
            return contract.LegRefused(call=call, leg=leg, code=code)
        case facts.LegCancelled(call=call, leg=leg, reason=reason):
            return contract.LegCancelled(call=call, leg=leg, reason=reason)
        case facts.LegFailed(call=call, leg=leg, code=code, reason=why):
            return contract.LegFailed(call=call, leg=leg, code=code or None, why=why)
        case _:
            return None
