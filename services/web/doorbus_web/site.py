"""The site: which routers there are, and what every request passes.

From outside to inside: security headers, the limit of bodies, the guard (nobody gets further without a login), the
routers. Pages' routers check the CSRF token of every form; `/api/v1` takes it as a header from browsers.
"""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI
from starlette.staticfiles import StaticFiles

from doorbus_web.access.csrf import form_token_checked
from doorbus_web.access.guard import Guard
from doorbus_web.access.headers import SecurityHeaders
from doorbus_web.access.limits import BodyLimit
from doorbus_web.access.pages import account, login, tokens, users
from doorbus_web.api.app import add_api
from doorbus_web.pages import routers
from doorbus_web.parts import Parts
from doorbus_web.templating import HERE

OWN_PAGES: tuple[APIRouter, ...] = (login.router, account.router, users.router, tokens.router)


def site(parts: Parts) -> FastAPI:
    """Returns the application."""
    app = FastAPI(title="Doorbus", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.parts = parts
    add_api(app)
    for router in (*OWN_PAGES, *routers.ROUTERS):
        app.include_router(router, dependencies=[Depends(form_token_checked)], include_in_schema=False)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.add_middleware(Guard, parts=parts)  # the last one added is the outermost
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders)
    return app
