"""What a press of a push button came to."""

from __future__ import annotations

from typing import Literal

from doorbus.contract.base import Event, Name


class ButtonActivated(Event):
    """A press was taken: what it does, so that others (actions) can do their part.

    Attributes:
        does: dial a call, answer the ringing one, end the current one, or nothing (with `why`).
        call: the call it makes, answers or ends.
        actions: ids of the actions to run.
        press: id of the press; a repeat of it is the same press.
    """

    domain = "button"
    what = "activated"
    input: Name
    does: Literal["call", "answer", "hang_up", "nothing"]
    why: str | None = None
    call: str | None = None
    actions: tuple[str, ...] = ()
    press: str
