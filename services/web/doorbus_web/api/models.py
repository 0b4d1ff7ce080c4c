"""Requests and answers of the API."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from doorbus_web.live.state import EventView

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
DoorName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$")]
ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Asking(_Model):
    """What every request that does something may carry."""

    id: Annotated[
        ClientId | None, Field(description="Chosen by you: a repeat of it gets the first answer and does nothing.")
    ] = None
    expires_at: Annotated[
        AwareDatetime | None,
        Field(description="Not to be done after this. Left out, or further ahead: 3 s from now."),
    ] = None


class Unlock(Asking):
    """Open the door."""

    relay: Annotated[Name | None, Field(description="May be left out where the door has one.")] = None


class Dial(Asking):
    """Have the door call somebody."""

    to: Annotated[str, Field(min_length=1, max_length=256, description="Number, SIP URI or address.")]
    account: Annotated[Name | None, Field(description="May be left out where there is one; `ip` for direct calls.")] = (
        None
    )


class Press(Asking):
    """Press a button as a finger would."""

    input: Annotated[Name, Field(description="Id of a push button.")]


class Dnd(Asking):
    """Turn do-not-disturb on or off."""

    enabled: bool
    account: Annotated[Name | None, Field(description="Left out: all of the document's `calls.dnd.accounts`.")] = None


class AcceptedView(_Model):
    """It was accepted and will be done; events tell when it was."""

    id: Annotated[str, Field(description="Of the command on the bus: `relay.energised` says it as `command`.")]
    call: Annotated[str | None, Field(description="The call that it made, found or belongs to.")] = None


class DoorSummary(_Model):
    """A door."""

    door: str
    revision: Annotated[int, Field(description="Of its document.")]


class Doors(_Model):
    """All doors that you may see."""

    doors: tuple[DoorSummary, ...]


class Written(_Model):
    """The document as it stands now."""

    revision: int
    changed: Annotated[bool, Field(description="False: it was the same already.")]


class Events(_Model):
    """Kept events, the newest first.

    `more` true: further ones fit, but were left out.
    """

    events: tuple[EventView, ...]
    more: bool


class Me(_Model):
    """Who asks."""

    kind: str
    name: str
    scopes: tuple[str, ...]
    doors: Annotated[tuple[str, ...], Field(description="Empty: every one.")]
