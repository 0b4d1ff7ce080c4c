"""The rules about calls that policy keeps: limits, Do Not Disturb, auto-answer, unlocking, hanging up.

Durations are seconds and may have a fraction.
"""

from typing import Annotated, Literal

from pydantic import Field

from doorbus.contract.document.base import Between, Model
from doorbus.contract.document.scalars import CallerPattern, Id, OptionalCode
from doorbus.contract.document.secrets import SecretRef

UnlockMethod = Literal["dtmf", "http", "input", "bus"]
ReturnCode = Literal[404, 480, 486, 603]


class Dnd(Model):
    """Do Not Disturb."""

    enabled: bool = False
    """Where it starts; a toggle holds until this field changes."""
    accounts: tuple[Id, ...] | None = None
    """Whose calls are refused, `ip` for direct ones; null = all of them, as no id is known beforehand."""
    return_code: ReturnCode = 486
    """Busy Here: phones show "busy" and PBXs go on to voice mail."""
    on_code: OptionalCode = ""
    """Called on each account when DND is turned on; empty = nothing is called, as codes differ by PBX."""
    off_code: OptionalCode = ""
    """The same for turning it off."""
    code_hold_s: Annotated[float, Between(0, 60)] = 5
    """How long an answered code call is left to the server: hanging up at once makes some skip the change."""
    bypass: tuple[CallerPattern, ...] = ()
    """Callers who get through."""
    schedule: Id | None = None
    """The schedule that turns it on and off, whatever `enabled` says; null = none."""


class AutoAnswerRule(Model):
    """Auto-answer for one kind of call."""

    enabled: bool = False
    """Off: an open microphone at the door is for the owner to choose."""
    delay_s: Annotated[float, Between(0, 60)] = 0
    """From the 180 to the 200; less than `dial_in_s`."""
    mode: Literal["audio", "video"] = "audio"
    """Audio, as not every door has a camera."""


class AutoAnswer(Model):
    """Auto-answer, by kind of call, and who may ask for it in the INVITE."""

    sip: AutoAnswerRule = AutoAnswerRule()
    ip: AutoAnswerRule = AutoAnswerRule()
    trusted: tuple[CallerPattern, ...] = ()
    """Nobody: the header that asks for it can be written by any caller."""


class HangUpAfterUnlock(Model):
    """Ends the call when the door was opened."""

    methods: tuple[UnlockMethod, ...] = ("dtmf",)
    """The person on the phone opened: the talk is over. Other ways say nothing about the call."""
    timeout_s: Annotated[float, Between(0, 60)] = 5
    """Time to say "come in"."""


class PushToHangUp(Model):
    """A press ends the current call."""

    enabled: bool = True
    hold_s: Annotated[float, Between(0, 60)] = 3
    """Impatient visitors press twice: for so long a press does not end the call it has made."""


class UnlockCode(Model):
    """Digits that energise a relay during a call."""

    code: SecretRef
    relay: Id
    callers: Annotated[tuple[CallerPattern, ...], Field(min_length=1)] = ("*",)
    """From whom the code counts; everybody, because knowing it is the credential."""


class Calls(Model):
    """All rules about calls."""

    max_call_s: Annotated[float, Between(0, 86400)] = 300
    """From the answer; five minutes are long for a talk at a door; 0 = unlimited."""
    warn_s: Annotated[float, Between(0, 600)] = 10
    """The tone before the limit; 0, or not less than `max_call_s`, = none."""
    dial_in_s: Annotated[float, Between(1, 170)] = 60
    """At most 170: proxies give up an INVITE after 180 s (RFC 3261, timer C), the door answers before."""
    dial_out_s: Annotated[float, Between(1, 170)] = 60
    """As `dial_in_s`."""
    refused_codes: tuple[Annotated[int, Between(400, 699)], ...] = (486, 600, 603, 607)
    """The answers that a person gave: busy (486, 600), decline (603), unwanted (607). Others are the network's."""
    dnd: Dnd = Dnd()
    auto_answer: AutoAnswer = AutoAnswer()
    hang_up_after_unlock: HangUpAfterUnlock = HangUpAfterUnlock()
    push_to_hang_up: PushToHangUp = PushToHangUp()
    unlock_codes: tuple[UnlockCode, ...] = ()
