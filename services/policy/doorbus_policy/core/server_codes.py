"""Telling servers that Do Not Disturb was turned on or off, by calling its codes.

- Each SIP account whose calls DND begins or ceases to refuse is told, when the document has a code for that. Direct
  calls have no server.
- An account is told one thing at a time, in order; what waits is replaced by what is newer.
- A 2xx is the server's yes, and is told at once; sip ends the call `code_hold_s` later if the server has not. Any other
  end, and none within `ANSWERS_S`, is a no.
- A restart knows what was under way: what sip still has goes on, the rest is told again. A code twice does no harm, a
  code never leaves server and door apart.
- These are not the door's calls: they neither occupy it nor count in its limits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from doorbus.contract.base import COMMAND_LIFETIME_S
from doorbus.contract.calls import CallSnapshot, EndReason, Target
from doorbus.contract.dnd import DndServerCodeSent
from doorbus.contract.document.door import number_to_uri
from doorbus.contract.errors import ErrorCode
from doorbus_policy.core.effects import DialCode, Effect, HangUp, Tell
from doorbus_policy.core.events import CallAnswered, CallEnded, CommandFinished
from doorbus_policy.core.state import CodeStage, DoorState, ServerCode, Step

ANSWERS_S = 10.0
"""A server's answer to a code comes within a second; ten leave room for a slow line."""
ENDS_S = 3.0
"""sip hangs up by itself; so much later something is wrong."""


def turned(state: DoorState, accounts: Iterable[str], turns: Literal["on", "off"], new_call: str, now: float) -> Step:
    """DND was turned for these accounts."""
    document = state.document
    if document is None:
        return state, ()
    code = document.calls.dnd.on_code if turns == "on" else document.calls.dnd.off_code
    told = [each for each in sorted(accounts) if code and document.account(each) is not None]
    replaced = tuple(
        each for each in state.server_codes if each.account not in told or each.stage is not CodeStage.WAITING
    )
    new = tuple(ServerCode(account, turns, f"{new_call}-{turns}{place}") for place, account in enumerate(told))
    return dial_waiting(replace(state, server_codes=replaced + new), now)


def is_code(state: DoorState, call: str) -> bool:
    """Whether a call is one of these."""
    return any(each.call == call for each in state.server_codes)


def dial_waiting(state: DoorState, now: float) -> Step:
    """Dials each account's next code, unless one is under way there."""
    effects: list[Effect] = []
    for code in state.server_codes:
        first = next(each for each in state.server_codes if each.account == code.account)
        if code is not first or code.stage is not CodeStage.WAITING:
            continue
        dial = _dial(state, code)
        if dial is None:  # the document has lost the account, or the code
            state = _without(state, code)
            continue
        state = _with(state, code, replace(code, stage=CodeStage.DIALED, since=now))
        effects.append(dial)
    return state, tuple(effects)


def answered(state: DoorState, event: CallAnswered, now: float) -> Step:
    """The server said yes."""
    return _taken(state, _of(state, event.call), now)


def ended(state: DoorState, event: CallEnded, now: float) -> Step:
    """A code call is over."""
    return _over(state, _of(state, event.call), event.code, now)


def dial_finished(state: DoorState, event: CommandFinished, now: float) -> Step:
    """How sip took the order to dial: refused is a no; where nothing was heard, its facts or the time will tell."""
    order = event.order
    if event.ok or event.code == ErrorCode.TIMEOUT or not isinstance(order, DialCode) or not is_code(state, order.call):
        return state, ()
    return _over(state, _of(state, order.call), None, now)


def due(state: DoorState) -> float | None:
    """Returns when the next code call is given up."""
    return min((at for each in state.server_codes if (at := _due(state, each)) is not None), default=None)


def give_up(state: DoorState, now: float) -> Step:
    """Ends what took too long."""
    effects: tuple[Effect, ...] = ()
    for code in state.server_codes:
        at = _due(state, code)
        if at is not None and at <= now:
            state, more = _over(state, code, None, now)
            effects += (HangUp(code.call, EndReason.DIAL_TIMEOUT), *more)
    return state, effects


def snapshot_taken(state: DoorState, calls: Iterable[CallSnapshot], asked_at: float, now: float) -> Step:
    """Agrees with what sip has: after a restart of policy, after a gap, after a new sip."""
    there = {each.call: each for each in calls if each.purpose == "code"}
    effects: list[Effect] = []
    for code in state.server_codes:
        found = there.get(code.call)
        if found is None and code.stage is CodeStage.LOST:
            state = _with(state, code, replace(code, stage=CodeStage.WAITING))
        elif found is None and code.since is not None and code.since + COMMAND_LIFETIME_S < asked_at:
            state, more = _over(state, code, None, now)
            effects += more
        elif found is not None and found.answered_age_s is not None and code.stage is not CodeStage.ANSWERED:
            state, more = _taken(state, code, now)
            effects += more
        elif found is not None and code.stage is CodeStage.LOST:
            state = _with(state, code, replace(code, stage=CodeStage.DIALED, since=now))
    state, dialed = dial_waiting(state, now)
    return state, (*effects, *dialed)


def _dial(state: DoorState, code: ServerCode) -> DialCode | None:
    document = state.document
    account = document.account(code.account) if document is not None else None
    if document is None or account is None:
        return None
    rules = document.calls.dnd
    digits = rules.on_code if code.turns == "on" else rules.off_code
    if not digits:
        return None
    target = Target(leg=f"{code.call}-0", uri=number_to_uri(digits, account))
    return DialCode(code.call, code.account, target, ring_s=ANSWERS_S, hold_s=rules.code_hold_s)


def _taken(state: DoorState, code: ServerCode, now: float) -> Step:
    if code.stage is CodeStage.ANSWERED:
        return state, ()
    after = replace(code, stage=CodeStage.ANSWERED, since=now)
    return _with(state, code, after), (_told(code, taken=True, status=200),)


def _over(state: DoorState, code: ServerCode, status: int | None, now: float) -> Step:
    told: tuple[Effect, ...] = () if code.stage is CodeStage.ANSWERED else (_told(code, taken=False, status=status),)
    state, dialed = dial_waiting(_without(state, code), now)
    return state, (*told, *dialed)


def _due(state: DoorState, code: ServerCode) -> float | None:
    """Returns when a code call is given up: unanswered, or answered and not ended by sip."""
    if code.since is None:
        return None
    if code.stage is CodeStage.DIALED:
        return code.since + ANSWERS_S
    hold_s = state.document.calls.dnd.code_hold_s if state.document is not None else 0.0
    return code.since + hold_s + ENDS_S


def _told(code: ServerCode, *, taken: bool, status: int | None) -> Effect:
    sent = DndServerCodeSent(account=code.account, code_kind=code.turns, taken=taken, status=status, call=code.call)
    return Tell(sent)


def _of(state: DoorState, call: str) -> ServerCode:
    return next(each for each in state.server_codes if each.call == call)


def _with(state: DoorState, code: ServerCode, after: ServerCode) -> DoorState:
    return replace(state, server_codes=tuple(after if each is code else each for each in state.server_codes))


def _without(state: DoorState, code: ServerCode) -> DoorState:
    return replace(state, server_codes=tuple(each for each in state.server_codes if each.call != code.call))
