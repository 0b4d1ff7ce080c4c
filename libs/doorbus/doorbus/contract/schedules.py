"""Schedules: what is active now, as the scheduler keeps it and tells its changes.

The scheduler keeps a `ScheduleState` of each door in `DOORBUS_STATE`, key `<door>.scheduler`. Policy uses it at the
press, with no question on the way.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from doorbus.contract.base import Event, Message, Name


class ScheduleEvent(Event):
    """Base of what is told at a boundary.

    Attributes:
        kind: a schedule, or a template (active while any of its schedules is).
        id: its id in the document.
        at: the boundary, in the door's time zone.
    """

    domain = "schedule"
    kind: Literal["schedule", "template"]
    id: Name
    at: AwareDatetime


class ScheduleActivated(ScheduleEvent):
    """It begins."""

    what = "activated"


class ScheduleDeactivated(ScheduleEvent):
    """It is over."""

    what = "deactivated"


class ScheduleChange(Message):
    """A change that the scheduler is about to tell.

    Attributes:
        event: id of the event, the same when it is told again.
        kind: a schedule, or a template.
        id: its id in the document.
        active: from then on.
        at: the boundary, in the door's time zone.
    """

    event: str
    kind: Literal["schedule", "template"]
    id: Name
    active: bool
    at: AwareDatetime


class ScheduleState(Message):
    """What is active from `at` until `valid_until`.

    Attributes:
        revision: of the document it was made from.
        document: that document's fingerprint, the same in a store that was made anew.
        at: bus time of the evaluation.
        valid_until: the next boundary of any schedule; None = nothing will change.
        schedules: every schedule of the document, and whether it is active.
        templates: every template of the document, and whether it is active.
        telling: what this state has changed, until the stream has kept the events: for the scheduler's own next life.
    """

    revision: int
    document: str = ""
    at: AwareDatetime
    valid_until: AwareDatetime | None = None
    schedules: dict[Name, bool] = Field(default_factory=dict)
    templates: dict[Name, bool] = Field(default_factory=dict)
    telling: tuple[ScheduleChange, ...] = ()
