"""A door's live stream: server-sent events (the HTML standard's `text/event-stream`)."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from doorbus_web.access.access import Access
from doorbus_web.access.depends import Viewer
from doorbus_web.access.model import Principal
from doorbus_web.api.doors import KnownDoor
from doorbus_web.live.hub import BEAT_S, Hub, TooManyViewersError
from doorbus_web.live.hub import Viewer as LiveViewer
from doorbus_web.parts import PartsOf
from doorbus_web.problems import ProblemError

router = APIRouter(tags=["doors"])

SEND_S = 10.0
"""A viewer whose connection takes nothing for so long is gone."""
LAST_S = 0.2
"""For an orderly end of a viewer that reads."""
LOOKED_AT_EVERY_S = BEAT_S
RETRY_MS = 1000
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class LiveResponse(Response):
    """Sends a live view until either side ends it, the login is over, or the viewer is too slow."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, door: str, viewer: LiveViewer, access: Access, who: Principal) -> None:
        self.status_code = 200
        self.background = None
        self.raw_headers = HEADERS
        self._hub, self._door, self._viewer = hub, door, viewer
        self._access, self._who = access, who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves it."""
        tasks = [asyncio.create_task(work) for work in (self._send(send), self._left(receive), self._given_up())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(self._door, self._viewer)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        loop = asyncio.get_running_loop()
        await send({"type": "http.response.start", "status": 200, "headers": [*self.raw_headers]})
        await send({"type": "http.response.body", "body": f"retry: {RETRY_MS}\n\n".encode(), "more_body": True})
        looked = loop.time()
        async for message in self._viewer.messages():
            if loop.time() - looked >= LOOKED_AT_EVERY_S:
                looked = loop.time()
                if not self._access.stands(self._who):
                    break
            async with asyncio.timeout(SEND_S):
                await send({"type": "http.response.body", "body": message, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _given_up(self) -> None:
        """Ends when the hub has given the viewer up: one that takes nothing would hold up its last message, too."""
        await self._viewer.gone.wait()
        await asyncio.sleep(LAST_S)

    async def _left(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


@router.get(
    "/doors/{door}/stream",
    status_code=200,
    response_class=LiveResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream(
    who: Viewer,
    parts: PartsOf,
    door: KnownDoor,
    last_event_id: Annotated[str, Header(max_length=64, description="Goes on after this message.")] = "",
) -> LiveResponse:
    """Streams a door's life: `state` (as of the door itself) at first, then `change` and `beat`, as server-sent events.

    `change` is `{"changed": {part: its new value}, "events": [the new ones, the newest first]}`. A viewer that does not
    keep up is dropped; it may come back at once.
    """
    try:
        viewer = parts.hub.join(door, last_event_id)
    except TooManyViewersError:
        raise ProblemError(503, "too_many_viewers", "as many live views as may be are open") from None
    return LiveResponse(parts.hub, door, viewer, parts.access, who)
