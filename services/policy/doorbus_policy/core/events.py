"""What the core hears. Past tense: each is something that has happened.

- `handle` names somebody who waits for an answer (`AnswerWish`, `AnswerQuestion`); the core only hands it back.
- `age_s` is how long ago a fact happened, in seconds; limits count from the fact, not from its arrival.
- `new_call` is a fresh id, used if the event starts a call: the core mints nothing, so that it stays pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import SecretStr

from doorbus.contract.calls import CallSnapshot
from doorbus.contract.document.door import Door as Document
from doorbus.contract.lines import UnlockMethod
from doorbus_policy.core.effects import Order


@dataclass(frozen=True)
class Code:
    """An unlock code, resolved. Its repr does not show it.

    Attributes:
        callers: patterns of those from whom it counts.
    """

    digits: SecretStr
    relay: str
    callers: tuple[str, ...] = ("*",)


@dataclass(frozen=True)
class DocumentTaken:
    """There is a document, the first or a new one; `codes` are its unlock codes that could be resolved.

    Attributes:
        fingerprint: tells it from others.
    """

    document: Document
    revision: int
    codes: tuple[Code, ...] = ()
    fingerprint: str = field(kw_only=True)
    new_call: str = field(kw_only=True)


@dataclass(frozen=True)
class DirectoriesTold:
    """The published lists of numbers that the document names; a name that is missing was never published."""

    numbers: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class ScheduleTold:
    """What the scheduler says: which schedules and templates are active, by id.

    Attributes:
        document: fingerprint of the one that it is about.
        valid_for_s: how long it holds; None = for good.
    """

    document: str
    schedules: tuple[tuple[str, bool], ...]
    templates: tuple[tuple[str, bool], ...]
    valid_for_s: float | None
    new_call: str


@dataclass(frozen=True)
class Pressed:
    """A button was pressed, by a finger or by a client's wish.

    Attributes:
        press: id of the press; the same id is the same press.
        handle: of the wish; None for a finger.
        client: who wished; None for a finger.
    """

    press: str
    input: str
    new_call: str
    handle: str | None = None
    client: str | None = None


@dataclass(frozen=True)
class CallWished:
    """A client wants the door to call `to`."""

    handle: str
    client: str
    to: str
    account: str | None
    new_call: str


@dataclass(frozen=True)
class HangUpWished:
    """A client wants the call to end; `call` None = whichever there is."""

    handle: str
    client: str
    call: str | None = None


@dataclass(frozen=True)
class UnlockWished:
    """A client wants the door open."""

    handle: str
    client: str
    relay: str
    method: UnlockMethod = UnlockMethod.BUS


@dataclass(frozen=True)
class DndWished:
    """A client turns DND on or off; `account` None = all of the document's."""

    handle: str
    client: str
    enabled: bool
    account: str | None = None
    new_call: str = field(kw_only=True)


@dataclass(frozen=True)
class StatusWished:
    """A client wants to know how the door is."""

    handle: str


@dataclass(frozen=True)
class IncomingAsked:
    """sip asks what to do with an INVITE. The answer is due in this very step.

    Attributes:
        wants_auto_answer_s: the caller asks to be answered by itself after so many seconds (RFC 5373).
    """

    handle: str
    call: str
    account: str
    caller: str = ""
    address: str = ""
    wants_auto_answer_s: float | None = None


@dataclass(frozen=True)
class DigitTyped:
    """The far side typed a digit. The only event that holds one; its repr does not."""

    handle: str
    call: str
    digit: str = field(repr=False)
    method: str


@dataclass(frozen=True)
class CallCame:
    """sip tells of an incoming call; `unheard`: it got no answer to its question and rings by default."""

    call: str
    account: str
    caller: str = ""
    address: str = ""
    refused: bool = False
    unheard: bool = False
    age_s: float = 0.0


@dataclass(frozen=True)
class CallProgressed:
    """sip has the call in hand: it dials, or it rings somewhere."""

    call: str


@dataclass(frozen=True)
class CallAnswered:
    """Two parties talk; `leg` is the phone that won, `peer` the URI of the far side."""

    call: str
    leg: str | None = None
    peer: str = ""
    age_s: float = 0.0


@dataclass(frozen=True)
class CallEnded:
    """The call is over; `code` is the SIP status that ended it, where one did."""

    call: str
    code: int | None = None


@dataclass(frozen=True)
class LegGone:
    """A phone will not answer: refused with `code`, failed, or given up."""

    call: str
    leg: str
    code: int | None = None


@dataclass(frozen=True)
class DoorUnlocked:
    """io energised a relay to open the door; `call` is the call it was done in, where one was named."""

    relay: str
    method: UnlockMethod
    call: str | None = None
    age_s: float = 0.0


@dataclass(frozen=True)
class CommandFinished:
    """An order was accepted (`ok`), refused with `code`, or nothing was heard of it (`timeout`, `not_connected`)."""

    order: Order
    ok: bool
    code: str | None = None


@dataclass(frozen=True)
class CallLeaseTold:
    """sip tells which call is up, each second; None = none."""

    call: str | None


@dataclass(frozen=True)
class CallLeaseLost:
    """sip was silent for 3 s."""


@dataclass(frozen=True)
class Word:
    """Orders what multicast says: its life, and the number of its last event then."""

    epoch: int
    number: int


@dataclass(frozen=True)
class PageStarted:
    """A page plays; `outranks_calls`: it silences calls."""

    page: str
    outranks_calls: bool
    word: Word
    age_s: float = 0.0


@dataclass(frozen=True)
class PageReplaced:
    """The page `by` took the loudspeaker from `page`, which is over."""

    page: str
    by: str
    word: Word


@dataclass(frozen=True)
class PageOver:
    """A page is over."""

    page: str
    word: Word


@dataclass(frozen=True)
class PageLeaseTold:
    """Multicast tells which page plays, each second; None = none."""

    page: str | None
    outranks_calls: bool
    word: Word


@dataclass(frozen=True)
class HoldTold:
    """Sip tells that it holds a call now (`held`), or no more."""

    call: str
    held: bool


@dataclass(frozen=True)
class EventsMissed:
    """sip's events have a gap, or sip started anew."""


@dataclass(frozen=True)
class SnapshotTaken:
    """What sip said about its calls; it was asked at `asked_at` (monotonic seconds)."""

    calls: tuple[CallSnapshot, ...]
    asked_at: float


@dataclass(frozen=True)
class SnapshotFailed:
    """sip did not say what calls there are."""


@dataclass(frozen=True)
class Tick:
    """The deadline came."""


Event = (
    DocumentTaken
    | DirectoriesTold
    | ScheduleTold
    | Pressed
    | CallWished
    | HangUpWished
    | UnlockWished
    | DndWished
    | StatusWished
    | IncomingAsked
    | DigitTyped
    | CallCame
    | CallProgressed
    | CallAnswered
    | CallEnded
    | LegGone
    | DoorUnlocked
    | CommandFinished
    | CallLeaseTold
    | CallLeaseLost
    | PageStarted
    | PageReplaced
    | PageOver
    | PageLeaseTold
    | HoldTold
    | EventsMissed
    | SnapshotTaken
    | SnapshotFailed
    | Tick
)
