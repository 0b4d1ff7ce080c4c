"""An incoming call: ring, answer by itself, or refuse.

- Precedence of refusals: a page that outranks calls (480), DND (`return_code`), a door that has a call or may have one
  (a lost one, of which sip's snapshot will tell): 486.
- Auto-answer is set for calls on accounts and for direct calls, each with its own delay and mode. A caller in `trusted`
  may ask for it in the INVITE, with a delay of his choice; anyone else who asks just rings.
- Without a delay the answer to sip's question is "answer"; with one it is "ring", and the order comes when it is due.
  It is dropped when the caller gives up, when the ringing limit comes first, or when a press answers before.
- A refused call leaves no trace in the state, so a refusal costs no write.
- sip rings by itself when it hears no answer to its question. Then the same decision is carried out by orders.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from doorbus.contract.calls import DIRECT, AutoAnswerMode, Direction, EndReason, IncomingDecision
from doorbus.contract.document.door import Door as Document
from doorbus_policy.core import barge, dnd, people, session
from doorbus_policy.core.effects import Answer, AnswerQuestion, Effect, Refuse, TakeSnapshot
from doorbus_policy.core.events import CallCame, IncomingAsked
from doorbus_policy.core.state import Call, DoorState, FarSide, Stage, Step

BUSY_HERE = 486
"""RFC 3261, 21.4.24."""
CANCELLED = 487
"""RFC 3261, 21.4.25: the question arrived after the end of its call."""
UNAVAILABLE = 480
"""RFC 3261, 21.4.18: while a page plays. Without a document, too: nobody may be let in then, nor rung for."""


@dataclass(frozen=True)
class Ring:
    """Ring; `answer_after_s`: and answer by itself so much later, None = wait for a press."""

    answer_after_s: float | None = None
    mode: AutoAnswerMode = AutoAnswerMode.AUDIO


@dataclass(frozen=True)
class Reject:
    """Refuse with a SIP status."""

    code: int
    reason: EndReason


def decide(
    state: DoorState, call: str, account: str, caller: FarSide, wants_auto_answer_s: float | None = None
) -> Ring | Reject:
    """Returns what to do with an incoming call."""
    document = state.document
    if document is None:
        return Reject(UNAVAILABLE, EndReason.REFUSED)
    if barge.plays(state):
        return Reject(UNAVAILABLE, EndReason.PAGE)
    if dnd.refuses(document, state.dnd, account, caller):
        return Reject(document.calls.dnd.return_code, EndReason.DND)
    current = state.call or state.lost
    if current is not None and current.id != call:
        return Reject(BUSY_HERE, EndReason.BUSY)
    return _ring(document, caller, wants_auto_answer_s)


def asked(state: DoorState, event: IncomingAsked, now: float) -> Step:
    """Sip asks, and gets its answer in this step."""
    if event.call in state.ended:
        reply = IncomingDecision(decision="refuse", refuse_code=CANCELLED, reason=EndReason.REMOTE_HANGUP)
        return state, (AnswerQuestion(event.handle, reply),)
    caller = far_side(event.account, event.caller, event.address)
    match decide(state, event.call, event.account, caller, event.wants_auto_answer_s):
        case Reject(code, reason):
            reply = IncomingDecision(decision="refuse", refuse_code=code, reason=reason)
            return state, (AnswerQuestion(event.handle, reply),)
        case Ring() as ring:
            state = _begin(state, event.call, event.account, caller, ring, now, event.wants_auto_answer_s)
            return state, (AnswerQuestion(event.handle, _decision(state, ring)),)


def came(state: DoorState, event: CallCame, now: float) -> Step:
    """Sip tells of the call. There is something to do only if sip decided alone, or policy does not know the call.

    A call that policy does not know may be over, as the event may have been read from the stream: the snapshot tells.
    One that came since the last snapshot and rings by default is taken over at once: a press must not dial meanwhile.
    """
    if event.refused or event.call in state.ended:
        return state, ()
    if state.call is not None and state.call.id == event.call:
        return _carry_out(state, now) if event.unheard else (state, ())
    began_at = now - event.age_s
    new = state.looked_at is not None and began_at > state.looked_at
    if not event.unheard or not new or state.call is not None or state.lost is not None:
        return state, (TakeSnapshot(),)
    caller = far_side(event.account, event.caller, event.address)
    state, effects = take_over(state, event.call, event.account, caller, began_at, now)
    return state, (*effects, TakeSnapshot())


def take_over(state: DoorState, call: str, account: str, caller: FarSide, began_at: float, now: float) -> Step:
    """Decides about a call that waits at sip and that policy does not know, and carries that out by orders."""
    match decide(state, call, account, caller):
        case Reject(code, reason):
            return state, (Refuse(call, code, reason),)
        case Ring() as ring:
            return _carry_out(_begin(state, call, account, caller, ring, began_at), now)


def _carry_out(state: DoorState, now: float) -> Step:
    """Does by an order what sip did not hear as an answer. Ringing it does by itself."""
    call = state.call
    if call is None or call.stage is not Stage.RINGING:
        return state, ()
    match decide(state, call.id, call.account, call.far_side, call.wants_auto_answer_s):
        case Reject(code, reason):
            return session.end(state, reason, now, code)
        case Ring(answer_after_s=0):
            return answer(state)
        case Ring():
            return state, ()


def answer(state: DoorState) -> Step:
    """Answers the ringing call: a press, or its time came. Orders it once; a second time changes nothing."""
    call = state.call
    if call is None or call.stage is not Stage.RINGING or call.answer_ordered:
        return state, ()
    state = replace(state, call=replace(call, answer_at=None, answer_ordered=True))
    effects: tuple[Effect, ...] = (Answer(call.id, call.mode, session.limits_of(call)),)
    return state, effects


def far_side(account: str, caller: str, address: str) -> FarSide:
    """Returns who calls."""
    return FarSide(caller, address, direct=account == DIRECT)


def _ring(document: Document, caller: FarSide, wants_s: float | None) -> Ring:
    rules = document.calls.auto_answer
    rule = rules.ip if caller.direct else rules.sip
    mode = AutoAnswerMode(rule.mode)
    if wants_s is not None and people.named(rules.trusted, caller):
        return Ring(wants_s, mode)
    return Ring(rule.delay_s if rule.enabled else None, mode)


def _begin(
    state: DoorState,
    call: str,
    account: str,
    caller: FarSide,
    ring: Ring,
    began_at: float,
    wants_s: float | None = None,
) -> DoorState:
    """Makes it the door's call; a repeated question about it leaves it as it is."""
    if state.document is None or (state.call is not None and state.call.id == call):
        return state
    new = Call(
        id=call,
        direction=Direction.INCOMING,
        account=account,
        far_side=caller,
        rules=state.document.calls,
        stage=Stage.RINGING,
        began_at=began_at,
        confirmed_at=began_at,
        answer_at=None if not ring.answer_after_s else began_at + ring.answer_after_s,
        mode=ring.mode,
        wants_auto_answer_s=wants_s,
    )
    return replace(state, call=new, lost=None)


def _decision(state: DoorState, ring: Ring) -> IncomingDecision:
    limits = {"limits": session.limits_of(state.call)} if state.call is not None else {}
    return IncomingDecision(decision="answer" if ring.answer_after_s == 0 else "ring", mode=ring.mode, **limits)
