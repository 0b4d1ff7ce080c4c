"""Do Not Disturb: which calls it refuses, and who turned it on or off.

- The document's `enabled` is where it starts. A toggle holds until `apply` changes that field; it is kept across a
  restart, and a change of the field while policy was down counts too.
- A toggle for all accounts replaces those for single ones. Turning on what is on is accepted and changes nothing.
- Only calls on the document's `dnd.accounts` are refused (`ip` = direct calls; null = all). Callers in `bypass` get
  through.
"""

from __future__ import annotations

from dataclasses import replace

from doorbus.contract.base import Reply
from doorbus.contract.dnd import DndChanged
from doorbus.contract.document.door import Door as Document
from doorbus.contract.errors import ErrorCode
from doorbus_policy.core import people
from doorbus_policy.core.effects import AnswerWish, Tell
from doorbus_policy.core.events import DndWished
from doorbus_policy.core.replies import not_ready, refused
from doorbus_policy.core.state import DndState, DoorState, FarSide, Step

BY_DOCUMENT = "document"


def is_on(document: Document, dnd: DndState, account: str) -> bool:
    """Whether calls on `account` are refused, were it nobody of `bypass`."""
    if account not in document.dnd_accounts():
        return False
    single = dict(dnd.accounts).get(account)
    if single is not None:
        return single
    return document.calls.dnd.enabled if dnd.toggled is None else dnd.toggled


def refuses(document: Document, dnd: DndState, account: str, caller: FarSide) -> bool:
    """Whether DND refuses this call."""
    return is_on(document, dnd, account) and not people.named(document.calls.dnd.bypass, caller)


def accounts_on(document: Document, dnd: DndState) -> tuple[str, ...]:
    """Returns the accounts whose calls are refused, for the status."""
    return tuple(sorted(account for account in document.dnd_accounts() if is_on(document, dnd, account)))


def wished(state: DoorState, event: DndWished) -> Step:
    """A client turns it on or off."""
    document = state.document
    if document is None:
        return state, (AnswerWish(event.handle, not_ready()),)
    accounts = document.dnd_accounts()
    if event.account is not None and event.account not in accounts:
        known = ", ".join(sorted(accounts)) or "none"
        reply = refused(ErrorCode.UNKNOWN_ACCOUNT, f"account: DND is not about {event.account}; it is about: {known}")
        return state, (AnswerWish(event.handle, reply),)
    if event.account is None:
        after = replace(state.dnd, toggled=event.enabled, accounts=())
    else:
        singles = dict(state.dnd.accounts) | {event.account: event.enabled}
        after = replace(state.dnd, accounts=tuple(sorted(singles.items())))
    accepted = AnswerWish(event.handle, Reply())
    if accounts_on(document, after) == accounts_on(document, state.dnd):
        return replace(state, dnd=after), (accepted,)
    told = Tell(DndChanged(enabled=event.enabled, account=event.account, by=event.client))
    return replace(state, dnd=after), (accepted, told)


def document_taken(state: DoorState, document: Document) -> Step:
    """A document came: where it says something new about `enabled`, it wins over toggles."""
    enabled = document.calls.dnd.enabled
    known = state.dnd.document
    if known == enabled:
        return state, ()
    was_on = state.dnd.toggled if state.dnd.toggled is not None else bool(known)
    state = replace(state, dnd=DndState(document=enabled))
    if was_on == enabled:
        return state, ()
    return state, (Tell(DndChanged(enabled=enabled, by=BY_DOCUMENT)),)
