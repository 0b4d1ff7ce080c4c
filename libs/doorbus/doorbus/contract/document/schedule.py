"""Call schedules: when which numbers are called. Times are wall-clock times in the door's time zone.

A window whose end is not after its start crosses midnight; start and end alike are a whole day.
"""

from typing import Annotated, Literal

from pydantic import Field

from doorbus.contract.document.base import Model
from doorbus.contract.document.buttons import MAX_NUMBERS
from doorbus.contract.document.scalars import Date, EndTime, Id, Label, Number, TimeOfDay

MAX_TEMPLATES = 10
"""What the manual promises."""

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
EVERY_DAY: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class _Schedule(Model):
    id: Id
    start: TimeOfDay = "00:00"
    end: EndTime = "24:00"
    holidays: Literal["include", "exclude"] = "include"
    """`exclude` = closed on the days of `schedule.holidays`; included, as no list of holidays comes with us."""


class DailySchedule(_Schedule):
    """Every day."""

    kind: Literal["daily"]


class WeeklySchedule(_Schedule):
    """On some days of the week."""

    kind: Literal["weekly"]
    days: Annotated[tuple[Day, ...], Field(min_length=1)]


class NormalSchedule(_Schedule):
    """Between two dates, both included, on some days of the week."""

    kind: Literal["normal"]
    first_date: Date
    last_date: Date
    days: Annotated[tuple[Day, ...], Field(min_length=1)] = EVERY_DAY
    """Every day of the range."""


AnySchedule = Annotated[DailySchedule | WeeklySchedule | NormalSchedule, Field(discriminator="kind")]


class CallTemplate(Model):
    """Numbers, and the schedules in which they are called."""

    id: Id
    name: Label
    numbers: Annotated[tuple[Number, ...], Field(min_length=1, max_length=MAX_NUMBERS)]
    schedules: Annotated[tuple[Id, ...], Field(min_length=1)]
    """Active while any of them is."""


class Schedule(Model):
    """Everything about time."""

    holidays: tuple[Date, ...] = ()
    schedules: tuple[AnySchedule, ...] = ()
    templates: Annotated[tuple[CallTemplate, ...], Field(max_length=MAX_TEMPLATES)] = ()
    inputs: dict[Id, tuple[Id, ...]] = Field(default_factory=dict)
    """Templates of each input; the first active one of the list wins."""
