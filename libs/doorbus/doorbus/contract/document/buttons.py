"""What a press does: a call, and actions."""

from typing import Annotated, Literal

from pydantic import Field

from doorbus.contract.document.base import Between, Model
from doorbus.contract.document.scalars import Id, Number

MAX_NUMBERS = 16
"""Of a group, and of a template: what the manual promises and the pool of dialers carries."""


class ButtonCall(Model):
    """The call that a press makes."""

    type: Literal["group", "sequence"] = "group"
    """Everybody at once: nobody waits at the door for a phone that is off."""
    account: Id | None = None
    """The account that calls; null = a direct call, then `numbers` are addresses or SIP URIs."""
    numbers: Annotated[tuple[Number, ...], Field(max_length=MAX_NUMBERS)] = ()
    """They win over `directory`."""
    directory: Id | None = None
    """The list that another system publishes, used while `numbers` is empty."""
    timeout_s: Annotated[float, Between(1, 170)] = 20
    """How long each number of a sequence rings: about four rings."""
    when_refused: Literal["call_next", "do_not_call_next"] = "call_next"
    """One who declines does not decide for the house."""
    template_enabled: bool = False
    """True = the call schedule decides whom to call, and `numbers` and `directory` are not used."""


class Button(Model):
    """What a press of one input does."""

    input: Id
    call: ButtonCall | None = None
    """Null = the press calls nobody."""
    actions: tuple[Id, ...] = ()
    """Run side by side; one that fails disturbs no other."""
