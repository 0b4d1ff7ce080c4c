"""Do Not Disturb: which calls it refuses, and who turned it on or off.

- The document's `enabled` is where it starts; with a `schedule`, whether that is active. A toggle holds until `apply`
  changes `enabled`, or the schedule reaches its next boundary; it is kept across a restart, and a change or a boundary
  while policy was down counts too.
- A toggle for all accounts replaces those for single ones. Turning on what is on is accepted and changes nothing.
- Only calls on the document's `dnd.accounts` are refused (`ip` = direct calls; null = all). Callers in `bypass` get
  through.
- Whatever turns it, the servers of the accounts concerned are told (`server_codes`).
"""

from __future__ import annotations

from dataclasses import replace

from doorbus.contract.base import Reply
from doorbus.contract.dnd import DndChanged
from doorbus.contract.document.door import Door as Document
from doorbus.contract.errors import ErrorCode
from doorbus_policy.core import people, server_codes
from doorbus_policy.core.effects import AnswerWish, Tell
from doorbus_policy.core.events import DndWished
from doorbus_policy.core.replies import not_ready, refused
from doorbus_policy.core.state import DndState, DoorState, FarSide, Step

BY_DOCUMENT = "document"
BY_SCHEDULE = "schedule"


def is_on(document: Document, dnd: DndState, account: str) -> bool:
    """Whether calls on `account` are refused, were it nobody of `bypass`."""
    if account not in document.dnd_accounts():
        return False
    single = dict(dnd.accounts).get(account)
    if single is not None:
        return single
    if dnd.toggled is not None:
        return dnd.toggled
    return document.calls.dnd.enabled if dnd.scheduled is None else dnd.scheduled


def refuses(document: Document, dnd: DndState, account: str, caller: FarSide) -> bool:
    """Whether DND refuses this call."""
    return is_on(document, dnd, account) and not people.named(document.calls.dnd.bypass, caller)


def accounts_on(document: Document, dnd: DndState) -> tuple[str, ...]:
    """Returns the accounts whose calls are refused, for the status."""
    return tuple(sorted(account for account in document.dnd_accounts() if is_on(document, dnd, account)))


def wished(state: DoorState, event: DndWished, now: float) -> Step:
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
    told = DndChanged(enabled=event.enabled, account=event.account, by=event.client)
    state, effects = _turn(replace(state, dnd=after), told, event.new_call, now)
    return state, (AnswerWish(event.handle, Reply()), *effects)


def document_taken(state: DoorState, new_call: str, now: float) -> Step:
    """The state's document is new: where it says something new about `enabled`, it wins over toggles."""
    document = state.document
    if document is None:
        return state, ()
    enabled, dnd = document.calls.dnd.enabled, state.dnd
    if dnd.document != enabled:
        dnd = DndState(document=enabled, scheduled=dnd.scheduled, on=dnd.on)
    state = replace(state, dnd=_following(state, dnd))
    on = bool(accounts_on(document, state.dnd))
    return _turn(state, DndChanged(enabled=on, by=BY_DOCUMENT), new_call, now)


def schedule_told(state: DoorState, new_call: str, now: float) -> Step:
    """The scheduler said what is active: a boundary of DND's schedule ends toggles."""
    document = state.document
    if document is None:
        return state, ()
    state = replace(state, dnd=_following(state, state.dnd))
    on = bool(accounts_on(document, state.dnd))
    return _turn(state, DndChanged(enabled=on, by=BY_SCHEDULE), new_call, now)


def _following(state: DoorState, dnd: DndState) -> DndState:
    """Returns DND after a look at its schedule. One that nothing is heard of stays as it was.

    What was said of another document does not count: its schedules may have had other hours.
    """
    document = state.document
    if document is None or document.calls.dnd.schedule is None:
        return replace(dnd, scheduled=None)
    said = state.scheduled
    of_this = said is not None and said.document == state.fingerprint
    heard = dict(said.schedules).get(document.calls.dnd.schedule) if said is not None and of_this else None
    if heard is None or heard == dnd.scheduled:
        return dnd
    if dnd.scheduled is None:  # the first word is no boundary
        return replace(dnd, scheduled=heard)
    return replace(dnd, scheduled=heard, toggled=None, accounts=())


def _turn(state: DoorState, told: DndChanged, new_call: str, now: float) -> Step:
    """Tells what changed, if anything did, and lets the servers know."""
    document = state.document
    if document is None:
        return state, ()
    before, after = frozenset(state.dnd.on), frozenset(accounts_on(document, state.dnd))
    if before == after:
        return state, ()
    state = replace(state, dnd=replace(state.dnd, on=tuple(sorted(after))))
    state, off = server_codes.turned(state, before - after, "off", new_call, now)
    state, on = server_codes.turned(state, after - before, "on", new_call, now)
    return state, (Tell(told), *off, *on)
