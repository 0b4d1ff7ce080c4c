"""The timeline of a door: which story an event belongs to, and how long after its start it happened.

A press begins a story, unless a call is up: then it belongs to that call. A call that nobody pressed for begins one
too; a call dialed for a press goes on with the press's story, whichever of the two is told first. What names no call (a
relay, a release) belongs to the last story until `LINGERS_S` after it was last heard of; after that, and for services,
accounts and documents always, it stands alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from doorbus.contract.base import Event
from doorbus.contract.buttons import ButtonActivated
from doorbus.contract.calls import CallDialing, CallEnded
from doorbus.contract.identity import call_of
from doorbus.contract.lines import InputPressed

LINGERS_S = 30.0
"""A relay rests and a button is let go within this of the call's end."""

LINE_DOMAINS = frozenset({"input", "relay", "door"})
"""What such events tell may belong to a call without naming it."""

STORIES = 64
"""Calls remembered: a door has one at a time."""


@dataclass(frozen=True)
class Story:
    """A press or a call with all that follows; its start is the time of its first event."""

    start: datetime


@dataclass(frozen=True)
class Place:
    """Where an event stands.

    Attributes:
        story: None for one that belongs to none.
        since_start_ms: milliseconds from the start of its story.
        begins: it is the first of its story.
    """

    story: Story | None
    since_start_ms: int | None
    begins: bool


@dataclass
class Timeline:
    """Puts the events of one door in their stories, in the order in which they come."""

    _of_call: dict[str, Story] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)
    _current: Story | None = None
    _heard: datetime | None = None
    _awaits_call: bool = False

    def place(self, event: Event, at: datetime) -> Place:
        """Takes an event that happened at `at` and says where it belongs."""
        story, call = self._story_of(event, at), call_of(event)
        begins = story is None and (isinstance(event, InputPressed | ButtonActivated) or call is not None)
        if begins:
            story = Story(at)
            self._awaits_call = isinstance(event, InputPressed)
        if story is None:
            return Place(None, None, begins=False)
        if call is not None:
            self._take_call(call, story, event)
        self._current = story
        self._heard = at if self._heard is None else max(at, self._heard)
        return Place(story, round((at - story.start) / timedelta(milliseconds=1)), begins)

    def _take_call(self, call: str, story: Story, event: Event) -> None:
        self._awaits_call = False
        if isinstance(event, CallEnded):
            self._open.discard(call)
        elif call not in self._of_call and event.domain not in LINE_DOMAINS:  # a relay may rest after the end
            self._open.add(call)
        self._of_call[call] = story
        if len(self._of_call) > STORIES:
            oldest = next(iter(self._of_call))
            del self._of_call[oldest]
            self._open.discard(oldest)

    def _story_of(self, event: Event, at: datetime) -> Story | None:
        call = call_of(event)
        if call in self._of_call:
            return self._of_call[call]
        fresh = self._heard is not None and at - self._heard < timedelta(seconds=LINGERS_S)
        match event:
            case InputPressed():
                belongs = bool(self._open)
            case ButtonActivated() | CallDialing():
                belongs = fresh and (self._awaits_call or (call is None and bool(self._open)))
            case _:
                belongs = fresh and call is None and event.domain in LINE_DOMAINS
        return self._current if belongs else None
