"""A door as viewers see it. The JSON of `DoorLive` is what the API answers and what the stream carries."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class LegView(_View):
    """One phone that a call rings."""

    leg: str
    uri: str
    state: Literal["dialing", "ringing", "answered", "ended"]


class CallView(_View):
    """A call that is up."""

    call: str
    direction: Literal["incoming", "outgoing"]
    stage: Literal["deciding", "dialing", "ringing", "answered"]
    account: str = ""
    far_side: str = ""
    since: AwareDatetime
    answered_at: AwareDatetime | None = None
    held: bool = False
    ends_in_s: Annotated[float | None, Field(description="The limit is near: said once, when it was so.")] = None
    legs: tuple[LegView, ...] = ()


class EndedCall(_View):
    """The last call that ended."""

    call: str
    direction: Literal["incoming", "outgoing"]
    reason: str
    code: int | None = None
    duration_s: float = 0
    at: AwareDatetime


class AccountView(_View):
    """A SIP account; `registered` None = not known yet, or it needs no registration."""

    account: str
    registered: bool | None = None
    why: str = ""


class RelayView(_View):
    """A relay; `energised` None = nobody drives it."""

    relay: str
    energised: bool | None = None
    since: AwareDatetime | None = None
    by: str = ""


class InputView(_View):
    """An input; `active` None = it cannot be read. A door contact is active while the door stands open."""

    input: str
    kind: str = ""
    active: bool | None = None
    since: AwareDatetime | None = None


class ServiceView(_View):
    """A service of the door as it last spoke of itself."""

    service: str
    version: str = ""
    state: Literal["up", "stopped", "unknown"] = "unknown"
    missing: Annotated[tuple[str, ...], Field(description="What it has to do without, with why.")] = ()
    since: AwareDatetime | None = None


class EventView(_View):
    """An event, with what it says in words."""

    id: str
    time: AwareDatetime
    type: str
    service: str
    call: str | None = None
    icon: str = ""
    tone: Literal["info", "good", "warn", "bad", "quiet"] = "quiet"
    words: str
    data: dict[str, Any]


class DoorLive(_View):
    """A door as it is now.

    `bus` false: the bus is gone, and all the rest is as it was then.
    """

    door: str
    bus: bool = True
    revision: Annotated[int, Field(description="Of the document; 0 = there is none.")] = 0
    calls: tuple[CallView, ...] = ()
    last_call: EndedCall | None = None
    accounts: tuple[AccountView, ...] = ()
    relays: tuple[RelayView, ...] = ()
    inputs: tuple[InputView, ...] = ()
    dnd: Annotated[tuple[str, ...], Field(description="Accounts whose calls are refused now.")] = ()
    page: Annotated[dict[str, Any] | None, Field(description="The page that plays now.")] = None
    schedules: Annotated[tuple[str, ...], Field(description="Schedules and templates that are active now.")] = ()
    services: tuple[ServiceView, ...] = ()
    events: Annotated[tuple[EventView, ...], Field(description="The last ones, the newest first.")] = ()
