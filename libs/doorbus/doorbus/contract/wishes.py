"""What anybody may ask of policy. The client's name stands in the subject, where the NATS server checks it."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import StringConstraints

from doorbus.contract.base import Name, Wish
from doorbus.contract.lines import UnlockMethod

GATEWAY = "web"
"""The client that speaks for people it knows: policy believes what it says of them."""


class WishCall(Wish):
    """Call a number. `account` may be left out where the door has one, or for SIP URIs and IP addresses."""

    verb = "call"
    to: str
    account: str | None = None


class WishHangUp(Wish):
    """End the door's call, or the one named."""

    verb = "hangup"
    call: Name | None = None


class WishPress(Wish):
    """Press a button as a finger would."""

    verb = "press"
    input: Name


class WishUnlock(Wish):
    """Open the door; the relay stands in the subject.

    Attributes:
        method: how the client itself was asked. Only the web service may say `http`; for others `bus` counts.
        person: who asked the client, for the audit: `door.unlocked` says `by: web/<person>`. Only the web service's
            counts.
    """

    verb = "unlock"
    moves_relay: ClassVar[bool] = True
    method: UnlockMethod = UnlockMethod.BUS
    person: Annotated[str, StringConstraints(max_length=64)] | None = None


class WishDnd(Wish):
    """Turn do-not-disturb on or off, for one account or all of `calls.dnd.accounts`."""

    verb = "dnd"
    enabled: bool
    account: str | None = None


class WishStatus(Wish):
    """Tell how the door is."""

    verb = "status"
