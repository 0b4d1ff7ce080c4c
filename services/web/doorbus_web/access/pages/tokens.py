"""API tokens: for admins. A token's secret is shown once, when it is made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from doorbus_web.access.depends import Admin
from doorbus_web.access.model import PLAIN_SCOPES, SCOPES_IN_WORDS
from doorbus_web.access.tokens import TokenError
from doorbus_web.parts import Parts, PartsOf
from doorbus_web.problems import ProblemError
from doorbus_web.templating import render

router = APIRouter()
log = structlog.get_logger()

DAY_S = 24 * 3600.0
LONGEST_DAYS = 3650


@router.get("/tokens")
async def tokens_page(request: Request, _: Admin, parts: PartsOf) -> HTMLResponse:
    """Shows all tokens."""
    return _page(request, parts)


@router.post("/tokens")
async def make_token(
    request: Request,
    who: Admin,
    parts: PartsOf,
    name: Annotated[str, Form(max_length=64)] = "",
    scopes: Annotated[list[str] | None, Form()] = None,
    relays: Annotated[str, Form(max_length=1024)] = "",
    on_doors: Annotated[list[str] | None, Form()] = None,
    days: Annotated[str, Form(max_length=8)] = "",
) -> HTMLResponse:
    """Makes a token and shows its secret: `relays` are ids, or `*`, that it may unlock; no `days` = it never ends."""
    now = parts.access.wall()
    wanted = [*(scopes or ()), *(f"unlock:{relay}" for relay in relays.replace(",", " ").split())]
    try:
        expires_at = None if not days.strip() else now + _days(days) * DAY_S
        token, secret = parts.access.tokens.make(name.strip(), wanted, on_doors or (), who.name, now, expires_at)
    except TokenError as error:
        return _page(request, parts, str(error))
    log.info("a token was made", token=token.name, scopes=sorted(token.scopes), by=who.name)
    return _page(request, parts, made=(token.name, secret))


@router.post("/tokens/{token}/revoke")
async def revoke_token(who: Admin, parts: PartsOf, token: str) -> Response:
    """Ends a token."""
    if not parts.access.tokens.revoke(token):
        raise ProblemError(404, "unknown_token", "there is no such token")
    log.info("a token was revoked", token_id=token, by=who.name)
    return RedirectResponse("/tokens", status_code=303)


def _days(text: str) -> int:
    if not text.strip().isdigit() or not 1 <= int(text) <= LONGEST_DAYS:
        raise TokenError(f"days: must be a whole number, 1 to {LONGEST_DAYS}")
    return int(text)


def _page(request: Request, parts: Parts, error: str = "", made: tuple[str, str] | None = None) -> HTMLResponse:
    values = {
        "tokens": parts.access.tokens.all(),
        "plain_scopes": PLAIN_SCOPES,
        "scopes_in_words": SCOPES_IN_WORDS,
        "error": error,
        "made": made,
        "when": _when,
    }
    return render(request, "access/tokens.html", status_code=422 if error else 200, **values)


def _when(seconds: float | None) -> str:
    """Writes a time of the store for people."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
