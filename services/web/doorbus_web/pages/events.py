"""Events: what happened at a door, searched by call and by kind."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from doorbus_web.access.depends import Viewer
from doorbus_web.api.doors import KnownDoor
from doorbus_web.api.events import search
from doorbus_web.pages.stored import document_of
from doorbus_web.parts import PartsOf
from doorbus_web.problems import ProblemError
from doorbus_web.templating import render

router = APIRouter()

KINDS = {
    "": "Everything",
    "call": "Calls",
    "leg": "Phones that were rung",
    "button": "Button presses",
    "door": "Doors opened or refused",
    "relay": "Relays",
    "input": "Inputs",
    "page": "Announcements",
    "dnd": "Do not disturb",
    "account": "SIP registrations",
    "schedule": "Schedules",
    "action": "Messages sent",
    "document": "Changes of settings",
    "service": "Services",
}
PERIODS = {1: "The last hour", 24: "The last day", 24 * 7: "The last week", 24 * 31: "The last month"}
SHOWN = 200
_CALL = re.compile(r"[A-Za-z0-9_-]{8,64}")


@router.get("/doors/{door}/events")
async def events_page(
    request: Request,
    _: Viewer,
    parts: PartsOf,
    door: KnownDoor,
    call: Annotated[str, Query(max_length=100)] = "",
    kind: Annotated[str, Query(max_length=32)] = "",
    hours: Annotated[str, Query(max_length=8)] = "",
) -> Response:
    """Shows what happened, the newest first; of one call from its beginning to its end."""
    call = call.strip()
    kind = kind if kind in KINDS else ""
    period = int(hours) if hours.isdecimal() and int(hours) in PERIODS else 24 * 31 if call else 24
    wrong = "" if not call or _CALL.fullmatch(call) else "At least 8 characters of a call's id: letters, digits and -."
    found, more, error = [], False, ""
    if not wrong:
        try:
            since = datetime.now(UTC) - timedelta(hours=period)
            result = await search(parts, door, call=call or None, domain=kind or None, since=since, limit=SHOWN)
            found, more = list(result.events), result.more
        except ProblemError as problem:
            error = problem.problem.detail
    values = {
        "door": door,
        "zone": document_of(parts, door).door.timezone,
        "events": found[::-1] if call else found,
        "more": more,
        "call": call,
        "kind": kind,
        "hours": period,
        "kinds": KINDS,
        "periods": PERIODS,
        "wrong": wrong,
        "error": error,
    }
    return render(request, "events.html", status_code=422 if wrong else 200, **values)
