"""What the engine tells: facts in the past tense, given to `on_fact` in the order in which they were seen.

Calls and legs are named by the ids that the engine's user gave with `dial`; of incoming calls the engine makes the
id, and the call's one leg has the same. No fact holds a digit except `DtmfDigit`, which must not be logged.
"""

from dataclasses import dataclass, field
from typing import Literal

from doorbus.contract.calls import DtmfMethod, EndReason

Reason = EndReason
"""Why a call ended, in the contract's words."""


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """An INVITE waits for `ring`, `answer` or `refuse`; 100 has been sent.

    Attributes:
        account: the account it belongs to, `None` for a direct IP call.
        wants_video: the offer has a video stream.
        auto_answer: the ways in which the caller asked to be answered at once (`call_info`, `alert_info`,
            `answer_mode`), each with the delay in seconds that it asked for.
    """

    call: str
    account: str | None
    from_user: str
    from_uri: str
    to_user: str
    source: str
    source_port: int
    wants_video: bool
    auto_answer: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class CallDialing:
    """The INVITEs of a call are on their way."""

    call: str
    account: str | None
    legs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LegRinging:
    """A leg got a provisional response above 100."""

    call: str
    leg: str
    code: int


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """A leg got its 2xx and won the call."""

    call: str
    leg: str


@dataclass(frozen=True, slots=True)
class LegRefused:
    """The far side refused (one of `EngineConfig.refused_codes`)."""

    call: str
    leg: str
    code: int


@dataclass(frozen=True, slots=True)
class LegCancelled:
    """The door itself gave the leg up."""

    call: str
    leg: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class LegFailed:
    """The leg could not be set up: another final answer, no response, or no worker for it (503)."""

    call: str
    leg: str
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class CallRinging:
    """The first leg rings (outgoing), or 180 was sent (incoming)."""

    call: str


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The call is up."""

    call: str
    leg: str


@dataclass(frozen=True, slots=True)
class CallHeld:
    """One side put the call on hold."""

    call: str
    by: Literal["local", "remote"]


@dataclass(frozen=True, slots=True)
class CallResumed:
    """That side took it back."""

    call: str
    by: Literal["local", "remote"]


@dataclass(frozen=True, slots=True)
class CallHoldRefused:
    """The far side did not take the door's hold (`held`), or its end; the call goes on."""

    call: str
    held: bool
    code: int


@dataclass(frozen=True, slots=True)
class DtmfDigit:
    """One digit of `0-9*#A-D`; a call's first method counts, other methods are dropped. Never log it."""

    call: str
    digit: str = field(repr=False)
    method: DtmfMethod = DtmfMethod.RFC4733


@dataclass(frozen=True, slots=True)
class CallEnding:
    """`warn_s` before the call's `max_call_s`."""

    call: str
    in_s: float


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The call is over. `code`: the final SIP status, 0 if there was none; `duration_s` counts from the answer."""

    call: str
    reason: Reason
    code: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class RefusedUnasked:
    """So many INVITEs were refused within the last second without asking: forbidden, too many, or unusable."""

    code: int
    count: int


@dataclass(frozen=True, slots=True)
class AccountRegistered:
    """The registrar took the account, for so many seconds; 0 = it was unregistered."""

    account: str
    expires_s: int


@dataclass(frozen=True, slots=True)
class AccountFailed:
    """The registrar refused the account or did not respond; it is tried again."""

    account: str
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerStarted:
    """A worker process is ready."""

    worker: str


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A worker process died or stalled, and with it these calls."""

    worker: str
    calls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkersComplete:
    """After a loss: all workers that are needed run again."""


@dataclass(frozen=True, slots=True)
class AudioFailed:
    """A file or device of the door's audio cannot be used; told once until it works again."""

    why: str


@dataclass(frozen=True, slots=True)
class AudioRecovered:
    """All of the door's audio works again, or is configured anew."""


@dataclass(frozen=True, slots=True)
class CallbackFailed:
    """An error inside a worker, that pjsua2 would have swallowed, and the call that it was about."""

    worker: str
    where: str
    error: str
    call: str | None = None


Fact = (
    IncomingCall
    | CallDialing
    | LegRinging
    | LegAnswered
    | LegRefused
    | LegCancelled
    | LegFailed
    | CallRinging
    | CallAnswered
    | CallHeld
    | CallResumed
    | CallHoldRefused
    | DtmfDigit
    | CallEnding
    | CallEnded
    | RefusedUnasked
    | AccountRegistered
    | AccountFailed
    | WorkerStarted
    | WorkerLost
    | WorkersComplete
    | AudioFailed
    | AudioRecovered
    | CallbackFailed
)
