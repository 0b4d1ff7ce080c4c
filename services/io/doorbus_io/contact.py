"""One door contact: what the opening of a door means.

The rules in words:

1. A door that opens without an unlock was forced: told once an opening, after the opening itself.
2. It was unlocked when its relay was energised at the moment of opening, or had been until `UNLOCK_GRACE_S` before,
   whatever for: the exit button and policy's unlock, and an action of the push button as well. Whoever wrote the
   document let that action release the strike; an alarm each time would soon be heard by nobody.
3. A relay that io has just claimed may have been energised until then (io's start, a chip that is back), so the same
   grace counts from there. While a relay's chip is lost nothing is unlocked.
4. What opens again within `REBOUND_S` of closing was not shut: a slammed door rebounds. It is no new opening by force.
5. A door that stands open for `left_open_s` was left open: told once an opening, with the time since it opened;
   0 = never.
6. What is open when its line is first read, or found open when a lost chip is back, was seen by nobody when it opened:
   it is not forced, and counts from when it was seen.
7. What was open when its chip was lost, and still is when the chip is back, counts on from its opening, or a chip that
   fails now and then would keep a wedged door secret. While the line cannot be read nothing is told; what has become
   due is told when it is back.
8. A document that changes `left_open_s` changes it for the door that stands open too, counted from its opening; what
   was told is not told again.

Each change comes debounced; how many are told is not decided here (`limit.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

UNLOCK_GRACE_S = 3.0
"""A hand that pulled in time moves a heavy leaf some more, and its magnet leaves the contact some centimetres later;
much longer would hide who forces the door right behind somebody."""

REBOUND_S = 1.0
"""A slammed leaf swings back within half a second; nobody forces a lock that has just shut in so short a time."""


@dataclass(frozen=True)
class Opening:
    """The door stands open.

    Attributes:
        since: when it opened, or was first seen open (monotonic seconds, as all times here).
        reported: that it was left open was told.
    """

    since: float
    reported: bool = False


@dataclass(frozen=True)
class Contact:
    """A door as its contact tells it.

    Attributes:
        left_open_s: how long it may stand open; 0 = for ever.
        opening: None while it is closed, or not known yet.
        readable: its line can be read now.
        closed_at: when it closed last.
    """

    left_open_s: float
    opening: Opening | None = None
    readable: bool = False
    closed_at: float = -math.inf


@dataclass(frozen=True)
class Found:
    """The line is read for the first time, or again: the door is open or not."""

    is_open: bool


@dataclass(frozen=True)
class Opened:
    """The door was seen opening at `at`, `unlocked` (rule 2) or not."""

    at: float
    unlocked: bool


@dataclass(frozen=True)
class Closed:
    """The door was seen closing at `at`."""

    at: float


@dataclass(frozen=True)
class Lost:
    """The line can no longer be read."""


@dataclass(frozen=True)
class TimePassed:
    """The deadline may have come."""


ContactEvent = Found | Opened | Closed | Lost | TimePassed


@dataclass(frozen=True)
class ReportForced:
    """The door was opened without an unlock, at `at`."""

    at: float


@dataclass(frozen=True)
class ReportLeftOpen:
    """At `at` the door had stood open for `open_s` seconds."""

    open_s: float
    at: float


Effects = tuple[ReportForced | ReportLeftOpen, ...]


def step(contact: Contact, event: ContactEvent, now: float) -> tuple[Contact, Effects]:
    """Returns the contact after `event` at `now`, and what to tell, in order."""
    match event:
        case Found(is_open):
            opening = (contact.opening or Opening(now)) if is_open else None
            return _due(replace(contact, opening=opening, readable=True), now)
        case Opened(at, unlocked):
            forced = not unlocked and at - contact.closed_at > REBOUND_S
            opened, due = _due(replace(contact, opening=Opening(at)), now)
            return opened, (ReportForced(at), *due) if forced else due
        case Closed(at):
            contact, due = _due(contact, at)
            return replace(contact, opening=None, closed_at=at), due
        case Lost():
            return replace(contact, readable=False), ()
        case TimePassed():
            return _due(contact, now)


def renewed(contact: Contact, left_open_s: float) -> Contact:
    """Returns the contact as a changed document says it: its line is read again, its opening counts on."""
    return replace(contact, left_open_s=left_open_s, readable=False)


def deadline(contact: Contact) -> float | None:
    """Returns when the door will have stood open too long, None when it never will, or that was told."""
    opening = contact.opening
    if opening is None or opening.reported or not contact.readable or contact.left_open_s <= 0:
        return None
    return opening.since + contact.left_open_s


def _due(contact: Contact, now: float) -> tuple[Contact, Effects]:
    due, opening = deadline(contact), contact.opening
    if due is None or now < due or opening is None:
        return contact, ()
    return replace(contact, opening=replace(opening, reported=True)), (ReportLeftOpen(now - opening.since, now),)
