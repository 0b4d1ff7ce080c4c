"""Signing in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from doorbus_web.access.access import SignedIn
from doorbus_web.access.depends import SignedIn as Whoever
from doorbus_web.access.guard import LOGIN, cookie_name
from doorbus_web.access.guessing import TooSoon
from doorbus_web.access.passwords import LONGEST
from doorbus_web.errors import too_soon
from doorbus_web.parts import PartsOf
from doorbus_web.templating import render

router = APIRouter()


@router.get(LOGIN)
async def login_page(request: Request) -> HTMLResponse:
    """Shows the login."""
    return render(request, "access/login.html", error="", user="")


@router.post(LOGIN)
async def login(
    request: Request,
    parts: PartsOf,
    user: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=LONGEST)] = "",
) -> Response:
    """Signs in: a new session, whatever the browser had before."""
    result = await parts.access.sign_in(user, password, address_of(request))
    match result:
        case SignedIn(session_id):
            end_session(request, parts)
            answer = RedirectResponse("/", status_code=303)
            set_session(request, answer, session_id, parts)
            return answer
        case TooSoon():
            problem = too_soon(result)
            values = {"error": problem.problem.detail, "user": user}
            page = render(request, "access/login.html", status_code=429, **values)
            page.headers.update(problem.headers)
            return page
        case _:
            error = "This user and this password do not go together."
            return render(request, "access/login.html", status_code=401, error=error, user=user)


@router.post("/logout")
async def logout(request: Request, _: Whoever, parts: PartsOf) -> Response:
    """Signs out: the session ends on the server."""
    end_session(request, parts)
    answer = RedirectResponse(LOGIN, status_code=303)
    answer.delete_cookie(cookie_name(request.url.scheme), path="/")
    return answer


def set_session(request: Request, answer: Response, session_id: str, parts: PartsOf) -> None:
    """Gives the browser a session's cookie."""
    secure = request.url.scheme == "https"
    answer.set_cookie(
        cookie_name(request.url.scheme),
        session_id,
        max_age=int(parts.settings.web_session_max_s),
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )


def end_session(request: Request, parts: PartsOf) -> None:
    """Ends the session that a request came with, if it has one."""
    session_id = request.cookies.get(cookie_name(request.url.scheme))
    principal = parts.access.by_session(session_id) if session_id else None
    if principal is not None:
        parts.access.sessions.end(principal.key)


def address_of(request: Request) -> str:
    """Returns the address of the browser; uvicorn takes it from a proxy's header where that proxy is configured."""
    return request.client.host if request.client is not None else ""
