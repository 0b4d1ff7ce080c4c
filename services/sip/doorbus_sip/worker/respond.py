"""Answers to requests that pjsua2 leaves to pjsip, whose answer would be 500 within a dialog, and silence outside.

Rules
- REFER gets 603 everywhere: a door is not sent elsewhere. OPTIONS gets 200 with what the door can do, also in a call.
- INFO with a body that nobody reads gets 415 (RFC 6086, 4.2.2), without a body 200.
- NOTIFY of no subscription gets 481 (RFC 6665, 4.1.3), SUBSCRIBE and PUBLISH 489 (RFC 6665, 8.3.2).
- BYE and PRACK outside of any dialog get 481. Every other method gets 405 with Allow (RFC 3261, 8.2.1). ACK gets
  nothing.
- Within a dialog it is called only from the transaction's first callback, on the library's thread, where both
  pointers are alive. There pjsua answers REFER, UPDATE, MESSAGE, PRACK and the digits it reads by itself.
"""

import functools

import pjsua2 as pj

from doorbus_sip.worker.native import Headers, Native, load

_ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, MESSAGE"
_ABLE = {"Allow": _ALLOW, "Accept": "application/sdp", "Supported": "replaces, 100rel, timer"}
_BY_PJSUA = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "MESSAGE", "REFER"})
_OUTSIDE = {"OPTIONS": 200, "REFER": 603, "BYE": 481, "PRACK": 481, "NOTIFY": 481, "SUBSCRIBE": 489, "PUBLISH": 489}
_INSIDE = {"OPTIONS": 200, "NOTIFY": 481, "SUBSCRIBE": 489, "PUBLISH": 489}


def answer_unhandled() -> bool:
    """From now on answers requests outside of dialogs that the library takes no notice of.

    Returns:
        False when this build of the library cannot.
    """
    native = load()
    if native is None:
        return False

    def answer(method: str, received: int) -> None:
        if method == "ACK":
            return
        code = _OUTSIDE.get(method, 405)
        native.respond(received, code, _able(native) if code in (200, 405) else None)

    native.on_unhandled(answer)
    return True


def respond_unhandled(change: pj.TsxStateEvent) -> bool:
    """Answers a request within a dialog, unless pjsua does; `change` is the first one of its transaction."""
    method = str(change.tsx.method)
    return method not in _BY_PJSUA and respond(change, _INSIDE.get(method, 405))


def respond_info(change: pj.TsxStateEvent, *, has_body: bool) -> bool:
    """Answers an INFO that holds no digit."""
    return respond(change, 415 if has_body else 200)


def respond(change: pj.TsxStateEvent, code: int) -> bool:
    """Sends `code` as the final response of a server transaction that has just received its request.

    Returns:
        False when it is none, or this build cannot; then the dialog layer answers, with 500.
    """
    transaction = change.tsx
    if transaction.role != pj.PJSIP_ROLE_UAS or transaction.state != pj.PJSIP_TSX_STATE_TRYING:
        return False
    native = load()
    if native is None:
        return False
    headers = _able(native) if code in (200, 405) and transaction.method != "INFO" else None
    return native.respond_in_dialog(int(transaction.pjTransaction), int(change.src.rdata.pjRxData), code, headers)


@functools.cache
def _able(native: Native) -> Headers:
    return native.headers(_ABLE)
