"""Pages from templates: `render(request, "live.html", door=…)`. What every page needs is added here."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from doorbus_web.access.model import Principal
from doorbus_web.moments import clock, how_long
from doorbus_web.parts import parts_of

HERE = Path(__file__).parent
THEMES = ("auto", "light", "dark")
THEME_COOKIE = "doorbus_theme"

environment = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
environment.globals.update({"theme": "auto", "door": None, "bus_connected": True, "csrf": ""})
environment.filters.update({"clock": clock, "how_long": how_long})


def principal_of(request: Request) -> Principal | None:
    """Returns who asks, None for nobody yet (the login page)."""
    return cast("Principal | None", getattr(request.state, "principal", None))


def theme_of(request: Request) -> str:
    """Returns the colours that the browser's owner chose: `auto`, `light` or `dark`."""
    theme = request.cookies.get(THEME_COOKIE, "")
    return theme if theme in THEMES else "auto"


def render(request: Request, template: str, /, status_code: int = 200, **values: Any) -> HTMLResponse:
    """Returns a page.

    Every template sees `principal` (None at the login), `csrf` (for `<input type="hidden" name="csrf">`), `path`,
    `doors` (names), `bus_connected`, `theme`, and `door` (None where a page is of none).
    """
    parts, principal = parts_of(request), principal_of(request)
    given = {
        "request": request,
        "principal": principal,
        "csrf": principal.csrf if principal is not None else "",
        "path": request.url.path,
        "doors": parts.doors.names(),
        "bus_connected": parts.bus.connected,
        "theme": theme_of(request),
        "door": None,
    }
    page = environment.get_template(template).render({**given, **values})
    return HTMLResponse(page, status_code=status_code)
