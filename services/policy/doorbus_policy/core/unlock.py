"""Opening the door: by code during a call (DTMF), or by a client's wish.

- Digits count in an answered call only, and only those that came the way of the call's first digit.
- They collect in a buffer. It closes on a match, at the length of the longest code, 3 s after the last digit, and when
  the call ends. A code of someone whom it does not serve, and a buffer that closes without a match, is one wrong code.
- Ten wrong codes at a door within 10 minutes lock DTMF there for 10 minutes, across calls and restarts. While it is
  locked no code opens, not even a right one, and none is counted.
- Codes are those of the newest document, also in a call that began before it. Without codes digits mean nothing.
- The relay is io's. An order that io refuses, or does not answer within 1 s, is an unlock denied; the wish behind it is
  answered then, not before.
- Digits never appear in an event, a log or a repr.
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Literal

from pydantic import SecretStr

from doorbus.contract.base import Reply
from doorbus.contract.doors import UnlockDenied, UnlockLocked
from doorbus.contract.errors import ErrorCode
from doorbus.contract.lines import UnlockMethod
from doorbus_policy.core import people
from doorbus_policy.core.effects import AnswerQuestion, AnswerWish, Effect, Pulse, Tell
from doorbus_policy.core.events import Code, CommandFinished, DigitTyped, UnlockWished
from doorbus_policy.core.replies import not_ready, refused
from doorbus_policy.core.state import Call, DoorState, Stage, Step, Typed, Unlock, WrongCodes

CODE_PAUSE_S = 3.0
"""After the last digit; as long as a person searches for a key."""
WRONG_CODES = 10
WITHIN_S = 600.0
LOCKED_FOR_S = 600.0
"""Ten tries in ten minutes: a four-digit code then holds for a week on average."""
IO_ANSWERS_S = 1.0

DeniedBecause = Literal["wrong_code", "caller_not_allowed", "locked", "unknown_relay", "io_refused", "io_silent"]


def digit(state: DoorState, event: DigitTyped, now: float) -> Step:
    """A digit came. It is answered at once, whatever becomes of it."""
    call = state.call
    if call is None or call.id != event.call:
        return state, (AnswerQuestion(event.handle, refused(ErrorCode.UNKNOWN_CALL, "this is not the door's call")),)
    answer = AnswerQuestion(event.handle, Reply())
    if call.stage is not Stage.ANSWERED or not state.codes or event.method != (call.method or event.method):
        return state, (answer,)
    typed = Typed(SecretStr(call.typed.digits.get_secret_value() + event.digit), now)
    state = replace(state, call=replace(call, typed=typed, method=event.method))
    if _match(state.codes, typed) or len(typed.digits.get_secret_value()) >= _longest(state.codes):
        state, effects = close(state, now)
        return state, (answer, *effects)
    return state, (answer,)


def closes_at(call: Call) -> float | None:
    """Returns when the buffer closes by itself, None when it is empty."""
    return call.typed.last_at + CODE_PAUSE_S if call.typed else None


def close(state: DoorState, now: float) -> Step:
    """Closes the buffer: opens the door, or counts a wrong code."""
    call = state.call
    if call is None or not call.typed:
        return state, ()
    matched = _match(state.codes, call.typed)
    state = replace(state, call=replace(call, typed=Typed()))
    if is_locked(state.wrong, now):
        return state, (_denied(UnlockMethod.DTMF, "locked", by=call.far_side.name, call=call.id),)
    if matched is None:
        return _wrong(state, call, "wrong_code", None, now)
    if not people.named(matched.callers, call.far_side):
        return _wrong(state, call, "caller_not_allowed", matched.relay, now)
    return _order(state, matched.relay, UnlockMethod.DTMF, call.far_side.name, call.id, None, now)


def wished(state: DoorState, event: UnlockWished, now: float) -> Step:
    """A client asks for the door."""
    if state.document is None:
        return state, (AnswerWish(event.handle, not_ready()),)
    if state.document.relay(event.relay) is None:
        known = ", ".join(relay.id for relay in state.document.io.relays) or "none"
        reply = refused(ErrorCode.UNKNOWN_RELAY, f"relay: there is no {event.relay}; there are: {known}")
        denied = _denied(event.method, "unknown_relay", by=event.client, relay=event.relay)
        return state, (denied, AnswerWish(event.handle, reply))
    call = state.call.id if state.call is not None and state.call.stage is Stage.ANSWERED else None
    return _order(state, event.relay, event.method, event.client, call, event.handle, now)


def finished(state: DoorState, event: CommandFinished, now: float) -> Step:
    """Io answered the order to open, or did not."""
    order = event.order
    pending = next((each for each in state.unlocks if isinstance(order, Pulse) and each.number == order.unlock), None)
    if pending is None:
        return state, ()
    if event.ok:
        answer = () if pending.handle is None else (AnswerWish(pending.handle, Reply(call=pending.call)),)
        return _without(state, pending), answer
    silent = event.code in (ErrorCode.TIMEOUT, ErrorCode.NOT_CONNECTED)
    return _failed(state, pending, "io_silent" if silent else "io_refused", event.code or ErrorCode.INTERNAL)


def io_due(state: DoorState) -> float | None:
    """Returns when io's silence counts as an answer."""
    return min((each.ordered_at + IO_ANSWERS_S for each in state.unlocks), default=None)


def io_silent(state: DoorState, now: float) -> Step:
    """Io did not answer in time."""
    effects: tuple[Effect, ...] = ()
    for pending in state.unlocks:
        if pending.ordered_at + IO_ANSWERS_S <= now:
            state, more = _failed(state, pending, "io_silent", ErrorCode.TIMEOUT)
            effects += more
    return state, effects


def is_locked(wrong: WrongCodes, now: float) -> bool:
    """Whether DTMF is locked."""
    return wrong.locked_until is not None and now < wrong.locked_until


def _order(
    state: DoorState, relay: str, method: UnlockMethod, by: str, call: str | None, handle: str | None, now: float
) -> Step:
    number = state.unlock_count + 1
    pending = Unlock(number, handle, relay, method, by, call, now)
    state = replace(state, unlocks=(*state.unlocks, pending), unlock_count=number)
    return state, (Pulse(number, relay, method, by, call),)


def _failed(state: DoorState, pending: Unlock, why: DeniedBecause, code: str) -> Step:
    denied = _denied(pending.method, why, by=pending.by, relay=pending.relay, call=pending.call)
    if pending.handle is None:
        return _without(state, pending), (denied,)
    said = "did not answer: the door may have been opened or not" if why == "io_silent" else "did not open the door"
    return _without(state, pending), (denied, AnswerWish(pending.handle, refused(code, f"io {said}")))


def _without(state: DoorState, pending: Unlock) -> DoorState:
    return replace(state, unlocks=tuple(each for each in state.unlocks if each.number != pending.number))


def _wrong(state: DoorState, call: Call, why: DeniedBecause, relay: str | None, now: float) -> Step:
    denied = _denied(UnlockMethod.DTMF, why, by=call.far_side.name, call=call.id, relay=relay)
    times = (*(at for at in state.wrong.times if at > now - WITHIN_S), now)
    if len(times) < WRONG_CODES:
        return replace(state, wrong=WrongCodes(times)), (denied,)
    locked = Tell(UnlockLocked(for_s=LOCKED_FOR_S, wrong_codes=len(times)))
    return replace(state, wrong=WrongCodes(locked_until=now + LOCKED_FOR_S)), (denied, locked)


def _denied(
    method: UnlockMethod, why: DeniedBecause, by: str, relay: str | None = None, call: str | None = None
) -> Effect:
    return Tell(UnlockDenied(relay=relay, method=method, by=by, call=call, why=why))


def _match(codes: tuple[Code, ...], typed: Typed) -> Code | None:
    given = typed.digits.get_secret_value().encode()
    return next((code for code in codes if hmac.compare_digest(code.digits.get_secret_value().encode(), given)), None)


def _longest(codes: tuple[Code, ...]) -> int:
    return max((len(code.digits.get_secret_value()) for code in codes), default=0)
