"""The picture of a door as a pure fold: `step(state, input) -> state`.

Rules:

1. **Events** change what they are about, in the order in which they came, and stand in the list of the last
   `EVENTS_SHOWN`. An unknown type stands in the list only.
2. **Snapshots** (what sip and io keep in `DOORBUS_STATE`) replace calls and accounts, or relays and inputs: so what was
   missed heals itself. A snapshot that is older than an event of the same life of its owner is passed over, and an
   event that a snapshot of the same life already counts changes nothing but the list.
3. A call that was **refused** at once was never up: it is only the last call. A call that only tells a server a code is
   none. Several may be up for a moment: one ends, the next begins.
4. The **document** says which accounts, relays and inputs there are; what is known of them stays known.
5. The **page** that plays is the last `page.started` until that very page is told to have `ended` or to be `replaced`
   (by one that is told to have started, before or after), until multicast's **lease** names another one or none, or
   runs out, or until multicast stops or starts anew.
6. While the **bus** is gone nothing is forgotten, and `bus` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from doorbus.contract.base import Event
from doorbus.contract.document import Door
from doorbus.contract.pages import PageEnded, PageReplaced, PageStarted
from doorbus.contract.sentences import QUIET, SENTENCES, sentence
from doorbus.contract.services import ServiceStarted, ServiceStopped
from doorbus.runtime.seen import Seen
from doorbus_web.live import calls, parts
from doorbus_web.live.inputs import (
    BusIs,
    DocumentRead,
    Input,
    IoRead,
    PageIs,
    SchedulesRead,
    SipRead,
    StatusRead,
    Told,
)
from doorbus_web.live.state import DoorLive, EventView

EVENTS_SHOWN = 50

Tone = Literal["info", "good", "warn", "bad", "quiet"]


@dataclass(frozen=True)
class State:
    """The picture, and what is needed to keep it.

    Attributes:
        live: the picture.
        heard: life and number of the last event or snapshot of each service.
        document: in force, None = there is none.
    """

    live: DoorLive
    heard: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    document: Door | None = None


def step(state: State, event: Input) -> State:
    """Returns the picture after something came."""
    match event:
        case Told(seen, old):
            return _told(state, seen, old=old)
        case DocumentRead(document, revision):
            live = parts.configured(state.live, document).model_copy(update={"revision": revision})
            return replace(state, live=live, document=document)
        case SipRead(snapshot, at):
            if _older(state, "sip", snapshot.source_epoch, snapshot.sequence):
                return state
            live = parts.registrations(calls.read(state.live, snapshot, at), snapshot)
            return _heard(replace(state, live=live), "sip", snapshot.source_epoch, snapshot.sequence)
        case IoRead(snapshot, at):
            if _older(state, "io", snapshot.source_epoch, snapshot.sequence):
                return state
            state = replace(state, live=parts.lines_read(state.live, snapshot, at))
            return _heard(state, "io", snapshot.source_epoch, snapshot.sequence)
        case SchedulesRead(read):
            active = (*read.schedules.items(), *read.templates.items())
            return _with(state, schedules=tuple(sorted({name for name, is_active in active if is_active})))
        case StatusRead(status):
            return _with(state, dnd=tuple(sorted(status.dnd_accounts)))
        case PageIs(lease):
            if state.live.page is None or (lease is not None and lease.subject_id == state.live.page["page"]):
                return state
            if lease is not None and _older(state, "multicast", lease.epoch, lease.sequence):
                return state
            return _with(state, page=None)
        case BusIs(connected):
            return _with(state, bus=connected)


def _told(state: State, seen: Seen, *, old: bool) -> State:
    if any(each.id == seen.envelope.id for each in state.live.events):
        return state
    service, epoch, number = seen.envelope.service, seen.envelope.epoch, seen.envelope.sequence
    known = _counted(state, service, epoch, number)
    shown = sorted((view(seen), *state.live.events), key=lambda each: each.time, reverse=True)  # stable
    state = _with(state, events=tuple(shown[:EVENTS_SHOWN]))
    if old:
        return replace(state, live=parts.of_services(state.live, seen))
    if known:
        return state
    return _heard(replace(state, live=_changed(state, seen)), service, epoch, number)


def _changed(state: State, seen: Seen) -> DoorLive:
    live, event, at = state.live, seen.event, seen.envelope.time
    if event is None:
        return live
    match event:
        case PageStarted():
            live = live.model_copy(update={"page": seen.data})
        case PageReplaced(page=over) | PageEnded(page=over) if live.page is not None and live.page["page"] == over:
            live = live.model_copy(update={"page": None})
        case ServiceStarted(service="multicast") | ServiceStopped(service="multicast"):
            live = live.model_copy(update={"page": None})
    live = calls.told(live, event, at)
    live = parts.told(live, event, at, state.document)
    return parts.of_services(live, seen)


def view(seen: Seen) -> EventView:
    """Returns an event as viewers see it."""
    event: Event | None = seen.event
    known = SENTENCES.get(type(event)) if event is not None else None
    return EventView(
        id=seen.envelope.id,
        time=seen.envelope.time,
        type=seen.envelope.type,
        service=seen.envelope.service,
        call=seen.call,
        icon=known.icon if known is not None else "?",
        tone=cast("Tone", known.tone if known is not None else QUIET),
        words=sentence(event) if event is not None else seen.envelope.type.removeprefix("doorbus.").removesuffix(".v1"),
        data=seen.data,
    )


def _with(state: State, **values: object) -> State:
    return replace(state, live=state.live.model_copy(update=values))


def _heard(state: State, service: str, epoch: int, number: int) -> State:
    return replace(state, heard={**state.heard, service: (epoch, number)})


def _older(state: State, service: str, epoch: int, number: int) -> bool:
    """Whether an event of the same life was heard that a snapshot does not count yet."""
    life, last = state.heard.get(service, (None, 0))
    return life == epoch and number < last


def _counted(state: State, service: str, epoch: int, number: int) -> bool:
    """Whether an event was heard, or a snapshot of the same life counts it."""
    life, last = state.heard.get(service, (None, 0))
    return life == epoch and number <= last


def first(door: str) -> State:
    """Returns the picture of a door that nothing is known of."""
    return State(DoorLive(door=door))
