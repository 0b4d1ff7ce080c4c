"""The guard: nobody gets to a page or an endpoint without a login, and no forged request gets in by a cookie.

Deny by default: what is not in `PUBLIC` needs a session's cookie or, below `/api/`, a token
(`Authorization: Bearer dbt_…`). Who it is stands in `request.state.principal` from here on. A token is never looked for
in a cookie or in the URL, and a cookie is not looked at where a token is shown.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from doorbus_web.access.guessing import TooSoon
from doorbus_web.access.model import Principal
from doorbus_web.access.origin import SAFE_METHODS, from_our_pages
from doorbus_web.errors import problem_response, too_soon
from doorbus_web.parts import Parts
from doorbus_web.problems import ProblemError

LOGIN = "/login"
PASSWORD_PAGE = "/account/password"  # noqa: S105  # a path
PUBLIC = (LOGIN,)
PUBLIC_BELOW = ("/static/",)
WITH_ONE_TIME_PASSWORD = (PASSWORD_PAGE, "/logout")
COOKIE = "doorbus_session"
BY_ITSELF = ("/now", "/stream")
"""What an open page fetches by itself is no use of its session: a forgotten tab ends."""


def cookie_name(scheme: str) -> str:
    """Returns the name of the session's cookie: over HTTPS one that no other host and no HTTP page can set."""
    return f"__Host-{COOKIE}" if scheme == "https" else COOKIE


class Guard:
    """Lets in who may come in.

    Args:
        app: what is behind it.
        parts: of the service.
    """

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app = app
        self._access = parts.access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] != "http":
            return  # there are no web sockets here
        connection = HTTPConnection(scope)
        path: str = scope["path"]
        found = self._who(connection)
        if isinstance(found, TooSoon):
            await problem_response(scope, too_soon(found))(scope, receive, send)
            return
        scope.setdefault("state", {})["principal"] = found
        refusal = self._refusal(scope, connection.headers, path, found)
        await (refusal or self._app)(scope, receive, send)

    def _who(self, connection: HTTPConnection) -> Principal | TooSoon | None:
        kind, _, secret = connection.headers.get("Authorization", "").partition(" ")
        if kind and connection.url.path.startswith("/api/"):
            address = connection.client.host if connection.client else ""
            return self._access.by_token(secret.strip(), address) if kind.lower() == "bearer" else None
        session_id = connection.cookies.get(cookie_name(connection.url.scheme))
        used = not connection.url.path.endswith(BY_ITSELF)
        return self._access.by_session(session_id, used=used) if session_id else None

    def _refusal(self, scope: Scope, headers: Headers, path: str, who: Principal | None) -> Response | None:
        changes = scope["method"] not in SAFE_METHODS
        public = path in PUBLIC or path.startswith(PUBLIC_BELOW)
        if changes and (who is None or who.kind == "user") and (public or who is not None):
            seen = {name.lower(): value for name, value in headers.items()}
            if not from_our_pages(seen, scope.get("scheme", "http")):
                return problem_response(scope, ProblemError(403, "forged", "this does not come from our own pages"))
        if public:
            return None
        if who is None:
            return self._unknown(scope, path)
        if who.must_change and path not in WITH_ONE_TIME_PASSWORD:
            if path.startswith("/api/"):
                problem = ProblemError(403, "password_must_be_changed", "change the one-time password first")
                return problem_response(scope, problem)
            return RedirectResponse(PASSWORD_PAGE, status_code=303)
        return None

    def _unknown(self, scope: Scope, path: str) -> Response:
        if path.startswith("/api/") or scope["method"] not in SAFE_METHODS:
            bearer = {"WWW-Authenticate": 'Bearer realm="doorbus"'}
            detail = "needs a token (Authorization: Bearer dbt_…) or a login"
            return problem_response(scope, ProblemError(401, "unauthorized", detail, headers=bearer))
        return RedirectResponse(LOGIN, status_code=303)
