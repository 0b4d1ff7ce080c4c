"""One's own account: the password."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from doorbus_web.access.depends import SignedIn
from doorbus_web.access.guard import PASSWORD_PAGE
from doorbus_web.access.guessing import TooSoon
from doorbus_web.access.pages.login import address_of, set_session
from doorbus_web.access.passwords import complaint
from doorbus_web.errors import too_soon
from doorbus_web.parts import PartsOf
from doorbus_web.problems import ProblemError
from doorbus_web.templating import render

router = APIRouter()

MOST = 1024
"""Longer input is refused unread; `complaint` says in words what a password may be."""


@router.get("/account")
async def account_page(request: Request, who: SignedIn) -> HTMLResponse:
    """Shows who one is."""
    return render(request, "access/account.html", scopes=sorted(who.scopes))


@router.get(PASSWORD_PAGE)
async def password_page(request: Request, _: SignedIn) -> HTMLResponse:
    """Shows the form for a new password."""
    return render(request, "access/password.html", errors={})


@router.post(PASSWORD_PAGE)
async def change_password(
    request: Request,
    who: SignedIn,
    parts: PartsOf,
    current: Annotated[str, Form(max_length=MOST)] = "",
    new: Annotated[str, Form(max_length=MOST)] = "",
    again: Annotated[str, Form(max_length=MOST)] = "",
) -> Response:
    """Changes one's own password; all sessions of the user end, and this browser gets a new one."""
    if who.kind != "user":
        raise ProblemError(403, "forbidden", "a token has no password")
    address, access = address_of(request), parts.access
    errors = {}
    if (why := complaint(new, who.name)) is not None:
        errors["new"] = why
    elif new == current:
        errors["new"] = "must be another one than before"
    elif new != again:
        errors["again"] = "is not the same as the new password"
    if not errors:
        right = await access.confirm(who.name, current, address)
        if isinstance(right, TooSoon):
            raise too_soon(right)
        if not right:
            errors["current"] = "is not your password"
    if errors:
        return render(request, "access/password.html", status_code=422, errors=errors)
    access.users.set_password(who.name, await access.passwords.hash(new), must_change=False)
    answer = RedirectResponse("/", status_code=303)
    set_session(request, answer, access.sessions.begin(who.name, address, access.wall()), parts)
    return answer
