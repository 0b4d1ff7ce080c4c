"""What the arbiter knows (its state), hears (events) and wants done (effects). Seconds are monotonic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from doorbus.contract.pages import EndedBecause

Because = Literal["call", "page"]


@dataclass(frozen=True, slots=True)
class ListenerRule:
    """A listener of the document.

    Attributes:
        address: group and port, unique in a document.
        label: names it in events.
        codecs: what dynamic payload types mean; others make it another listener.
        end_s: silence that ends a page.
    """

    address: str
    label: str = ""
    codecs: tuple[tuple[int, str], ...] = ()
    end_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Rules:
    """The document's `multicast`, as far as it says who may play; listeners in the order of their places."""

    listeners: tuple[ListenerRule, ...] = ()
    barge: int = 0
    priority_active: bool = True

    def place(self, address: str) -> int | None:
        """Returns a listener's place, 1 = the highest; None for one that is not there."""
        places = (place for place, rule in enumerate(self.listeners, 1) if rule.address == address)
        return next(places, None)

    def rule(self, address: str) -> ListenerRule | None:
        """Returns a listener, None when it is not there."""
        return next((rule for rule in self.listeners if rule.address == address), None)

    def outranks_calls(self, address: str) -> bool:
        """Tells whether pages of this listener silence calls."""
        place = self.place(address)
        return self.priority_active and place is not None and place <= self.barge


@dataclass(frozen=True, slots=True)
class Stream:
    """One sender heard on a listener.

    Attributes:
        id: of the stream; its first page has it too.
        order: number of its beginning; a lower one was heard earlier.
        check_at: when its silence is looked at.
        pages: how many pages it has been.
        told: why its silence was told already.
        failed: it cannot be played.
    """

    id: str
    address: str
    ssrc: int
    source: str
    order: int
    check_at: float
    pages: int = 0
    told: frozenset[Because] = frozenset()
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What plays. `began` is when."""

    id: str
    stream: str
    address: str
    label: str
    outranks_calls: bool
    began: float


@dataclass(frozen=True, slots=True)
class Arbiter:
    """All that is known. `streams` by address: a listener hears one at a time."""

    rules: Rules = field(default_factory=Rules)
    streams: Mapping[str, Stream] = field(default_factory=dict)
    page: Page | None = None
    call: bool = False
    heard: int = 0
    stopped: bool = False


# --- events ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DocumentTaken:
    """These rules are in force."""

    rules: Rules


@dataclass(frozen=True, slots=True)
class Heard:
    """The first packet of another stream came to a listener. `id` is fresh; a repeat is passed over."""

    id: str
    address: str
    ssrc: int
    source: str


@dataclass(frozen=True, slots=True)
class LastPacket:
    """The answer to `Look`: when the stream's last packet came; None = nobody knows the stream."""

    stream: str
    at: float | None


@dataclass(frozen=True, slots=True)
class CallIs:
    """A call (ringing, dialing or answered) is up, or none is."""

    up: bool


@dataclass(frozen=True, slots=True)
class PlayFailed:
    """A page cannot be played."""

    page: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The process ends."""


@dataclass(frozen=True, slots=True)
class TimePassed:
    """A deadline came."""


Event = DocumentTaken | Heard | LastPacket | CallIs | PlayFailed | Stop | TimePassed


# --- effects -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Play:
    """Begin to play a stream, and tell that the page started."""

    page: Page
    place: int
    ssrc: int
    source: str


@dataclass(frozen=True, slots=True)
class Replace:
    """The page falls silent for the page `by`; tell so."""

    page: Page
    by: str


@dataclass(frozen=True, slots=True)
class End:
    """The page falls silent; tell why."""

    page: Page
    reason: EndedBecause
    seconds: float


@dataclass(frozen=True, slots=True)
class TellSuppressed:
    """Tell that a stream may not be heard."""

    listener: str
    place: int
    ssrc: int
    source: str
    because: Because


@dataclass(frozen=True, slots=True)
class Look:
    """Say when this stream's last packet came."""

    stream: str
    address: str


@dataclass(frozen=True, slots=True)
class Forget:
    """This stream is over: the listener's next packet begins another, even one that follows it."""

    stream: str
    address: str


Effect = Play | Replace | End | TellSuppressed | Look | Forget
