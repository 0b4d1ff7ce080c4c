"""Users: for admins. A new user, and one whose password was reset, gets a one-time password, shown once."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from doorbus_web.access.depends import Admin
from doorbus_web.access.model import Role
from doorbus_web.access.passwords import one_time_password
from doorbus_web.access.users import UserError
from doorbus_web.parts import Parts, PartsOf
from doorbus_web.problems import ProblemError
from doorbus_web.templating import render

router = APIRouter()
log = structlog.get_logger()

RoleField = Annotated[str, Form(max_length=16)]


@router.get("/users")
async def users_page(request: Request, _: Admin, parts: PartsOf) -> HTMLResponse:
    """Shows all users."""
    return _page(request, parts)


@router.post("/users")
async def add_user(
    request: Request, who: Admin, parts: PartsOf, name: Annotated[str, Form(max_length=64)] = "", role: RoleField = ""
) -> HTMLResponse:
    """Adds a user and shows the one-time password."""
    name, password = name.strip().lower(), one_time_password()
    try:
        hash_ = await parts.access.passwords.hash(password)
        parts.access.users.add(name, _role(role), hash_, parts.access.wall(), must_change=True)
    except UserError as error:
        return _page(request, parts, str(error))
    log.info("a user was added", user=name, role=role, by=who.name)
    return _page(request, parts, made=(name, password))


@router.post("/users/{name}/role")
async def change_role(request: Request, who: Admin, parts: PartsOf, name: str, role: RoleField = "") -> Response:
    """Gives a user another role."""
    _existing(parts, name)
    try:
        parts.access.users.set_role(name, _role(role))
    except UserError as error:
        return _page(request, parts, str(error))
    log.info("a user has another role", user=name, role=role, by=who.name)
    return RedirectResponse("/users", status_code=303)


@router.post("/users/{name}/reset")
async def reset_password(request: Request, who: Admin, parts: PartsOf, name: str) -> HTMLResponse:
    """Gives a user a one-time password and shows it."""
    _existing(parts, name)
    password = one_time_password()
    parts.access.users.set_password(name, await parts.access.passwords.hash(password), must_change=True)
    log.info("a user's password was reset", user=name, by=who.name)
    return _page(request, parts, made=(name, password))


@router.post("/users/{name}/remove")
async def remove_user(request: Request, who: Admin, parts: PartsOf, name: str) -> Response:
    """Removes a user."""
    _existing(parts, name)
    try:
        parts.access.users.remove(name)
    except UserError as error:
        return _page(request, parts, str(error))
    log.info("a user was removed", user=name, by=who.name)
    return RedirectResponse("/users", status_code=303)


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise UserError(f"role: must be one of {', '.join(Role)}") from None


def _existing(parts: Parts, name: str) -> None:
    if parts.access.users.get(name) is None:
        raise ProblemError(404, "unknown_user", "there is no such user")


def _page(request: Request, parts: Parts, error: str = "", made: tuple[str, str] | None = None) -> HTMLResponse:
    values = {"users": parts.access.users.all(), "roles": list(Role), "error": error, "made": made}
    return render(request, "access/users.html", status_code=422 if error else 200, **values)
