"""Agreeing with sip again: after a restart, after its silence, after a gap in its events.

- A call of which nobody can tell is `lost`: that of the last life, and that of a sip whose lease ran out. Nothing is
  told on sip's behalf; the snapshot decides.
- A lost call that sip still has is adopted with all that was known of it; every limit goes on from the call's age.
- A call that nobody here knows is adopted when a person is in it: it rings at the door (then it is decided about like
  a new one), or it is answered. Its limits are those that it travels with.
- What nobody owns, a second call or a dialed one of which nobody knows the press, is ended once it is older than 2 s;
  a younger one is looked at again.
- A call that sip has not got any more is over, unless sip was asked before the call was confirmed.
- What of a call's story was missed is made good: the answer, a hold or its end, and phones that are gone.
- Calls that only tell a server a code are not the door's.
"""

from __future__ import annotations

from dataclasses import replace

from doorbus.contract.base import QUESTION_LIFETIME_S
from doorbus.contract.calls import DIRECT, CallSnapshot, CallState, Direction, EndReason
from doorbus_policy.core import barge, hunt, incoming, press, server_codes, session, talk
from doorbus_policy.core.effects import Adopt, Effect, HangUp, TakeSnapshot
from doorbus_policy.core.events import CallAnswered, LegGone, SnapshotTaken
from doorbus_policy.core.state import Call, DoorState, FarSide, Stage, Step

LOOK_AGAIN_S = 2.0
LOOKS_SLOWER = 4
"""So often the pause doubles, to 32 s: a thousand doors without a sip must not keep a policy busy."""
OWNERLESS_S = 2.0
"""Younger calls may be ones whose question or order is on its way."""


def look(state: DoorState) -> Step:
    """Asks sip what calls there are."""
    return replace(state, look_at=None), (TakeSnapshot(),)


def missed(state: DoorState) -> Step:
    """Something that sip told was not heard: asks, and lets no press dial meanwhile."""
    return look(replace(state, looking=True))


def look_failed(state: DoorState, now: float) -> Step:
    """Sip did not say; it is asked again after growing pauses, and at once when it is heard again."""
    pause_s = LOOK_AGAIN_S * 2 ** min(state.looks_failed, LOOKS_SLOWER)
    return press.let_go(replace(state, look_at=now + pause_s, looks_failed=state.looks_failed + 1), now)


def lease_lost(state: DoorState) -> Step:
    """Sip is silent: there is no call for us until it says otherwise."""
    if state.call is None:
        return look(state)
    return look(replace(state, call=None, lost=state.call))


def lease_told(state: DoorState, call: str | None, now: float) -> Step:
    """Hears from sip which call is up. If ours is another, events were missed or are on their way: look a bit later."""
    ours = state.call
    if state.looks_failed:  # it could not be asked, and speaks again
        return look(replace(state, looks_failed=0))
    if ours is None and state.lost is not None and state.lost.id == call:
        return look(state)  # the one that nobody could tell of: its codes and limits shall work again at once
    if ours is None:
        differs = call is not None and call not in state.ended
    else:
        differs = ours.id != call and ours.confirmed_at is not None and now - ours.confirmed_at > OWNERLESS_S
    if not differs or state.look_at is not None:
        return state, ()
    return replace(state, look_at=now + LOOK_AGAIN_S), ()


def snapshot_taken(state: DoorState, event: SnapshotTaken, now: float) -> Step:
    """Makes policy and sip agree."""
    calls = [each for each in event.calls if each.purpose == "call" and each.call not in state.ended]
    state = replace(state, look_at=None, looked_at=event.asked_at, looks_failed=0)
    state, told = server_codes.snapshot_taken(state, event.calls, event.asked_at, now)
    effects: list[Effect] = [*told]
    for rule in (_drop_gone, _drop_lost):
        state, more = rule(state, calls, event.asked_at, now)
        effects += more
    for found in calls:
        state, more = _found(state, found, now)
        effects += more
    state, taken = press.let_go(state, now)
    return state, (*effects, *taken)


def _drop_gone(state: DoorState, calls: list[CallSnapshot], asked_at: float, now: float) -> Step:
    call = state.call
    if call is None or any(each.call == call.id for each in calls):
        return state, ()
    if call.confirmed_at is not None and call.confirmed_at < asked_at:
        return session.over(state, now)
    if call.stage is Stage.ENDING and not session.may_come(call, asked_at):
        return session.gone(state, now)
    return replace(state, look_at=now + LOOK_AGAIN_S), ()


def _drop_lost(state: DoorState, calls: list[CallSnapshot], asked_at: float, now: float) -> Step:
    lost = state.lost
    if lost is None or any(each.call == lost.id for each in calls):
        return state, ()
    return replace(state, lost=None), ()


def _found(state: DoorState, found: CallSnapshot, now: float) -> Step:
    if state.call is not None and state.call.id == found.call:
        return _catch_up(state, found, now)
    if state.call is None:
        adopted = _adopted(state, found, now)
        if adopted is not None:
            state = replace(state, call=adopted, lost=None)
            state, effects = _catch_up(state, found, now)
            return state, (Adopt(adopted.id, session.limits_of(adopted)), *effects)
        asking = found.state is CallState.DECIDING and found.age_s < QUESTION_LIFETIME_S
        if found.direction is Direction.INCOMING and found.state is not CallState.ANSWERED and not asking:
            return incoming.take_over(state, found.call, found.account, _caller(found), now - found.age_s, now)
    if found.age_s < OWNERLESS_S:
        return replace(state, look_at=now + LOOK_AGAIN_S), ()
    return replace(state, look_at=now + LOOK_AGAIN_S), (HangUp(found.call, EndReason.LOCAL_HANGUP),)


def _adopted(state: DoorState, found: CallSnapshot, now: float) -> Call | None:
    """Returns the call as policy takes it over, None when it does not."""
    if state.lost is not None and state.lost.id == found.call:
        return replace(state.lost, confirmed_at=now)
    if state.document is None or found.state is not CallState.ANSWERED:
        return None
    rules = state.document.calls
    if found.limits.max_call_s is not None:
        rules = rules.model_copy(update={"max_call_s": found.limits.max_call_s})
    direct = found.account == DIRECT
    who = _caller(found) if found.direction is Direction.INCOMING else hunt.far_side_at(found.peer, direct)
    return Call(
        id=found.call,
        direction=found.direction,
        account=found.account,
        far_side=who,
        rules=rules,
        stage=Stage.RINGING if found.direction is Direction.INCOMING else Stage.DIALING,
        began_at=now - found.age_s,
        confirmed_at=now,
    )


def _catch_up(state: DoorState, found: CallSnapshot, now: float) -> Step:
    """Makes good what was missed of a call that both sides know."""
    effects: list[Effect] = []
    state = barge.seen(state, found.held_locally)
    if found.answered_age_s is not None:
        winner = next((leg.leg for leg in found.legs if leg.state == "answered"), None)
        heard = CallAnswered(found.call, winner, found.peer, found.answered_age_s)
        state, more = talk.answered(state, heard, now)
        effects += more
    for leg in found.legs:
        if leg.state == "ended":
            state, more = hunt.leg_gone(state, LegGone(found.call, leg.leg), now)
            effects += more
    return state, tuple(effects)


def _caller(found: CallSnapshot) -> FarSide:
    return incoming.far_side(found.account, found.caller, found.address)
