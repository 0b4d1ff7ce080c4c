"""The whole document as text, for experts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from doorbus.contract.document import DocumentError, to_data
from doorbus.contract.document.load import load_document
from doorbus.contract.document.problems import Problem
from doorbus_web.access.depends import Configurer, Viewer
from doorbus_web.api.doors import KnownDoor
from doorbus_web.forms.editing import BASE, carried, in_words
from doorbus_web.forms.merge import merge
from doorbus_web.forms.tree import tree
from doorbus_web.forms.yaml_text import yaml_text
from doorbus_web.pages.stored import document_of, last_writer, posted_of, write
from doorbus_web.parts import PartsOf
from doorbus_web.problems import ProblemError
from doorbus_web.templating import render

router = APIRouter(prefix="/doors/{door}/document")

PARTS = tuple(field.name for field in tree().fields)


@dataclass(frozen=True)
class Text:
    """The text as it is shown; see `forms.editing.Form`."""

    text: str
    base: dict[str, Any]
    revision: int
    problems: tuple[Problem, ...] = ()
    theirs: tuple[str, ...] = ()
    clashes: tuple[str, ...] = ()


@router.get("")
async def document_page(request: Request, _: Viewer, parts: PartsOf, door: KnownDoor) -> Response:
    """Shows the text."""
    document = document_of(parts, door)
    data = to_data(document.door)
    shown = Text(yaml_text(data), data, document.revision)
    return _page(request, door, shown, saved="saved" in request.query_params)


@router.post("")
async def save_document(request: Request, who: Configurer, parts: PartsOf, door: KnownDoor) -> Response:
    """Saves the text, or shows it again with all that is wrong, or put together with somebody else's change."""
    posted, document = await posted_of(request), document_of(parts, door)
    current = to_data(document.door)
    base = carried(posted, PARTS, current)
    text = posted.get("text", ("",))[-1].replace("\r\n", "\n")
    try:
        mine = load_document(text)
    except DocumentError as error:
        return _page(request, door, Text(text, base, document.revision, error.problems), status_code=422)
    if base != current:
        merged = merge(base, to_data(mine), current)
        theirs = in_words(PARTS, current, merged.changed)
        clashes = tuple(clash.path for clash in merged.clashes)
        both = Text(yaml_text(merged.data), current, document.revision, theirs=theirs, clashes=clashes)
        return _page(request, door, both, other=last_writer(parts, door, document.revision))
    if await write(parts, door, mine, document.revision, who):
        return RedirectResponse(f"/doors/{door}/document?saved", status_code=303)
    raise ProblemError(409, "busy", "somebody else saved in the same moment: go back, and save again")


def _page(
    request: Request, door: str, shown: Text, *, saved: bool = False, other: str = "", status_code: int = 200
) -> Response:
    values: dict[str, Any] = {
        "other": other,
        "door": door,
        "shown": shown,
        "base": shown.base,
        "base_name": BASE,
        "saved": saved,
    }
    return render(request, "document.html", status_code=status_code, **values)
