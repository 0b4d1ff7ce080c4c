"""Who rings next. A single call, a group and a sequence are the same hunt with other parameters.

- A hunt is a list of ring sets. A group is one set of all numbers, which rings `dial_out_s`; a sequence is one set a
  number, each ringing `timeout_s`; a single call is a group of one.
- A set ends when its time is over or when its last phone is gone; then the next one is dialed, as the same call.
- The last set is dialed `final`: when it ends unanswered, sip ends the call.
- An answer with one of `refused_codes` is a person's refusal. With `call_next` the others go on; with
  `do_not_call_next` it ends the whole hunt. Every other failure never stops the rest.
- The first phone that sip says has answered gets the call. What comes after that changes nothing.
"""

from __future__ import annotations

from dataclasses import replace

from doorbus.contract.calls import DIRECT, Direction, EndReason, Target
from doorbus.contract.document.buttons import ButtonCall
from doorbus.contract.document.calls import Calls as CallRules
from doorbus.contract.document.door import Door as Document
from doorbus.contract.document.door import number_to_uri
from doorbus.contract.document.numbers import NumberKind, host_port, kind_of
from doorbus_policy.core import session
from doorbus_policy.core.effects import Dial, Effect
from doorbus_policy.core.events import LegGone
from doorbus_policy.core.state import Call, DoorState, FarSide, Hunt, Leg, Stage, Step


def of_button(document: Document, call: ButtonCall, numbers: tuple[str, ...]) -> Hunt | None:
    """Returns the hunt of a button that calls `numbers`, None when none of them can be called."""
    uris = tuple(uri for number in numbers if (uri := uri_of(document, number, call.account)) is not None)
    if not uris:
        return None
    stops = call.when_refused == "do_not_call_next"
    if call.type == "sequence":
        return Hunt(tuple((uri,) for uri in uris), call.timeout_s, stops)
    return Hunt((uris,), document.calls.dial_out_s, stops)


def of_number(document: Document, uri: str) -> Hunt:
    """Returns the hunt of a single call."""
    return Hunt(((uri,),), document.calls.dial_out_s, refusal_stops=False)


def uri_of(document: Document, number: str, account: str | None) -> str | None:
    """Returns the URI that `number` is called at on `account` (None = directly), None when it cannot be called."""
    try:
        return number_to_uri(number, document.account(account) if account is not None else None)
    except ValueError:
        return None


def is_direct(number: str) -> bool:
    """Whether `number` is called directly whatever the account."""
    return kind_of(number) is NumberKind.ADDRESS


def begin(
    state: DoorState,
    call: str,
    account: str | None,
    rules: CallRules,
    hunt: Hunt,
    now: float,
    pressed: str | None = None,
) -> Step:
    """Starts the door's call with the first ring set."""
    new = Call(
        id=call,
        direction=Direction.OUTGOING,
        account=account or DIRECT,
        far_side=FarSide(direct=(account or DIRECT) == DIRECT),
        rules=rules,
        stage=Stage.DIALING,
        began_at=now,
        pressed=pressed,
        hunt=hunt,
    )
    return _dial_next(state, new, hunt, now)


def leg_gone(state: DoorState, event: LegGone, now: float) -> Step:
    """A phone of the hunt will not answer."""
    call = state.call
    if call is None or call.id != event.call or call.hunt is None or call.stage is not Stage.DIALING:
        return state, ()
    hunt = call.hunt
    if not any(leg.id == event.leg and leg.open for leg in hunt.legs):
        return state, ()
    hunt = replace(hunt, legs=tuple(replace(leg, open=False) if leg.id == event.leg else leg for leg in hunt.legs))
    state = replace(state, call=replace(call, hunt=hunt))
    others = bool(hunt.rest) or any(leg.open for leg in hunt.legs)
    if event.code in call.rules.refused_codes and hunt.refusal_stops and others:
        return session.end(state, EndReason.REFUSED, now)
    if hunt.rest and not any(leg.open for leg in hunt.legs):
        return _dial_next(state, replace(call, hunt=hunt), hunt, now)
    return state, ()


def ring_time_over(state: DoorState, now: float) -> Step:
    """The ring set rang long enough."""
    call = state.call
    if call is None or call.hunt is None:
        return state, ()
    if not call.hunt.rest:
        return session.end(state, EndReason.DIAL_TIMEOUT, now)
    return _dial_next(state, call, call.hunt, now)


def far_side(call: Call, leg: str | None, peer: str) -> FarSide:
    """Returns who picked up: the phone that was dialed as `leg`, else the URI that sip told."""
    dialed = next((each.uri for each in call.hunt.legs if each.id == leg), None) if call.hunt else None
    return far_side_at(dialed or peer, direct=call.account == DIRECT)


def far_side_at(uri: str, direct: bool) -> FarSide:
    """Returns the far side that a SIP URI names."""
    try:
        host = host_port(uri)
    except ValueError:
        return FarSide(direct=direct)
    user = uri.partition(":")[2].partition("@")[0] if "@" in uri else ""
    address = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and ":" in host else host
    return FarSide(user.replace("%23", "#"), address.strip("[]"), direct)


def _dial_next(state: DoorState, call: Call, hunt: Hunt, now: float) -> Step:
    """Dials the next ring set of `hunt`; phones of the last one that still ring are given up by sip."""
    uris, *rest = hunt.rest
    first = len(hunt.legs)
    legs = tuple(Leg(f"{call.id}-{first + place}", uri) for place, uri in enumerate(uris))
    closed = tuple(replace(leg, open=False) for leg in hunt.legs)
    hunt = replace(hunt, rest=tuple(rest), legs=closed + legs, rings_until=now + hunt.ring_s)
    call = replace(call, hunt=hunt)
    targets = tuple(Target(leg=leg.id, uri=leg.uri) for leg in legs)
    dial: Effect = Dial(call.id, call.account, targets, session.limits_of(call), final=not rest)
    return replace(state, call=call), (dial,)
