"""Pages that outrank calls: the call is put on hold, and comes back when the page is over.

| the door's call | while such a page plays | when it is over |
|---|---|---|
| rings at the door, or is dialed | ends, with `page` | |
| answered | is put on hold | is resumed |
| its end is ordered | ends | |
| none | none begins: 480 for callers, a refusal for clients, a press that says `page` | |

- Whether one plays, multicast's newest word says: an event or the page lease, in the order of multicast's own numbers,
  so that a lease which an event has overtaken changes nothing. A word of another life of multicast counts as newer.
- A page counts as over 3 s after it was last heard of, whatever became of multicast.
- A replaced page hands its place to the one that replaced it: the call stays on hold in between.
- Hold and resume follow from the state, not from an event: what was missed, or an order that sip did not take, is made
  good by the next snapshot, or tried again each second. What sip tells of a hold counts as what it is.
- A new life of policy resumes a held call only when it has heard of multicast, or has waited for it for 3 s.
- Everything else of the call goes on: its limits, its codes, a press that hangs up. Calls that only tell a server a
  code make no sound and are left alone.
- With `priority_active: false` no page outranks calls; multicast says so.
"""

from __future__ import annotations

from dataclasses import replace

from doorbus.contract.calls import EndReason
from doorbus.contract.errors import ErrorCode
from doorbus.contract.leases import LEASE_HOLDS_S
from doorbus_policy.core import session
from doorbus_policy.core.effects import Hold, Resume, TakeSnapshot
from doorbus_policy.core.events import (
    CommandFinished,
    HoldTold,
    PageLeaseTold,
    PageOver,
    PageReplaced,
    PageStarted,
    Word,
)
from doorbus_policy.core.state import Call, DoorState, Pages, Stage, Step

AGAIN_S = 1.0
"""sip takes an order within milliseconds; its silence is told after a second."""


def plays(state: DoorState) -> bool:
    """Whether a page that outranks calls plays."""
    return state.pages.page is not None


def started(state: DoorState, event: PageStarted, now: float) -> DoorState:
    """A page plays; one that is told too late counts by the lease alone."""
    until = now - event.age_s + LEASE_HOLDS_S
    if until <= now or _is_old(state.pages, event.word):
        return state
    return _heard(state, event.page if event.outranks_calls else None, until, event.word)


def replaced(state: DoorState, event: PageReplaced) -> DoorState:
    """A higher page took the loudspeaker; its own word follows, or came first."""
    pages = state.pages
    if _is_old(pages, event.word) or pages.page != event.page:
        return state
    return _heard(state, event.by, pages.until, event.word)


def over(state: DoorState, event: PageOver) -> DoorState:
    """A page is over."""
    if _is_old(state.pages, event.word) or state.pages.page != event.page:
        return state
    return _heard(state, None, None, event.word)


def lease_told(state: DoorState, event: PageLeaseTold, now: float) -> DoorState:
    """Multicast says which page plays, each second and at every change."""
    if _is_old(state.pages, event.word):
        return state
    return _heard(state, event.page if event.outranks_calls else None, now + LEASE_HOLDS_S, event.word)


def hold_told(state: DoorState, event: HoldTold) -> DoorState:
    """Sip tells that it holds the call, or does so no more."""
    return seen(state, event.held) if state.call is not None and state.call.id == event.call else state


def seen(state: DoorState, held: bool) -> DoorState:
    """Sip says whether the door's call is on hold; what is to be done about that, `settle` decides."""
    if state.call is None or state.call.held is held:
        return state
    return replace(state, call=replace(state.call, held=held, hold_at=None))


def order_finished(state: DoorState, event: CommandFinished, now: float) -> Step:
    """How sip took `Hold` or `Resume`; one that it did not take is ordered again, if it is still wanted then."""
    call = state.call
    match event.order:
        case Hold(call=id_) | Resume(call=id_) if call is not None and call.id == id_:
            pass
        case _:
            return state, ()
    if event.ok or call.held is not isinstance(event.order, Hold):
        return state, ()
    state = replace(state, call=replace(call, held=None, hold_at=now + AGAIN_S))
    return state, (TakeSnapshot(),) if event.code == ErrorCode.UNKNOWN_CALL else ()


def settle(state: DoorState, now: float) -> Step:
    """Makes the door's call fit to the page. Follows every step."""
    pages = state.pages
    if pages.page is not None and pages.until is not None and pages.until <= now:
        state = replace(state, pages=replace(pages, page=None, until=None))
    call = state.call
    if call is None:
        return state, ()
    match call.stage:
        case Stage.RINGING | Stage.DIALING if plays(state):
            return session.end(state, EndReason.PAGE, now)
        case Stage.ANSWERED if call.held is not plays(state):
            return _order(state, call, now)
        case _:
            return state, ()


def due(state: DoorState) -> float | None:
    """Returns when `settle` has something to do without being told."""
    pages, call = state.pages, state.call
    pending = [pages.until if pages.page is not None else None]
    if call is not None and call.stage is Stage.ANSWERED and call.held is not plays(state):
        pending += [call.hold_at, pages.unsure_until]
    return min((at for at in pending if at is not None), default=None)


def _order(state: DoorState, call: Call, now: float) -> Step:
    """Orders what fits, unless that was tried just now, or nobody can know yet whether a page plays."""
    pages = state.pages
    if pages.word is None and pages.unsure_until is None:
        return replace(state, pages=replace(pages, unsure_until=now + LEASE_HOLDS_S)), ()
    if any(at is not None and now < at for at in (pages.unsure_until, call.hold_at)):
        return state, ()
    state = replace(state, call=replace(call, held=plays(state), hold_at=None))
    return state, (Hold(call.id) if plays(state) else Resume(call.id),)


def _heard(state: DoorState, page: str | None, until: float | None, word: Word) -> DoorState:
    return replace(state, pages=Pages(page, until if page is not None else None, word))


def _is_old(pages: Pages, word: Word) -> bool:
    """Whether a newer word was heard."""
    return pages.word is not None and pages.word.epoch == word.epoch and word.number < pages.word.number
