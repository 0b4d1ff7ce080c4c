"""Who may come in, as dependencies of a page or an endpoint: `async def page(request: Request, who: Operator)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import Request

from doorbus_web.access.model import Principal
from doorbus_web.problems import ProblemError


def signed_in(request: Request) -> Principal:
    """Returns who asks; the guard lets nobody else get here."""
    return cast("Principal", request.state.principal)


def needs(scope: str) -> Callable[[Request], Principal]:
    """Returns a dependency that refuses with 403 whoever has not `scope`, at the path's door where there is one."""

    def check(request: Request) -> Principal:
        principal = signed_in(request)
        door = request.path_params.get("door")
        if not principal.may(scope, door):
            raise ProblemError(403, "forbidden", f"this needs {scope}{f' at door {door}' if door else ''}")
        return principal

    return check


SignedIn = Annotated[Principal, Depends(signed_in)]
Viewer = Annotated[Principal, Depends(needs("read"))]
Operator = Annotated[Principal, Depends(needs("call"))]
"""A person who may call and open; tokens are asked for the scope that an endpoint needs."""
Configurer = Annotated[Principal, Depends(needs("configure"))]
Admin = Annotated[Principal, Depends(needs("admin"))]
