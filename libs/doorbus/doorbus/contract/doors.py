"""Unlocks that did not happen. `door.unlocked` stands with the relays, since io tells it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from doorbus.contract.base import Event
from doorbus.contract.lines import UnlockMethod


class UnlockDenied(Event):
    """Somebody could not open the door.

    Attributes:
        relay: where one was named.
        why: the code is wrong or not this caller's, the door is locked against codes, or io did not do it.
    """

    domain = "door"
    what = "unlock_denied"
    relay: str | None = None
    method: UnlockMethod
    by: str = ""
    call: str | None = None
    why: Literal["wrong_code", "caller_not_allowed", "locked", "unknown_relay", "io_refused", "io_silent"]


class UnlockLocked(Event):
    """Too many wrong codes: codes by DTMF are not taken for `for_s` seconds."""

    domain = "door"
    what = "unlock_locked"
    method: UnlockMethod = UnlockMethod.DTMF
    for_s: Annotated[float, Field(ge=0)]
    wrong_codes: int
