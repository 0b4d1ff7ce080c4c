"""What the door's core knows (its state), hears (events) and wants done (effects)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from doorbus.contract.base import Event, Reply
from doorbus.contract.document.io import Input as InputDocument
from doorbus.contract.document.io import Io
from doorbus.contract.document.io import Relay as RelayDocument
from doorbus.contract.lines import Cause, Energise, Pulse, Reset
from doorbus_io.contact import Contact
from doorbus_io.inputs import Input
from doorbus_io.limit import Limit
from doorbus_io.relay_model import Relay


@dataclass(frozen=True)
class Line:
    """A line of a chip."""

    chip: str
    offset: int


@dataclass(frozen=True)
class RelayState:
    """A relay; `ours` while its line is in our hands."""

    document: RelayDocument
    core: Relay
    ours: bool = False

    @property
    def line(self) -> Line:
        """Where it is connected."""
        return line_of(self.document)


@dataclass(frozen=True)
class InputState:
    """An input; `contact` when it is one."""

    document: InputDocument
    core: Input
    limit: Limit
    contact: Contact | None = None

    @property
    def line(self) -> Line:
        """Where it is connected."""
        return line_of(self.document)


@dataclass(frozen=True)
class Door:
    """All that is known; empty and without `revision` before the first document."""

    inputs: Mapping[str, InputState] = field(default_factory=dict)
    relays: Mapping[str, RelayState] = field(default_factory=dict)
    revision: int | None = None
    stopped: bool = False


@dataclass(frozen=True)
class DocumentTaken:
    """The document's inputs and relays, of the KV revision."""

    io: Io
    revision: int


@dataclass(frozen=True)
class RelayClaimed:
    """The line of this relay is in our hands and at rest."""

    document: RelayDocument


@dataclass(frozen=True)
class InputClaimed:
    """The line of this input is in our hands and was read."""

    document: InputDocument
    level: int
    chip_debounces: bool


@dataclass(frozen=True)
class LineEdge:
    """An input's line went to `level` at `at`, monotonic seconds."""

    line: Line
    level: int
    at: float


@dataclass(frozen=True)
class LinesLost:
    """These lines are no longer in our hands."""

    lines: frozenset[Line]


@dataclass(frozen=True)
class Ordered:
    """Policy's order; `ticket` names it for the answer."""

    ticket: int
    order: Pulse | Energise | Reset


@dataclass(frozen=True)
class TimePassed:
    """The deadline may have come."""


@dataclass(frozen=True)
class Stop:
    """The process ends."""


DoorEvent = DocumentTaken | RelayClaimed | InputClaimed | LineEdge | LinesLost | Ordered | TimePassed | Stop


@dataclass(frozen=True)
class Drive:
    """Put a relay's line to a physical level."""

    line: Line
    level: int


@dataclass(frozen=True)
class Claim:
    """Claim the lines of these inputs and relays (relays at rest), give all others back; those held already stay."""

    inputs: tuple[InputDocument, ...]
    relays: tuple[RelayDocument, ...]


@dataclass(frozen=True)
class Tell:
    """Tell a fact of `at` (monotonic seconds), unless `needs` is a line that could not be moved.

    `prompt`: a change of an input's line, told as it comes: how long that takes is measured.
    """

    fact: Event
    at: float
    needs: Line | None = None
    prompt: bool = False


@dataclass(frozen=True)
class Answer:
    """Answer an order."""

    ticket: int
    reply: Reply


@dataclass(frozen=True)
class Warn:
    """Something was not done that somebody may look for in the log; `cause`: what it was to be done for."""

    what: str
    relay: str
    why: str
    cause: Cause | None = None


DoorEffect = Drive | Claim | Tell | Answer | Warn
Effects = tuple[DoorEffect, ...]


def line_of(document: InputDocument | RelayDocument) -> Line:
    """Returns where an input or a relay is connected."""
    return Line(document.chip, document.line)


def active_level(document: InputDocument | RelayDocument) -> int:
    """Returns the physical level, 0 or 1, that means pressed, open or energised."""
    return 1 if document.active == "high" else 0


def rest_level(document: RelayDocument) -> int:
    """Returns the physical level, 0 or 1, at which a relay rests."""
    return 1 - active_level(document)
