"""The kept events of a door, searched."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from doorbus.contract.errors import LocalError
from doorbus.runtime.kept import kept_events
from doorbus_web.access.depends import Viewer
from doorbus_web.api.doors import KnownDoor
from doorbus_web.api.models import Events
from doorbus_web.live.fold import view
from doorbus_web.live.state import EventView
from doorbus_web.parts import Parts, PartsOf
from doorbus_web.refusals import refused

router = APIRouter(tags=["events"])

DAY = timedelta(days=1)
KEPT = timedelta(days=31)
MOST = 500
TOKEN = r"^[A-Za-z0-9_-]{1,64}$"  # noqa: S105  # a token of a subject


@router.get("/doors/{door}/events")
async def events(
    _: Viewer,
    parts: PartsOf,
    door: KnownDoor,
    call: Annotated[
        str | None, Query(pattern=TOKEN, description="Of this call: its id, or at least 8 characters of its beginning.")
    ] = None,
    domain: Annotated[str | None, Query(pattern=TOKEN, description="`call`, `relay`, `door`, `action`, …")] = None,
    what: Annotated[str | None, Query(pattern=TOKEN, description="`ended`, `unlocked`, …")] = None,
    since: Annotated[
        AwareDatetime | None, Query(description="Left out: of the last day, or of a call all that is kept.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
) -> Events:
    """Searches the kept events, a month of them."""
    return await search(parts, door, call=call, domain=domain, what=what, since=since, limit=limit)


async def search(
    parts: Parts,
    door: str,
    *,
    call: str | None = None,
    domain: str | None = None,
    what: str | None = None,
    since: datetime | None = None,
    limit: int = 100,
) -> Events:
    """Returns a door's kept events, the newest first, and whether there are more. Raises ProblemError."""
    now = datetime.now(UTC)
    back = KEPT if call is not None else DAY
    if since is not None:
        back = min(max(now - since, timedelta(0)), KEPT)
    tails = (f"{domain or '*'}.{what or '*'}",)
    found: deque[EventView] = deque(maxlen=limit)
    fitting = 0
    try:
        async for seen in kept_events(parts.bus.connection, door, tails, back=back):
            if call is None or _is(seen.call, call):
                fitting += 1
                found.append(view(seen))
    except LocalError as error:
        raise refused(error.code, error.message) from None
    return Events(events=tuple(reversed(found)), more=fitting > limit)


def _is(call: str | None, asked: str) -> bool:
    return call is not None and (call == asked or (len(asked) >= 8 and call.startswith(asked)))
