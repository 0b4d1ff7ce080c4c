"""A door's document: read, and replaced by compare-and-set (`If-Match`)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from doorbus.contract.document import DocumentError, json_schema, to_json
from doorbus.contract.document.load import load_document
from doorbus.contract.errors import LocalError
from doorbus_web.access.depends import Configurer, Viewer
from doorbus_web.api.doors import KnownDoor
from doorbus_web.api.models import Written
from doorbus_web.doors import ConflictError
from doorbus_web.parts import PartsOf
from doorbus_web.problems import MEDIA_TYPE, FieldProblem, Problem, ProblemError
from doorbus_web.refusals import refused

router = APIRouter(tags=["documents"])

_STATUSES = {
    412: "Somebody else wrote the document since you read it; theirs stands.",
    428: "`If-Match` is missing.",
    504: "The store did not answer: the document may have been written or not.",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text, "content": {MEDIA_TYPE: {}}} for status, text in _STATUSES.items()
}
_SCHEMA = {"schema": {"type": "object", "description": "The document, as `doorbus apply` takes it."}}


def etag(revision: int) -> str:
    """Returns a revision as an entity tag."""
    return f'"{revision}"'


@router.get(
    "/doors/{door}/document", response_class=Response, responses={200: {"content": {"application/json": _SCHEMA}}}
)
async def get_document(_: Viewer, parts: PartsOf, door: KnownDoor) -> Response:
    """Returns the document with all its fields; secrets stand in it as references only. `ETag` is its revision."""
    document = parts.doors.get(door)
    if document is None:
        raise ProblemError(404, "unknown_door", "door: it has gone just now")
    headers = {"ETag": etag(document.revision)}
    return Response(to_json(document.door), headers=headers, media_type="application/json")


@router.put(
    "/doors/{door}/document",
    responses=RESPONSES,
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": _SCHEMA, "application/yaml": _SCHEMA}}
    },
)
async def put_document(
    request: Request,
    response: Response,
    who: Configurer,
    parts: PartsOf,
    door: KnownDoor,
    if_match: Annotated[
        str, Header(max_length=64, description="The revision that you have read, as `ETag` says it.")
    ] = "",
) -> Written:
    """Replaces the document, whole, or refuses it with every mistake at its path. Needs `configure`."""
    if not if_match:
        raise ProblemError(428, "precondition_required", "If-Match: must be the revision that you have read")
    before = parts.doors.get(door)
    if before is None or if_match.removeprefix("W/") != etag(before.revision):
        raise _conflict(before.revision if before is not None else 0)
    try:
        document = load_document(await request.body())
    except DocumentError as error:
        problems = tuple(FieldProblem(path=each.path, message=each.message) for each in error.problems)
        raise ProblemError(
            422, "invalid_document", f"{len(problems)} mistakes, nothing was written", problems
        ) from None
    if document.door != door:
        message = f"must be {door}, as the path says"
        raise ProblemError(422, "invalid_document", f"door: {message}", (FieldProblem(path="door", message=message),))
    try:
        revision = await parts.doors.write(door, document, before.revision, who.by)
    except ConflictError as error:
        raise _conflict(error.revision) from None
    except LocalError as error:
        raise refused(error.code, error.message) from None
    response.headers["ETag"] = etag(revision)
    return Written(revision=revision, changed=revision != before.revision)


@router.get("/document-schema")
async def document_schema(_: Viewer) -> dict[str, Any]:
    """Returns the JSON Schema of documents."""
    return json_schema()


def _conflict(revision: int) -> ProblemError:
    now = f": revision {revision} stands" if revision else ""
    return ProblemError(412, "conflict", f"If-Match: the document was changed by somebody else{now}; read it again")
