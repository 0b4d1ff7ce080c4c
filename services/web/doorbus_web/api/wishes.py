"""What a client may ask a door to do. `202`: policy has accepted it; events tell when it was done."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from doorbus_web.access.depends import SignedIn
from doorbus_web.access.model import Principal
from doorbus_web.api.doors import KnownDoor
from doorbus_web.api.models import AcceptedView, Asking, Dial, Dnd, Press, Unlock
from doorbus_web.commands import Accepted, Asked
from doorbus_web.parts import PartsOf
from doorbus_web.problems import MEDIA_TYPE, Problem

router = APIRouter(tags=["wishes"])

_MORE = {
    409: "The door cannot do that now, or it came too late.",
    502: "Policy failed.",
    504: "Policy did not answer: it may have been done or not.",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text, "content": {MEDIA_TYPE: {}}} for status, text in _MORE.items()
}


@router.post("/doors/{door}/unlock", status_code=202, responses=RESPONSES)
async def unlock(who: SignedIn, parts: PartsOf, door: KnownDoor, body: Unlock | None = None) -> AcceptedView:
    """Opens the door. Needs the scope `unlock:<relay>`, or `unlock:*`."""
    wish = body or Unlock()
    return _view(await parts.wishes.unlock(door, _asked(who, wish), wish.relay))


@router.post("/doors/{door}/calls", status_code=202, responses=RESPONSES)
async def dial(who: SignedIn, parts: PartsOf, door: KnownDoor, body: Dial) -> AcceptedView:
    """Has the door call somebody. Needs `call`."""
    return _view(await parts.wishes.call(door, _asked(who, body), body.to, body.account))


@router.delete("/doors/{door}/calls", status_code=202, responses=RESPONSES)
async def hang_up(who: SignedIn, parts: PartsOf, door: KnownDoor) -> AcceptedView:
    """Ends the door's call. Needs `call`."""
    return _view(await parts.wishes.hang_up(door, Asked(who)))


@router.delete("/doors/{door}/calls/{call}", status_code=202, responses=RESPONSES)
async def hang_up_one(
    who: SignedIn, parts: PartsOf, door: KnownDoor, call: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
) -> AcceptedView:
    """Ends the call named, if it is the door's. Needs `call`."""
    return _view(await parts.wishes.hang_up(door, Asked(who), call))


@router.post("/doors/{door}/press", status_code=202, responses=RESPONSES)
async def press(who: SignedIn, parts: PartsOf, door: KnownDoor, body: Press) -> AcceptedView:
    """Presses a button as a finger would. Needs `press`."""
    return _view(await parts.wishes.press(door, _asked(who, body), body.input))


@router.put("/doors/{door}/dnd", status_code=202, responses=RESPONSES)
async def dnd(who: SignedIn, parts: PartsOf, door: KnownDoor, body: Dnd) -> AcceptedView:
    """Turns do-not-disturb on or off. Needs `dnd`."""
    return _view(await parts.wishes.dnd(door, _asked(who, body), body.enabled, body.account))


def _asked(who: Principal, body: Asking) -> Asked:
    return Asked(who, body.id, body.expires_at)


def _view(accepted: Accepted) -> AcceptedView:
    return AcceptedView(id=accepted.id, call=accepted.call)
