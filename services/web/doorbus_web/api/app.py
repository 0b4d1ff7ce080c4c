"""`/api/v1` and its description: routers, errors as problem details, an OpenAPI document and a page made of it."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response

from doorbus_web.access.csrf import form_token_checked
from doorbus_web.api import description, documents, doors, events, stream, wishes
from doorbus_web.errors import problem_response
from doorbus_web.problems import MEDIA_TYPE, FieldProblem, Problem, ProblemError
from doorbus_web.templating import render

PREFIX = "/api/v1"
ROUTERS: tuple[APIRouter, ...] = (doors.router, wishes.router, documents.router, events.router, stream.router)

_REFUSALS = {
    400: "The request cannot be read.",
    401: "No valid credential.",
    403: "The credential is not for this.",
    404: "There is no such door.",
    413: "The body is too large.",
    422: "A field is wrong; `errors` says which and what is allowed.",
    429: "Too many tries, or too much at once.",
    503: "The bus or the service is not ready: nothing was done.",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text, "content": {MEDIA_TYPE: {}}} for status, text in _REFUSALS.items()
}

log = structlog.get_logger()


def add_api(app: FastAPI) -> None:
    """Adds the API to the site."""
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX, responses=RESPONSES, dependencies=[Depends(form_token_checked)])
    app.add_api_route(f"{PREFIX}/openapi.json", _openapi, methods=["GET"], include_in_schema=False)
    app.add_api_route("/api", _page, methods=["GET"], include_in_schema=False)
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_error)


async def _openapi(request: Request) -> JSONResponse:
    return JSONResponse(description.openapi(request.app))


async def _page(request: Request) -> HTMLResponse:
    operations = description.operations(description.openapi(request.app))
    return render(request, "api.html", operations=operations, spec=f"{PREFIX}/openapi.json")


async def _on_problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, ProblemError):
        raise error
    return problem_response(request.scope, error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    fields = tuple(
        FieldProblem(path=_path(each["loc"]), message=str(each["msg"])[:300]) for each in error.errors()[:20]
    )
    detail = "; ".join(f"{field.path}: {field.message}" for field in fields)
    return problem_response(request.scope, ProblemError(422, "invalid", detail, fields))


async def _on_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    codes = {404: "not_found", 405: "method_not_allowed"}
    code = codes.get(error.status_code, "refused")
    problem = ProblemError(error.status_code, code, str(error.detail), headers=error.headers)
    return problem_response(request.scope, problem)


async def _on_error(request: Request, error: Exception) -> Response:
    log.error("a request failed", path=request.url.path, exc_info=error)
    return problem_response(request.scope, ProblemError(500, "internal", "an error of ours; the log has it"))


def _path(place: tuple[int | str, ...]) -> str:
    """Writes where a field is: `relay`, `buttons[0].input`; the part of the request is left out but for headers."""
    text = ""
    for part in place[1:] or place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
