"""System: which parts run, in which version, what they miss, and who changed the settings last."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from doorbus_web.access.depends import Viewer
from doorbus_web.api.doors import KnownDoor
from doorbus_web.api.events import search
from doorbus_web.pages.stored import document_of
from doorbus_web.parts import PartsOf
from doorbus_web.problems import ProblemError
from doorbus_web.templating import render

router = APIRouter()

CHANGES_SHOWN = 60
WHAT = {
    "sip": "calls and their sound",
    "io": "buttons and relays",
    "policy": "decisions about calls",
    "scheduler": "schedules",
    "actions": "messages of a press",
    "multicast": "announcements",
    "camera": "the picture",
    "web": "this console",
}


@router.get("/doors/{door}/system")
async def system_page(request: Request, _: Viewer, parts: PartsOf, door: KnownDoor) -> Response:
    """Shows the system."""
    changes = []
    try:
        kept = await search(parts, door, domain="document", what="changed", limit=CHANGES_SHOWN)
        changes = [each for each in kept.events if each.data.get("result") == "written"][:10]
    except ProblemError:
        pass  # the page says already that the bus is gone
    document = document_of(parts, door)
    values: dict[str, Any] = {
        "door": door,
        "live": parts.hub.live(door),
        "zone": document.door.timezone,
        "revision": document.revision,
        "version": version("doorbus-web"),
        "what": WHAT,
        "changes": changes,
        "viewers": parts.hub.viewers,
    }
    return render(request, "system.html", **values)
