"""What a look at the clock means for a door: its new state, and what is told.

- The state is what the schedules say now (`doorbus.schedule`), until the next boundary.
- Told is what differs from the state that was told last, also by an earlier life of the process: each schedule and
  template that became active or inactive, once. Without any such state, what is active is news.
- A schedule or template that the document no longer has is over.
- `at` of what is told is its boundary, as long as the document is the same. After a longer absence it is the last
  boundary that changed it; what began and ended meanwhile is not told any more. Where the document made the change, or
  a clock that moved, `at` is now.
- A clock that was corrected by less than `CORRECTION` backwards takes nothing back: else a boundary happened twice.
- What is told has an id that follows from the state told before, so that the stream can drop a repeat (see `keeper`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from doorbus.contract.document import Door, fingerprint
from doorbus.contract.schedules import ScheduleChange, ScheduleState
from doorbus.schedule import evaluate

CORRECTION = timedelta(seconds=0.5)
"""Bus time is measured anew each minute; two measurements differ by milliseconds."""

STEPS_BACK = 200
"""Boundaries passed in an absence that are looked through for the last one; a busy door has some 20 a day."""

Kind = Literal["schedule", "template"]
_IDS = uuid.UUID("2f1c9a52-6a0e-5d0b-9b1e-6f7d1a1d4c55")


@dataclass(frozen=True)
class Review:
    """What comes of it.

    Attributes:
        state: what holds now.
        changes: what is told; schedules first, then templates, in the order of the document.
        is_news: whether the state says more than another time of evaluation.
    """

    state: ScheduleState
    changes: tuple[ScheduleChange, ...]
    is_news: bool


def review(door: Door, revision: int, told: ScheduleState | None, now: datetime, document: str | None = None) -> Review:
    """Looks at the clock.

    Args:
        door: its document.
        revision: of the document.
        told: the state that was told last, None where nothing is known of one.
        now: aware.
        document: its fingerprint, where the caller has it: making it takes longer than all the rest.
    """
    if told is not None and timedelta() < told.at - now <= CORRECTION:
        now = told.at
    evaluation = evaluate(door, now)
    state = ScheduleState(
        revision=revision,
        document=document or fingerprint(door),
        at=evaluation.at,
        valid_until=evaluation.next_change,
        schedules=dict(evaluation.schedules),
        templates=dict(evaluation.templates),
    )
    before = told or ScheduleState(revision=0, at=now)
    boundaries = _boundaries(door, told, now) if told is not None and told.document == state.document else {}
    zone = ZoneInfo(door.timezone)
    changes = tuple(
        ScheduleChange(
            event=_event_id(door, told, kind, name, active),
            kind=kind,
            id=name,
            active=active,
            at=_local(boundaries.get((kind, name), now), zone),
        )
        for kind, name, active in _differences(before, state)
    )
    return Review(state, changes, told is None or told.at > now or _content(told) != _content(state))


def _differences(before: ScheduleState, after: ScheduleState) -> Iterator[tuple[Kind, str, bool]]:
    """Yields what became active (True) or inactive."""
    kinds: tuple[tuple[Kind, Mapping[str, bool], Mapping[str, bool]], ...] = (
        ("schedule", before.schedules, after.schedules),
        ("template", before.templates, after.templates),
    )
    for kind, was, is_now in kinds:
        for name in {**is_now, **was}:
            if was.get(name, False) != is_now.get(name, False):
                yield kind, name, is_now.get(name, False)


def _boundaries(door: Door, told: ScheduleState, now: datetime) -> dict[tuple[Kind, str], datetime]:
    """Returns when each schedule and template changed last between the told state and now."""
    found: dict[tuple[Kind, str], datetime] = {}
    before, boundary = told, told.valid_until
    for _ in range(STEPS_BACK):
        if boundary is None or boundary > now:
            break
        evaluation = evaluate(door, boundary)
        after = before.model_copy(
            update={"schedules": dict(evaluation.schedules), "templates": dict(evaluation.templates)}
        )
        found.update({(kind, name): boundary for kind, name, _ in _differences(before, after)})
        before, boundary = after, evaluation.next_change
    return found


def _local(at: datetime, zone: tzinfo) -> datetime:
    """Returns a moment in a zone; in UTC where its offset has seconds, which RFC 3339 cannot write."""
    local = at.astimezone(zone)
    return at.astimezone(UTC) if (local.utcoffset() or timedelta()) % timedelta(minutes=1) else local


def _event_id(door: Door, told: ScheduleState | None, kind: Kind, name: str, active: bool) -> str:
    since = "never" if told is None else f"{told.at.isoformat()} {told.revision}"
    return str(uuid.uuid5(_IDS, f"{door.door} {since} {kind} {name} {active}"))


def _content(state: ScheduleState) -> tuple[object, ...]:
    return state.revision, state.document, state.valid_until, state.schedules, state.templates
