"""What policy knows of one door, and what of it outlives a restart (`Kept`).

Every time is in monotonic seconds; None = not set.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from pydantic import SecretStr

from doorbus.contract.calls import AutoAnswerMode, Direction, EndReason
from doorbus.contract.document.calls import Calls as CallRules
from doorbus.contract.document.door import Door as Document
from doorbus.contract.lines import UnlockMethod
from doorbus_policy.core.effects import Effect
from doorbus_policy.core.events import Code

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


@dataclass(frozen=True)
class DndState:
    """Do Not Disturb as toggled; the document says the rest.

    Attributes:
        document: the document's `enabled` when it was last seen; None = no document yet.
        toggled: what a client set for all accounts since then.
        accounts: what a client set for single accounts since then.
    """

    document: bool | None = None
    toggled: bool | None = None
    accounts: tuple[tuple[str, bool], ...] = ()


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
class DoorState:
    """All of it.

    Attributes:
        lost: a call of which nobody can tell whether it is still up: the last life's, or that of a silent sip.
        look_at: when sip is asked again what calls there are.
        ended: ids of calls that are over; what still comes of them is late.
        presses: ids of presses that were taken.
    """

    door: str
    document: Document | None = None
    revision: int = 0
    codes: tuple[Code, ...] = ()
    dnd: DndState = DndState()
    wrong: WrongCodes = WrongCodes()
    call: Call | None = None
    lost: Call | None = None
    look_at: float | None = None
    unlocks: tuple[Unlock, ...] = ()
    unlock_count: int = 0
    ended: tuple[str, ...] = ()
    presses: tuple[str, ...] = ()


Step = tuple[DoorState, tuple[Effect, ...]]
"""What a rule returns: the state after it, and what to do, in this order."""


@dataclass(frozen=True)
class Kept:
    """What outlives a restart."""

    dnd: DndState = DndState()
    wrong: WrongCodes = WrongCodes()
    call: Call | None = None
    presses: tuple[str, ...] = field(default=())


def kept(state: DoorState) -> Kept:
    """Returns what of the state must be kept before the effects of a step; equal = nothing to write."""
    call = state.call or state.lost
    if call is not None:
        call = replace(call, typed=Typed())
    return Kept(state.dnd, state.wrong, call, state.presses)


def restored(door: str, memory: Kept) -> DoorState:
    """Returns the state of a new life: the last one's call counts as lost until sip's snapshot shows it."""
    return DoorState(door, dnd=memory.dnd, wrong=memory.wrong, lost=memory.call, presses=memory.presses)


def remember(ids: tuple[str, ...], new: str) -> tuple[str, ...]:
    """Returns `ids` with `new` as the youngest, without the oldest beyond `REMEMBERED`."""
    return ids if new in ids else (*ids, new)[-REMEMBERED:]
