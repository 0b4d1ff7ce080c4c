"""The answer to the wish `status`: how the door is now, as policy sees it."""

from __future__ import annotations

from typing import Literal

from doorbus.contract.base import Reply
from doorbus.contract.calls import Direction


class Status(Reply):
    """How the door is.

    Attributes:
        stage: of the door's call.
        answered_s: seconds since the answer.
        held: the call is silenced for a page.
        page: the page that outranks calls now, where one plays.
        dnd_accounts: accounts whose calls are refused now.
        codes_locked: codes by DTMF are not taken at the moment.
        revision: of the document in use.
    """

    stage: Literal["idle", "ringing", "dialing", "answered", "ending"] = "idle"
    direction: Direction | None = None
    far_side: str = ""
    answered_s: float | None = None
    held: bool = False
    page: str | None = None
    dnd_accounts: tuple[str, ...] = ()
    codes_locked: bool = False
    revision: int = 0
