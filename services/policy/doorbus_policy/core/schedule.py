"""What the scheduler says: which templates decide whom a press calls, and whether DND's schedule is active.

- It is used as it was said last, with no question on the way to a press; also past the time for which it holds, as a
  door that rings at the wrong office is better than one that rings nowhere. That it is stale, and that a document
  needs a scheduler which has said nothing, is told after `SILENT_S`, once, and again when it is mended.
"""

from __future__ import annotations

from dataclasses import replace

from doorbus.contract.document.door import Door as Document
from doorbus.contract.services import ServiceDegraded
from doorbus_policy.core import dnd
from doorbus_policy.core.effects import Effect, Tell
from doorbus_policy.core.events import ScheduleTold
from doorbus_policy.core.state import DoorState, Scheduled, Step

SILENT_S = 10.0
"""The scheduler writes within milliseconds of a boundary; a restart of it takes some seconds."""
PART = "schedule"


def told(state: DoorState, event: ScheduleTold, now: float) -> Step:
    """The scheduler says what is active now."""
    was_stale = state.scheduled is not None and state.scheduled.stale_told
    until = None if event.valid_for_s is None else now + event.valid_for_s
    state = replace(state, scheduled=Scheduled(event.document, event.schedules, event.templates, until))
    state, effects = dnd.schedule_told(state, event.new_call, now)
    if was_stale:
        effects = (_degraded("the scheduler is heard again", recovered=True), *effects)
    return state, effects


def document_taken(state: DoorState, now: float) -> DoorState:
    """Expects to hear of a scheduler, if the document needs one and nothing was heard yet."""
    if state.scheduled is None and state.document is not None and _needed(state.document):
        return replace(state, scheduled=Scheduled(valid_until=now, heard=False))
    return state


def stale_at(state: DoorState) -> float | None:
    """Returns when it is to be told that the scheduler is silent."""
    scheduled = state.scheduled
    if scheduled is None or scheduled.valid_until is None or scheduled.stale_told:
        return None
    return scheduled.valid_until + SILENT_S


def stale(state: DoorState) -> Step:
    """The scheduler is silent."""
    if state.scheduled is None:
        return state, ()
    state = replace(state, scheduled=replace(state.scheduled, stale_told=True))
    if state.document is None or not _needed(state.document):
        return state, ()
    return state, (_degraded("the scheduler is silent; what it said last goes on", recovered=False),)


def _needed(document: Document) -> bool:
    by_buttons = any(button.call is not None and button.call.template_enabled for button in document.buttons)
    return by_buttons or document.calls.dnd.schedule is not None


def _degraded(why: str, *, recovered: bool) -> Effect:
    return Tell(ServiceDegraded(service="policy", part=PART, why=why, recovered=recovered))
