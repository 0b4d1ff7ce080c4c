"""A door's arbiter with its streams, played step by step: what tests of it share."""

from __future__ import annotations

from dataclasses import dataclass, field

from doorbus_multicast.arbiter import deadline, step
from doorbus_multicast.arbiter_model import (
    Arbiter,
    CallIs,
    DocumentTaken,
    Effect,
    End,
    Event,
    Forget,
    Heard,
    LastPacket,
    ListenerRule,
    Look,
    Page,
    Play,
    Replace,
    Rules,
    TellSuppressed,
    TimePassed,
)

FIRE, NEWS, MUSIC = "239.1.1.1:5004", "239.1.1.1:5006", "239.1.1.1:5008"
ADDRESSES = (FIRE, NEWS, MUSIC)


def rules(barge: int = 0, priority: bool = True, addresses: tuple[str, ...] = ADDRESSES, end_s: float = 0.5) -> Rules:
    """Returns listeners in the order of `addresses`, each labelled by its port."""
    return Rules(tuple(ListenerRule(each, each[-4:], (), end_s) for each in addresses), barge, priority)


@dataclass
class Stage:
    """Runs the core; `senders` send all the time, until they are taken away."""

    state: Arbiter = field(default_factory=Arbiter)
    now: float = 0.0
    senders: dict[str, tuple[str, float]] = field(default_factory=dict)
    done: list[Effect] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    forgotten: list[str] = field(default_factory=list)
    count: int = 0

    def put(self, event: Event) -> list[Effect]:
        """Lets the core hear an event; answers its looks. Returns what it did that is seen from outside."""
        self.state, effects = step(self.state, event, self.now)
        shown: list[Effect] = []
        for effect in effects:
            if isinstance(effect, Look):
                stream, last = self.senders.get(effect.address, ("", 0.0))
                shown += self.put(LastPacket(effect.stream, last if stream == effect.stream else None))
            elif isinstance(effect, Forget):
                self.forgotten.append(effect.stream)
            else:
                shown.append(effect)
                self.done.append(effect)
        return shown

    def take(self, taken: Rules) -> list[Effect]:
        """Takes a document."""
        return self.put(DocumentTaken(taken))

    def begins(self, address: str) -> list[Effect]:
        """A sender begins."""
        self.count += 1
        self.silent.discard(address)
        self.senders[address] = (f"s{self.count}", self.now)
        return self.put(Heard(f"s{self.count}", address, self.count, "10.77.0.2:4000"))

    def stops(self, address: str) -> None:
        """A sender sends no more."""
        self.silent.add(address)

    def call(self, up: bool) -> list[Effect]:
        """A call begins or is over."""
        return self.put(CallIs(up))

    def goes_by(self, seconds: float) -> list[Effect]:
        """Lets time pass, with the ticks that are asked for; those who send go on meanwhile."""
        end, shown = self.now + seconds, []
        for _ in range(10_000):
            due = deadline(self.state)
            if due is None or due > end:
                break
            self.now = max(due, self.now)
            self._send()
            shown += self.put(TimePassed())
        self.now = end
        self._send()
        return shown

    @property
    def page(self) -> Page | None:
        """What plays."""
        return self.state.page

    def _send(self) -> None:
        for address, (stream, _) in list(self.senders.items()):
            if address not in self.silent:
                self.senders[address] = (stream, self.now)


def in_words(effects: list[Effect]) -> list[str]:
    """Returns effects as short words, like `end 5004 s1 silence`."""
    words = []
    for effect in effects:
        match effect:
            case Play(page, place, _, _):
                words.append(f"play {page.label} {page.id} at {place}{' over calls' if page.outranks_calls else ''}")
            case Replace(page, by):
                words.append(f"replace {page.label} {page.id} by {by}")
            case End(page, reason, _):
                words.append(f"end {page.label} {page.id} {reason}")
            case TellSuppressed(listener, _, _, _, because):
                words.append(f"suppressed {listener} {because}")
            case Look():
                words.append("look")
    return words
