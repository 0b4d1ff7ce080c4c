"""What a press of a push button came to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from doorbus.contract.base import Event, Name

WHY_NOTHING = {
    "no_button": "nothing is said about the button",
    "no_call": "the button has no call",
    "no_numbers": "none of the button's numbers can be called, or it has none",
    "no_directory": "nobody has published the button's directory",
    "no_template": "no template of the input is active",
    "no_schedule": "the scheduler has not spoken yet",
    "push_to_hang_up_off": "there is a call, and a press does not end it",
    "hold": "there is a call, too young for a press to end it",
    "call_ending": "the call is just ending",
    "page": "a page plays that outranks calls",
    "call_unknown": "sip does not say whether the last call is still up",
}
"""Why a press does nothing to the door's call, in words by code."""


Does = Literal["call", "answer", "hang_up", "nothing"]
"""What a press does to the door's call."""


class ButtonActivated(Event):
    """A press was taken: what it does, so that others (actions) can do their part.

    Attributes:
        why: a key of `WHY_NOTHING`.
        does: dial a call, answer the ringing one, end the current one, or nothing (with `why`).
        call: the call it makes, answers or ends.
        actions: ids of the actions to run.
        press: id of the press; a repeat of it is the same press.
    """

    domain = "button"
    what = "activated"
    input: Name
    does: Does
    why: str | None = None
    call: str | None = None
    actions: tuple[str, ...] = ()
    press: str


class ButtonLimited(Event):
    """Presses of a button come faster than they are taken: so many were dropped, and did nothing at all.

    Told when the first one is dropped, and again with the sum when none was dropped for 5 s.

    Attributes:
        virtual: pressed by clients, not by fingers; the two are counted apart.
        dropped: presses since the flood began.
        over_s: how long it has lasted.
        over: the flood has ended.
    """

    domain = "button"
    what = "limited"
    input: Name
    virtual: bool = False
    dropped: Annotated[int, Field(ge=1)]
    over_s: Annotated[float, Field(ge=0)] = 0.0
    over: bool = False
