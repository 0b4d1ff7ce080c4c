"""The front page: all doors. And the colours, which a cookie keeps."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from doorbus_web.access.depends import SignedIn, Viewer
from doorbus_web.parts import PartsOf
from doorbus_web.templating import THEME_COOKIE, THEMES, render

router = APIRouter()

YEAR_S = 365 * 24 * 3600


@router.get("/")
async def home(request: Request, who: Viewer, parts: PartsOf) -> HTMLResponse:
    """Shows the doors."""
    lives = [parts.hub.live(name) for name in parts.doors.names() if who.sees(name)]
    return render(request, "home.html", lives=lives)


@router.post("/theme")
async def theme(
    request: Request,
    _: SignedIn,
    theme: Annotated[str, Form(max_length=8)] = "",
    back: Annotated[str, Form(max_length=256)] = "/",
) -> Response:
    """Keeps the colours in a cookie."""
    here = back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"
    answer = RedirectResponse(here, status_code=303)
    if theme in THEMES:
        secure = request.url.scheme == "https"
        answer.set_cookie(THEME_COOKIE, theme, max_age=YEAR_S, httponly=True, samesite="lax", secure=secure)
    return answer
