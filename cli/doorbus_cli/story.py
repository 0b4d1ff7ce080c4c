"""The story of one call: what of all that is told belongs to it, from the press on.

Rules
- To a call belongs what names it, and the press that became a `button.activated` which names it: the press that made
  the call, answered or ended it.
- A call may be named by the beginning of its id, from `SHORTEST` characters on, where only one call begins so.
- Events stand as they came into the stream, which keeps cause before effect; one that came late (its teller was off the
  bus) stands where its time says. Clocks agree well within `CLOCKS_AGREE`.
- Times count from the first event, the press of a call that was pressed for. Legs are called by what was dialed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from doorbus.contract.buttons import ButtonActivated
from doorbus.contract.calls import CallDialing, CallEnded
from doorbus.contract.lines import InputPressed
from doorbus.runtime.seen import Seen

SHORTEST = 8
CLOCKS_AGREE = timedelta(seconds=0.25)
TAILS = ("call.*", "leg.*", "button.*", "input.pressed", "relay.*", "door.*", "dnd.*", "action.*")
"""Kinds of events that may belong to a call."""
BEGINNINGS = ("call.incoming", "call.dialing")
PRESSES = 1000
"""Presses remembered until it is told what they became, within milliseconds."""


@dataclass
class Story:
    """The events of one call that came so far.

    Attributes:
        call: its id.
    """

    call: str
    _events: list[Seen] = field(default_factory=list)
    _ids: set[str] = field(default_factory=set)
    _names: dict[str, str] = field(default_factory=dict)

    def add(self, seen: Seen) -> bool:
        """Takes an event of the call; False when it was there already."""
        if seen.envelope.id in self._ids:
            return False
        self._ids.add(seen.envelope.id)
        place = len(self._events)
        while place and self._events[place - 1].envelope.time > seen.envelope.time + CLOCKS_AGREE:
            place -= 1
        self._events.insert(place, seen)
        if isinstance(seen.event, CallDialing):
            self._names |= {target.leg: target.uri for target in seen.event.targets}
        return True

    @property
    def ended(self) -> bool:
        """Whether the call is over."""
        return any(isinstance(seen.event, CallEnded) for seen in self._events)

    def in_order(self) -> list[Seen]:
        """Returns the events as they happened."""
        return list(self._events)

    def since_start_ms(self, seen: Seen) -> int:
        """Returns the milliseconds from the first event to this one, 0 where clocks say less."""
        return max(0, round((seen.envelope.time - self._events[0].envelope.time) / timedelta(milliseconds=1)))

    def in_words(self, seen: Seen) -> Seen:
        """Returns the event for a person: with the number dialed in place of a leg's id."""
        leg = getattr(seen.event, "leg", None)
        if seen.event is None or leg not in self._names:
            return seen
        return replace(seen, event=seen.event.model_copy(update={"leg": self._names[leg]}))


@dataclass
class Calls:
    """Sorts out of all events those of the calls whose id is, or begins with, `wanted`."""

    wanted: str
    stories: dict[str, Story] = field(default_factory=dict)
    _presses: OrderedDict[str, Seen] = field(default_factory=OrderedDict)

    def take(self, seen: Seen) -> list[Seen]:
        """Takes an event of the door; returns what is new of the wanted calls: it, perhaps its press, or nothing."""
        if isinstance(seen.event, InputPressed):
            self._presses[seen.envelope.id] = seen
            if len(self._presses) > PRESSES:
                self._presses.popitem(last=False)
        call = seen.call
        if call is None or not self._is_wanted(call):
            return []
        press = self._presses.get(seen.event.press) if isinstance(seen.event, ButtonActivated) else None
        story = self.stories.setdefault(call, Story(call))
        return [each for each in (press, seen) if each is not None and story.add(each)]

    def found(self) -> list[Story]:
        """Returns the stories that may be meant: that of the very id, else those whose id begins so."""
        exact = self.stories.get(self.wanted)
        return [exact] if exact is not None else list(self.stories.values())

    def _is_wanted(self, call: str) -> bool:
        return call == self.wanted or (len(self.wanted) >= SHORTEST and call.startswith(self.wanted))


def last_call(beginnings: Iterable[Seen]) -> str | None:
    """Returns the call that began last."""
    in_order = sorted(beginnings, key=lambda seen: seen.envelope.time)
    return in_order[-1].call if in_order else None
