"""The limit of request bodies: a document has some 20 KB, so 512 KB is refused, told or not, before it is read."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from doorbus_web.errors import problem_response
from doorbus_web.problems import ProblemError

BODY_LIMIT_BYTES = 512 * 1024


class BodyLimit:
    """Refuses larger bodies with 413."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        too_large = ProblemError(413, "too_large", f"body: at most {BODY_LIMIT_BYTES} bytes")
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if not told.isdigit() or int(told) > BODY_LIMIT_BYTES:
            await problem_response(scope, too_large)(scope, receive, send)
            return
        had = 0

        async def counted() -> Message:
            nonlocal had
            message = await receive()
            had += len(message.get("body", b""))
            if had > BODY_LIMIT_BYTES:
                raise too_large
            return message

        await self._app(scope, counted, send)
