"""What clients wish about calls: to call, to hang up, to know how the door is.

- A number is called on the account named; on the door's only account where none is named; addresses and SIP URIs are
  called directly then. A door with a call is busy, and none begins while a page plays that outranks calls.
- A wish is answered when it is accepted or refused; events tell when it was done.
"""

from __future__ import annotations

from doorbus.contract.base import Reply
from doorbus.contract.calls import DIRECT, EndReason
from doorbus.contract.document.door import Door as Document
from doorbus.contract.document.numbers import NumberKind, kind_of
from doorbus.contract.errors import ErrorCode
from doorbus.contract.status import Status
from doorbus_policy.core import barge, dnd, hunt, session, unlock
from doorbus_policy.core.effects import AnswerWish
from doorbus_policy.core.events import CallWished, HangUpWished, StatusWished
from doorbus_policy.core.replies import not_ready, refused
from doorbus_policy.core.state import DoorState, Step


def call(state: DoorState, event: CallWished, now: float) -> Step:
    """Call a number."""
    document = state.document
    if document is None:
        return state, (AnswerWish(event.handle, not_ready()),)
    if barge.plays(state):
        reply = refused(ErrorCode.PAGE, "a page that outranks calls plays: try again when it is over")
        return state, (AnswerWish(event.handle, reply),)
    if state.call is not None:
        reply = refused(ErrorCode.BUSY, "the door has a call").model_copy(update={"call": state.call.id})
        return state, (AnswerWish(event.handle, reply),)
    if state.lost is not None:
        reply = refused(ErrorCode.NOT_READY, "sip does not say whether its last call is still up: try again")
        return state, (AnswerWish(event.handle, reply),)
    account = _account(document, event)
    if isinstance(account, Reply):
        return state, (AnswerWish(event.handle, account),)
    uri = hunt.uri_of(document, event.to, account)
    if uri is None:
        said = "to: digits with * and #, an IP address with optional port, or a SIP URI"
        return state, (AnswerWish(event.handle, refused(ErrorCode.INVALID_NUMBER, said)),)
    plan = hunt.of_number(document, uri)
    state, effects = hunt.begin(state, event.new_call, account, document.calls, plan, now)
    return state, (*effects, AnswerWish(event.handle, Reply(call=event.new_call)))


def hang_up(state: DoorState, event: HangUpWished, now: float) -> Step:
    """End the call."""
    if event.call is not None and (state.call is None or state.call.id != event.call):
        return state, (AnswerWish(event.handle, refused(ErrorCode.UNKNOWN_CALL, "call: the door has no such call")),)
    if state.call is None:
        return state, (AnswerWish(event.handle, refused(ErrorCode.NOTHING_TO_DO, "there is no call")),)
    reply = Reply(call=state.call.id)
    state, effects = session.end(state, EndReason.LOCAL_HANGUP, now)
    return state, (*effects, AnswerWish(event.handle, reply))


def status(state: DoorState, event: StatusWished, now: float) -> Step:
    """Tell how the door is."""
    if state.document is None:
        return state, (AnswerWish(event.handle, not_ready()),)
    talk = state.call
    reply = Status(
        call=talk.id if talk else None,
        stage=talk.stage.value if talk else "idle",
        direction=talk.direction if talk else None,
        far_side=talk.far_side.name if talk else "",
        answered_s=round(now - talk.answered_at, 3) if talk and talk.answered_at is not None else None,
        held=talk is not None and talk.held is True,
        page=state.pages.page,
        dnd_accounts=dnd.accounts_on(state.document, state.dnd),
        codes_locked=unlock.is_locked(state.wrong, now),
        revision=state.revision,
    )
    return state, (AnswerWish(event.handle, reply),)


def _account(document: Document, event: CallWished) -> str | Reply | None:
    """Returns the account to call on, None for a direct call, or why there is none."""
    if event.account == DIRECT or kind_of(event.to) is NumberKind.ADDRESS:
        return None
    ids = [account.id for account in document.sip.accounts]
    if event.account is not None:
        if event.account in ids:
            return event.account
        return refused(ErrorCode.UNKNOWN_ACCOUNT, f"account: there is no {event.account}; there are: {', '.join(ids)}")
    if kind_of(event.to) is not NumberKind.DIGITS:
        return None
    if len(ids) == 1:
        return ids[0]
    return refused(ErrorCode.UNKNOWN_ACCOUNT, f"account: name one of: {', '.join(ids) or 'none'}")
