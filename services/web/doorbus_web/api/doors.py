"""Doors, and how they are now."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from doorbus.contract.status import Status
from doorbus_web.access.depends import SignedIn, Viewer
from doorbus_web.api.models import Doors, DoorSummary, Me
from doorbus_web.live.state import DoorLive
from doorbus_web.parts import Parts, PartsOf
from doorbus_web.problems import ProblemError

router = APIRouter(tags=["doors"])

DoorPath = Annotated[str, Path(description="The door.", pattern=r"^[a-z0-9-]{1,32}$")]


def known_door(who: SignedIn, parts: PartsOf, door: DoorPath) -> str:
    """Returns the door of the path. Raises ProblemError 404, naming the ones that there are for who asks."""
    if parts.doors.get(door) is None or not who.sees(door):
        names = ", ".join(name for name in parts.doors.names() if who.sees(name)) or "none"
        raise ProblemError(404, "unknown_door", f"door: there is no such door; there are: {names}")
    return door


KnownDoor = Annotated[str, Depends(known_door)]


@router.get("/me")
async def me(who: SignedIn) -> Me:
    """Tells who you are and what you may."""
    return Me(kind=who.kind, name=who.name, scopes=tuple(sorted(who.scopes)), doors=tuple(sorted(who.doors)))


@router.get("/doors")
async def all_doors(who: Viewer, parts: PartsOf) -> Doors:
    """Lists the doors that you may see."""
    return Doors(doors=tuple(_summary(parts, name) for name in parts.doors.names() if who.sees(name)))


@router.get("/doors/{door}")
async def one_door(_: Viewer, parts: PartsOf, door: KnownDoor) -> DoorLive:
    """Tells how a door is now: calls, registrations, relays, inputs, the page that plays, the last events."""
    return parts.hub.live(door)


@router.get("/doors/{door}/status")
async def status(who: Viewer, parts: PartsOf, door: KnownDoor) -> Status:
    """Asks policy how the door is, just now."""
    return await parts.wishes.status(door, who)


def _summary(parts: Parts, name: str) -> DoorSummary:
    document = parts.doors.get(name)
    return DoorSummary(door=name, revision=document.revision if document is not None else 0)
