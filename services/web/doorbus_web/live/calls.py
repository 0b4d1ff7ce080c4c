"""What events and sip's snapshot say of calls. Pure; the rules stand in `fold.py`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from doorbus.contract import calls as contract
from doorbus.contract.base import Event
from doorbus_web.live.state import CallView, DoorLive, EndedCall, LegView


def told(live: DoorLive, event: Event, at: datetime) -> DoorLive:
    """Returns the picture after an event; those that are about no call change nothing."""
    match event:
        case contract.CallIncoming(decision="refuse"):
            return live
        case contract.CallIncoming():
            far = event.caller_uri or event.caller
            call = CallView(
                call=event.call,
                direction="incoming",
                stage="deciding",
                account=event.account,
                far_side=far,
                since=at,
            )
            return _with(live, call)
        case contract.CallDialing(purpose="call"):
            return _dialing(live, event, at)
        case contract.CallRinging():
            return _changed(live, event.call, lambda call: None if call.stage == "answered" else {"stage": "ringing"})
        case contract.CallAnswered():
            return _answered(live, event, at)
        case contract.CallHeld():
            return _changed(live, event.call, lambda _call: {"held": True})
        case contract.CallResumed():
            return _changed(live, event.call, lambda _call: {"held": False})
        case contract.CallEnding():
            return _changed(live, event.call, lambda _call: {"ends_in_s": event.in_s})
        case contract.CallEnded():
            return _ended(live, event, at)
        case contract.LegRinging():
            return _leg(live, event.call, event.leg, "ringing")
        case contract.LegAnswered():
            return _leg(live, event.call, event.leg, "answered")
        case contract.LegRefused() | contract.LegCancelled() | contract.LegFailed():
            return _leg(live, event.call, event.leg, "ended")
        case _:
            return live


def read(live: DoorLive, snapshot: contract.SipSnapshot, at: datetime) -> DoorLive:
    """Returns the picture with the calls that sip knows; what only events told of them stays."""
    before = {call.call: call for call in live.calls}
    calls = []
    for each in snapshot.calls:
        if each.purpose == "code":
            continue
        known = before.get(each.call)
        answered_at = None
        if each.answered_age_s is not None:
            answered_at = (known.answered_at if known else None) or at - timedelta(seconds=each.answered_age_s)
        calls.append(
            CallView(
                call=each.call,
                direction=each.direction.value,
                stage=each.state.value,
                account=each.account,
                far_side=(known.far_side if known else "") or each.peer or each.caller,
                since=known.since if known else at - timedelta(seconds=each.age_s),
                answered_at=answered_at,
                held=each.held_locally or (known.held if known else False),
                ends_in_s=known.ends_in_s if known else None,
                legs=tuple(LegView(leg=leg.leg, uri=leg.uri, state=leg.state) for leg in each.legs),
            )
        )
    return live.model_copy(update={"calls": tuple(calls)})


def _dialing(live: DoorLive, event: contract.CallDialing, at: datetime) -> DoorLive:
    legs = tuple(LegView(leg=target.leg, uri=target.uri, state="dialing") for target in event.targets)
    known = next((call for call in live.calls if call.call == event.call), None)
    if known is not None:  # the next of a sequence
        return _with(live, known.model_copy(update={"legs": (*known.legs, *legs), "stage": "dialing"}))
    call = CallView(
        call=event.call,
        direction="outgoing",
        stage="dialing",
        account=event.account,
        far_side=", ".join(leg.uri for leg in legs),
        since=at,
        legs=legs,
    )
    return _with(live, call)


def _answered(live: DoorLive, event: contract.CallAnswered, at: datetime) -> DoorLive:
    known = next((call for call in live.calls if call.call == event.call), None)
    call = known or CallView(call=event.call, direction=event.direction.value, stage="answered", since=at)
    won = {"stage": "answered", "answered_at": at, "far_side": event.peer or call.far_side}
    return _with(live, call.model_copy(update=won))


def _ended(live: DoorLive, event: contract.CallEnded, at: datetime) -> DoorLive:
    ended = EndedCall(
        call=event.call,
        direction=event.direction.value,
        reason=event.reason.value,
        code=event.code,
        duration_s=event.duration_s,
        at=at,
    )
    left = tuple(call for call in live.calls if call.call != event.call)
    return live.model_copy(update={"calls": left, "last_call": ended})


def _leg(live: DoorLive, call: str, leg: str, state: str) -> DoorLive:
    def with_leg(known: CallView) -> dict[str, Any]:
        legs = (each.model_copy(update={"state": state}) if each.leg == leg else each for each in known.legs)
        return {"legs": tuple(legs)}

    return _changed(live, call, with_leg)


def _changed(live: DoorLive, call: str, values: Any) -> DoorLive:
    """Returns the picture with a call changed by what `values` says of it; an unknown call is left to the snapshot."""
    known = next((each for each in live.calls if each.call == call), None)
    update = values(known) if known is not None else None
    return live if known is None or update is None else _with(live, known.model_copy(update=update))


def _with(live: DoorLive, call: CallView) -> DoorLive:
    others = tuple(each for each in live.calls if each.call != call.call)
    return live.model_copy(update={"calls": (*others, call)})
