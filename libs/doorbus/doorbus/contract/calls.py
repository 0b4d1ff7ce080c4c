"""Calls and their legs: what sip tells, what policy orders, what sip asks.

A call is one conversation of the door; its legs are the phones that ring for it. An incoming call has one leg, the
caller. Policy mints the ids of calls that it dials; sip those of incoming ones, which exist before policy hears of
them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from doorbus.contract.base import Event, Message, Name, Order, Question, Reply, Seconds

DIRECT = "ip"
"""Stands for the account of a direct IP call."""


class Direction(StrEnum):
    """Seen from the door."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


class EndReason(StrEnum):
    """Why a call ended."""

    LOCAL_HANGUP = "local_hangup"
    REMOTE_HANGUP = "remote_hangup"
    PUSH_BUTTON = "push_button"
    MAX_DURATION = "max_duration"
    DIAL_TIMEOUT = "dial_timeout"
    REFUSED = "refused"
    BUSY = "busy"
    DND = "dnd"
    UNLOCKED = "unlocked"
    COMPLETED_ELSEWHERE = "completed_elsewhere"
    PAGE = "page"
    NO_ROUTE = "no_route"
    MEDIA_FAILED = "media_failed"
    SHUTDOWN = "shutdown"


class DtmfMethod(StrEnum):
    """How a digit came: RFC 4733 events, or SIP INFO with one of two bodies."""

    RFC4733 = "rfc4733"
    INFO_RELAY = "info_relay"
    INFO_DTMF = "info_dtmf"


class AutoAnswerMode(StrEnum):
    """What an auto-answered call is answered with."""

    AUDIO = "audio"
    VIDEO = "video"


class Limits(Message):
    """The limits of a call. sip keeps them too, as a backstop 2 s later than policy, for when policy or bus are gone.

    Attributes:
        ring_s: without an answer the call ends after this many seconds; None = no limit.
        max_call_s: seconds from the answer to the end; None = unlimited.
        warn_s: `call.ending` comes this many seconds before; 0 = no warning.
    """

    ring_s: Seconds | None = None
    max_call_s: Seconds | None = None
    warn_s: Seconds = 0


class Target(Message):
    """One phone to ring: the leg's id and the SIP URI."""

    leg: Name
    uri: str


# --- facts -------------------------------------------------------------------------------------------------------


class CallEvent(Event):
    """Base of what is told of a call."""

    domain = "call"
    call: Name


class CallIncoming(CallEvent):
    """Somebody calls the door.

    Attributes:
        account: the account it came on, or `ip` for a direct call.
        caller: the user part of From, empty when there is none.
        caller_uri: the URI of From.
        address: the IP address it came from.
        decision: what was decided about it.
        decided_by: `policy`, or `default` when policy did not answer in time (the safe default is to ring).
        code: SIP status of a refusal.
        wants_video: the offer holds a video stream.
    """

    what = "incoming"
    trigger = True
    account: str
    caller: str = ""
    caller_uri: str = ""
    address: str = ""
    decision: Literal["ring", "answer", "refuse"] = "ring"
    decided_by: Literal["policy", "default"] = "policy"
    code: int | None = None
    wants_video: bool = False


class CallsRefused(Event):
    """Calls refused in a flood, told in sums: one event a second instead of one a call."""

    domain = "call"
    what = "flood_refused"
    count: int
    over_s: Seconds


class CallDialing(CallEvent):
    """The door calls `targets`; INVITEs are on their way.

    Attributes:
        purpose: `code` where a server is told a code (DND): not the door's call.
    """

    what = "dialing"
    account: str
    targets: tuple[Target, ...]
    purpose: Literal["call", "code"] = "call"


class CallRinging(CallEvent):
    """Somewhere it rings: here (incoming) or at the first phone (outgoing)."""

    what = "ringing"
    direction: Direction


class CallAnswered(CallEvent):
    """Two parties talk.

    Attributes:
        leg: the leg that won (outgoing).
        peer: URI of the far side.
        video: whether video runs; `no_video_because` says why not, where it was asked for.
    """

    what = "answered"
    direction: Direction
    leg: str | None = None
    peer: str = ""
    video: bool = False
    no_video_because: str | None = None


class CallHeld(CallEvent):
    """One side put the call on hold. By the door: it is silent here from now on, whatever the far side answers."""

    what = "held"
    by: Literal["local", "remote"]


class CallHoldRefused(CallEvent):
    """The far side does not take our hold, or its end: the call goes on, silenced here alone, or heard again here.

    Attributes:
        held: what it did not take: True = our hold.
        code: its final answer.
    """

    what = "hold_refused"
    held: bool
    code: int


class CallResumed(CallEvent):
    """The hold of one side ended."""

    what = "resumed"
    by: Literal["local", "remote"]


class CallEnding(CallEvent):
    """The limit is near: the call will end in `in_s` seconds."""

    what = "ending"
    in_s: Seconds


class CallEnded(CallEvent):
    """The call is over.

    Attributes:
        code: the SIP status that ended it, where one did.
        duration_s: seconds since the answer; 0 when it was never answered.
    """

    what = "ended"
    direction: Direction
    reason: EndReason
    code: int | None = None
    duration_s: Seconds = 0


class CallDtmfReceived(CallEvent):
    """Digits came. How many and by which method; never which."""

    what = "dtmf_received"
    method: DtmfMethod
    count: int


class LegEvent(Event):
    """Base of what is told of one leg of a call that the door made."""

    domain = "leg"
    call: Name
    leg: Name


class LegRinging(LegEvent):
    """The phone rings (a provisional answer above 100)."""

    what = "ringing"
    code: int


class LegAnswered(LegEvent):
    """The phone was picked up. Whether it gets the call, `call.answered` tells."""

    what = "answered"


class LegRefused(LegEvent):
    """Somebody at the phone refused: a final answer of the document's `refused_codes`."""

    what = "refused"
    code: int


class LegCancelled(LegEvent):
    """The door gave this leg up."""

    what = "cancelled"
    reason: EndReason


class LegFailed(LegEvent):
    """The phone could not be reached: another final answer (`code`), no answer at all, a transport error."""

    what = "failed"
    code: int | None = None
    why: str = ""


# --- orders ------------------------------------------------------------------------------------------------------


class SipOrder(Order):
    """Base of what policy orders sip to do."""

    service = "sip"


class Dial(SipOrder):
    """Ring `targets` at the same time as one call; the first to answer gets it.

    A call may be dialed again with further targets after its ring set ended without an answer (`final` false): so a
    sequence stays one call. The call ends when a ring set with `final` ends unanswered.

    Attributes:
        account: the account to call on, or `ip` for direct calls.
        purpose: `code` for a call that only tells a server a code (DND): no audio, not the door's call.
        hold_after_answer_s: hang up this long after the answer (code calls).
    """

    verb = "dial"
    call: Name
    account: str
    targets: tuple[Target, ...] = Field(min_length=1, max_length=16)
    limits: Limits = Limits()
    final: bool = True
    purpose: Literal["call", "code"] = "call"
    hold_after_answer_s: Seconds | None = None


class Answer(SipOrder):
    """Answer an incoming call with 200."""

    verb = "answer"
    call: Name
    mode: AutoAnswerMode = AutoAnswerMode.AUDIO
    limits: Limits = Limits()


class Refuse(SipOrder):
    """Refuse an incoming call."""

    verb = "refuse"
    call: Name
    code: int = Field(ge=300, le=699)
    reason: EndReason


class HangUp(SipOrder):
    """End a call, in whatever state it is: CANCEL, BYE or a final answer."""

    verb = "hangup"
    call: Name
    reason: EndReason = EndReason.LOCAL_HANGUP


class Hold(SipOrder):
    """Silence an answered call and put the far side on hold (`a=sendonly`), for a page that outranks calls.

    sip ends the hold by itself when no lease of such a page is heard any more, so that a dead policy leaves nobody on
    hold.
    """

    verb = "hold"
    call: Name


class Resume(SipOrder):
    """End our hold."""

    verb = "resume"
    call: Name


class Adopt(SipOrder):
    """A restarted policy takes over a call that it found in the snapshot, with limits counted as before."""

    verb = "adopt"
    call: Name
    limits: Limits


# --- snapshot ----------------------------------------------------------------------------------------------------


class CallState(StrEnum):
    """Where a call stands."""

    DECIDING = "deciding"
    RINGING = "ringing"
    DIALING = "dialing"
    ANSWERED = "answered"


class LegSnapshot(Message):
    """One leg of a call that the door makes."""

    leg: Name
    uri: str
    state: Literal["dialing", "ringing", "answered", "ended"]


class CallSnapshot(Message):
    """A call as sip knows it. Ages are seconds, so that nobody's clock matters."""

    call: Name
    direction: Direction
    state: CallState
    account: str
    peer: str = ""
    caller: str = ""
    address: str = ""
    age_s: Seconds
    answered_age_s: Seconds | None = None
    held_locally: bool = False
    purpose: Literal["call", "code"] = "call"
    legs: tuple[LegSnapshot, ...] = ()
    limits: Limits = Limits()


class AccountSnapshot(Message):
    """An account's registration."""

    account: Name
    registered: bool
    code: int | None = None


class TakeSipSnapshot(SipOrder):
    """Tell what calls there are."""

    verb = "snapshot"
    reads_only = True


class SipSnapshot(Reply):
    """What sip knows now, consistent with the event number `sequence` of its life `source_epoch`.

    Attributes:
        policy_epoch: the highest epoch of policy that sip has heard.
    """

    source_epoch: int = 0
    sequence: int = 0
    policy_epoch: int = 0
    calls: tuple[CallSnapshot, ...] = ()
    accounts: tuple[AccountSnapshot, ...] = ()


# --- questions ---------------------------------------------------------------------------------------------------


class AskIncomingCall(Question):
    """Somebody calls: what shall be done?

    Attributes:
        wants_auto_answer_s: the caller asks to be answered by itself after so many seconds (Call-Info, RFC 5373).
    """

    what = "incoming_call"
    call: Name
    account: str
    caller: str = ""
    caller_uri: str = ""
    address: str = ""
    wants_video: bool = False
    wants_auto_answer_s: Seconds | None = None


class IncomingDecision(Reply):
    """What to do with an incoming call.

    Attributes:
        decision: ring (180), answer (200 at once) or refuse (`refuse_code`).
        refuse_code: SIP status of a refusal.
        reason: for `call.ended` of a refused call.
    """

    decision: Literal["ring", "answer", "refuse"] = "ring"
    refuse_code: int | None = None
    reason: EndReason | None = None
    mode: AutoAnswerMode = AutoAnswerMode.AUDIO
    limits: Limits = Limits()


class AskDtmf(Question):
    """A digit came in a call. The only message that holds a digit; it is stored nowhere."""

    what = "dtmf"
    call: Name
    digit: Annotated[str, Field(pattern=r"^[0-9*#A-D]$", repr=False)]
    method: DtmfMethod
