"""What the core wants done. Imperative: the shell does it, without blocking, and says how it ended by an event.

Orders go to sip and io; each comes back in `CommandFinished`. Facts of policy's own are contract events in `Tell`.
"""

from __future__ import annotations

from dataclasses import dataclass

from doorbus.contract.base import Event as BusEvent
from doorbus.contract.base import Reply
from doorbus.contract.calls import AutoAnswerMode, EndReason, Limits, Target
from doorbus.contract.lines import UnlockMethod


@dataclass(frozen=True)
class Dial:
    """Ring `targets` at once, on `account`. `final`: the call ends when none of them answers."""

    call: str
    account: str
    targets: tuple[Target, ...]
    limits: Limits
    final: bool


@dataclass(frozen=True)
class DialCode:
    """Call a server with a code: not the door's call, without sound, over `hold_s` after its answer at the latest."""

    call: str
    account: str
    target: Target
    ring_s: float
    hold_s: float


@dataclass(frozen=True)
class Answer:
    """Answer the incoming call with 200."""

    call: str
    mode: AutoAnswerMode
    limits: Limits


@dataclass(frozen=True)
class Refuse:
    """Refuse the incoming call with a SIP status."""

    call: str
    code: int
    reason: EndReason


@dataclass(frozen=True)
class HangUp:
    """End the call, in whatever state it is."""

    call: str
    reason: EndReason


@dataclass(frozen=True)
class Hold:
    """Silence the answered call, and put its far side on hold."""

    call: str


@dataclass(frozen=True)
class Resume:
    """End that hold."""

    call: str


@dataclass(frozen=True)
class Adopt:
    """Take over a call that was found in sip's snapshot."""

    call: str
    limits: Limits


@dataclass(frozen=True)
class Pulse:
    """Energise a relay to open the door; `unlock` numbers it, so that its end is told apart from others."""

    unlock: int
    relay: str
    method: UnlockMethod
    by: str
    call: str | None


@dataclass(frozen=True)
class Origin:
    """The relay action that an order comes from.

    Attributes:
        action: its id in the document.
        press: id of the press that ran it.
        input: what was pressed.
        by: who pressed: the client, or the input itself where it was a finger.
    """

    action: str
    press: str
    input: str
    by: str


@dataclass(frozen=True)
class PulseForAction:
    """Energise a relay for its own `hold_s`; no unlock, whatever hangs on it. `call`: what the press met."""

    relay: str
    call: str | None
    origin: Origin


@dataclass(frozen=True)
class Energise:
    """Energise a relay for a call, until `Reset`, for `max_s` at most."""

    relay: str
    call: str
    max_s: float
    origin: Origin


@dataclass(frozen=True)
class Reset:
    """End what holds a relay for a call."""

    relay: str
    call: str


Order = Dial | DialCode | Answer | Refuse | HangUp | Hold | Resume | Adopt | Pulse | PulseForAction | Energise | Reset


@dataclass(frozen=True)
class Tell:
    """Publish a fact."""

    event: BusEvent


@dataclass(frozen=True)
class AnswerWish:
    """Answer whoever wished."""

    handle: str
    reply: Reply


@dataclass(frozen=True)
class AnswerQuestion:
    """Answer whoever asked."""

    handle: str
    reply: Reply


@dataclass(frozen=True)
class TakeSnapshot:
    """Ask sip what calls there are; ends as `SnapshotTaken` or `SnapshotFailed`."""


Effect = Order | Tell | AnswerWish | AnswerQuestion | TakeSnapshot
