"""What policy knows of one door.

Every time is in monotonic seconds; None = not set.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import SecretStr

from doorbus.contract.calls import AutoAnswerMode, Direction, EndReason
from doorbus.contract.document.calls import Calls as CallRules
from doorbus.contract.document.door import Door as Document
from doorbus.contract.lines import UnlockMethod
from doorbus.rate import Bucket
from doorbus_policy.core.effects import Effect
from doorbus_policy.core.events import Code, Pressed, Word

_NOTHING = SecretStr("")
REMEMBERED = 64
"""So many ended calls and presses are remembered, to know a late or repeated fact; a press is fresh for 5 s only."""


class Stage(StrEnum):
    """Where the door's call stands, as far as policy is concerned."""

    RINGING = "ringing"
    """Somebody calls, the door rings."""
    DIALING = "dialing"
    """The door calls, nobody answered yet."""
    ANSWERED = "answered"
    ENDING = "ending"
    """Policy ordered the end and waits to hear of it."""


@dataclass(frozen=True)
class FarSide:
    """Who talks to the door: a user of an account, or an address that calls directly."""

    user: str = ""
    address: str = ""
    direct: bool = False

    @property
    def name(self) -> str:
        """For events."""
        return self.address if self.direct else self.user


@dataclass(frozen=True)
class Leg:
    """A phone that was dialed; `open` while it may still answer."""

    id: str
    uri: str
    open: bool = True


@dataclass(frozen=True)
class Hunt:
    """Who rings, and who rings next.

    Attributes:
        rest: ring sets that have not been dialed, each the URIs that ring at once.
        ring_s: how long one ring set rings.
        refusal_stops: one refusal ends the hunt (`do_not_call_next`).
        legs: all that were dialed, of all ring sets.
        rings_until: end of the current ring set.
    """

    rest: tuple[tuple[str, ...], ...]
    ring_s: float
    refusal_stops: bool
    legs: tuple[Leg, ...] = ()
    rings_until: float = 0.0


@dataclass(frozen=True)
class Typed:
    """Digits on their way to a code; never shown, never kept."""

    digits: SecretStr = _NOTHING
    last_at: float = 0.0

    def __bool__(self) -> bool:
        """Whether anything was typed."""
        return bool(self.digits.get_secret_value())


@dataclass(frozen=True)
class Ending:
    """Policy ordered the end: why, the SIP status for a refusal, and when it orders again."""

    reason: EndReason
    code: int | None
    again_at: float


@dataclass(frozen=True)
class Call:
    """The door's call.

    Attributes:
        account: `ip` for direct calls.
        rules: those of the document it began with; a later document is for the next call.
        confirmed_at: when sip was first known to have it; None = dialed, and not heard of yet.
        pressed: input and time of the press that made it.
        answer_at: when it is to be answered by itself.
        wants_auto_answer_s: what the caller asked for.
        unlocked_until: end of the time that remains after the door was opened.
        method: the first way in which a digit came; other ways do not count (a phone may send both).
        held: whether sip was ordered to hold it, or says that it does; None = nobody knows, an order was not taken.
        hold_at: when that order is given again at the earliest.
    """

    id: str
    direction: Direction
    account: str
    far_side: FarSide
    rules: CallRules
    stage: Stage
    began_at: float
    confirmed_at: float | None = None
    pressed: str | None = None
    hunt: Hunt | None = None
    answered_at: float | None = None
    answer_at: float | None = None
    answer_ordered: bool = False
    wants_auto_answer_s: float | None = None
    mode: AutoAnswerMode = AutoAnswerMode.AUDIO
    unlocked_until: float | None = None
    ending: Ending | None = None
    typed: Typed = Typed()
    method: str | None = None
    held: bool | None = False
    hold_at: float | None = None


@dataclass(frozen=True)
class DndState:
    """Do Not Disturb as toggled; document and schedule say the rest.

    Attributes:
        document: the document's `enabled` when it was last seen; None = no document yet.
        scheduled: whether its schedule was active when last heard of; None = it follows none, or nothing is heard.
        toggled: what a client set for all accounts since then.
        accounts: what a client set for single accounts since then.
        on: the accounts whose calls were refused, as it was told last.
    """

    document: bool | None = None
    scheduled: bool | None = None
    toggled: bool | None = None
    accounts: tuple[tuple[str, bool], ...] = ()
    on: tuple[str, ...] = ()


class CodeStage(StrEnum):
    """Where a code call stands."""

    WAITING = "waiting"
    """For the account's earlier one, or for sip's snapshot."""
    DIALED = "dialed"
    ANSWERED = "answered"
    LOST = "lost"
    """Under way in policy's last life; sip's snapshot tells."""


@dataclass(frozen=True)
class ServerCode:
    """A call that tells an account's server that DND was turned on or off.

    Attributes:
        since: when it was dialed or answered.
    """

    account: str
    turns: Literal["on", "off"]
    call: str
    stage: CodeStage = CodeStage.WAITING
    since: float | None = None


@dataclass(frozen=True)
class Scheduled:
    """What the scheduler said last: which schedules and templates are active, by id, and how long that holds.

    Attributes:
        document: fingerprint of the one that it was about.
        heard: False while the scheduler has said nothing to a document that needs one.
        stale_told: it was said that this holds no longer.
    """

    document: str = ""
    schedules: tuple[tuple[str, bool], ...] = ()
    templates: tuple[tuple[str, bool], ...] = ()
    valid_until: float | None = None
    heard: bool = True
    stale_told: bool = False


@dataclass(frozen=True)
class Pages:
    """What multicast said last of pages that outrank calls.

    Attributes:
        page: the one that plays.
        until: when it counts as over, unless multicast says again that it plays.
        word: of when this was said; None = nothing was heard of multicast in this life of policy.
        unsure_until: so long a page may play that nobody has told this life of.
    """

    page: str | None = None
    until: float | None = None
    word: Word | None = None
    unsure_until: float | None = None


@dataclass(frozen=True)
class WrongCodes:
    """Wrong codes at this door: when, and until when DTMF is locked."""

    times: tuple[float, ...] = ()
    locked_until: float | None = None


@dataclass(frozen=True)
class Unlock:
    """A relay was ordered to open the door; io has not answered yet."""

    number: int
    handle: str | None
    relay: str
    method: UnlockMethod
    by: str
    call: str | None
    ordered_at: float


@dataclass(frozen=True)
class Hold:
    """A relay that is energised for a call.

    Attributes:
        connected: it is reset when the call is answered, not when it ends.
        ordered_at: when io was ordered to energise it.
        ends_at: when it rests at the latest, by itself.
        settled: io has energised it; before, a reset could overtake the order.
        reset_at: when the reset is ordered next; None = it is not due.
        resets: how often it was ordered.
    """

    relay: str
    call: str
    connected: bool
    ordered_at: float
    ends_at: float
    settled: bool = False
    reset_at: float | None = None
    resets: int = 0


@dataclass(frozen=True)
class Pace:
    """How fast a button is pressed, by fingers or by clients (`virtual`).

    Attributes:
        dropped: presses since the flood began; 0 = there is none.
        since: when the first of them came.
        last: when the last of them came.
    """

    input: str
    virtual: bool
    bucket: Bucket
    dropped: int = 0
    since: float = 0.0
    last: float = 0.0


@dataclass(frozen=True)
class DoorState:
    """All of it.

    Attributes:
        lost: a call of which nobody can tell whether it is still up: the last life's, or that of a silent sip.
        look_at: when sip is asked again what calls there are.
        looked_at: when sip was asked what it said last.
        looking: sip was asked after a gap in what it told, and has not answered yet.
        held: presses that would dial meanwhile, and since when.
        looks_failed: how often in a row it has not said what calls there are.
        scheduled: None = the scheduler has said nothing, and is not needed.
        directories: published lists of numbers, by name.
        server_codes: DND codes on their way to servers, the oldest first.
        holds: relays that are energised for calls, the oldest first.
        paces: of buttons that were pressed lately.
        ended: ids of calls that are over; what still comes of them is late.
        presses: ids of presses that were taken.
    """

    door: str
    document: Document | None = None
    revision: int = 0
    fingerprint: str = ""
    codes: tuple[Code, ...] = ()
    dnd: DndState = DndState()
    wrong: WrongCodes = WrongCodes()
    call: Call | None = None
    lost: Call | None = None
    look_at: float | None = None
    looked_at: float | None = None
    looking: bool = False
    held: tuple[tuple[Pressed, float], ...] = ()
    looks_failed: int = 0
    pages: Pages = Pages()
    scheduled: Scheduled | None = None
    directories: tuple[tuple[str, tuple[str, ...]], ...] = ()
    server_codes: tuple[ServerCode, ...] = ()
    unlocks: tuple[Unlock, ...] = ()
    unlock_count: int = 0
    holds: tuple[Hold, ...] = ()
    paces: tuple[Pace, ...] = ()
    ended: tuple[str, ...] = ()
    presses: tuple[str, ...] = ()


Step = tuple[DoorState, tuple[Effect, ...]]
"""What a rule returns: the state after it, and what to do, in this order."""


def remember(ids: tuple[str, ...], new: str) -> tuple[str, ...]:
    """Returns `ids` with `new` as the youngest, without the oldest beyond `REMEMBERED`."""
    return ids if new in ids else (*ids, new)[-REMEMBERED:]
