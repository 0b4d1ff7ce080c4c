"""The call schedule: templates and schedules, one at a time, and which button has which templates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from doorbus.contract.document import to_data
from doorbus.runtime.documents import Document
from doorbus.schedule import evaluate, template_for
from doorbus_web.access.depends import Configurer, Viewer
from doorbus_web.api.doors import KnownDoor
from doorbus_web.forms import entries
from doorbus_web.forms.editing import Form, opened, submitted
from doorbus_web.forms.entries import List
from doorbus_web.pages.stored import document_of, last_writer, posted_of, write
from doorbus_web.parts import Parts, PartsOf
from doorbus_web.problems import FieldProblem, ProblemError
from doorbus_web.templating import render

router = APIRouter(prefix="/doors/{door}/schedule")

KINDS = ("daily", "weekly", "normal")
EntryId = Annotated[str, Path(pattern=r"^[a-z0-9_-]{1,32}$")]
Tag = Annotated[str, Query(max_length=16)]


@router.get("")
async def schedule_page(request: Request, _: Viewer, parts: PartsOf, door: KnownDoor) -> Response:
    """Shows templates, schedules, and what a press would call now."""
    return _page(request, document_of(parts, door))


@router.post("")
async def assign(request: Request, who: Configurer, parts: PartsOf, door: KnownDoor) -> Response:
    """Saves which button has which templates, and the holidays."""
    posted = await posted_of(request)
    document = document_of(parts, door)
    result = submitted(("schedule",), posted, to_data(document.door), document.revision)
    if result.door is None:
        other = last_writer(parts, door, document.revision)
        return _page(request, document, result.form, other, status_code=422 if result.form.said else 200)
    await _write(parts, door, document, result.door, who)
    return _back(door, "assigned")


@router.get("/{of}/new")
async def new_entry(
    request: Request, _: Configurer, parts: PartsOf, door: KnownDoor, of: List, kind: Tag = "weekly"
) -> Response:
    """Shows the form of a new template or schedule."""
    document = document_of(parts, door)
    form = entries.opened(of, to_data(document.door), document.revision, None, kind if kind in KINDS else "weekly")
    return _entry_page(request, door, of, form, None)


@router.post("/{of}/new")
async def add_entry(request: Request, who: Configurer, parts: PartsOf, door: KnownDoor, of: List) -> Response:
    """Adds a template or a schedule."""
    return await _save(request, who, parts, door, of, None)


@router.get("/{of}/{entry}")
async def entry_page(
    request: Request, _: Viewer, parts: PartsOf, door: KnownDoor, of: List, entry: EntryId
) -> Response:
    """Shows a template or a schedule, to look at it or to change it."""
    document = document_of(parts, door)
    _known(document, of, entry)
    return _entry_page(request, door, of, entries.opened(of, to_data(document.door), document.revision, entry), entry)


@router.post("/{of}/{entry}")
async def change_entry(
    request: Request, who: Configurer, parts: PartsOf, door: KnownDoor, of: List, entry: EntryId
) -> Response:
    """Changes a template or a schedule."""
    return await _save(request, who, parts, door, of, entry)


@router.post("/{of}/{entry}/delete")
async def delete_entry(who: Configurer, parts: PartsOf, door: KnownDoor, of: List, entry: EntryId) -> Response:
    """Deletes a template or a schedule."""
    document = document_of(parts, door)
    _known(document, of, entry)
    left, problems = entries.removed(of, to_data(document.door), entry)
    if left is None:
        said = tuple(FieldProblem(path=each.path, message=each.message) for each in problems)
        raise ProblemError(409, "in_use", f"{entry} was not deleted: something still names it", said)
    await _write(parts, door, document, left, who)
    return _back(door, "deleted")


async def _save(request: Request, who: Any, parts: Parts, door: str, of: List, entry: str | None) -> Response:
    document = document_of(parts, door)
    result = entries.submitted(of, await posted_of(request), to_data(document.door), document.revision, entry)
    if result.door is None:
        status_code = 422 if result.form.said else 200
        other = last_writer(parts, door, document.revision)
        return _entry_page(request, door, of, result.form, entry, other, status_code)
    await _write(parts, door, document, result.door, who)
    return _back(door, "added" if entry is None else "changed")


async def _write(parts: Parts, door: str, document: Document, after: Any, who: Any) -> None:
    if not await write(parts, door, after, document.revision, who):
        raise ProblemError(409, "busy", "somebody else saved in the same moment: go back, and save again")


def _known(document: Document, of: List, entry: str) -> None:
    if entry not in {each.id for each in getattr(document.door.schedule, of)}:
        raise ProblemError(404, "unknown_entry", f"there is no {entry} among the {of} (any more)")


def _back(door: str, said: str) -> Response:
    return RedirectResponse(f"/doors/{door}/schedule?said={said}", status_code=303)


def _page(
    request: Request, document: Document, assigned: Form | None = None, other: str = "", status_code: int = 200
) -> Response:
    door, data, now = document.door, to_data(document.door), datetime.now(UTC)
    said = evaluate(door, now)
    presses = [
        (button.input, template_for(door, button.input, said.templates))
        for button in door.buttons
        if button.call is not None and button.call.template_enabled
    ]
    schedules = opened(("schedule",), data, document.revision)
    form = assigned or schedules
    shown = tuple(each for each in form.root.children[0].children if each.name.endswith((".inputs", ".holidays")))
    values: dict[str, Any] = {
        "other": other,
        "door": door.door,
        "schedule": door.schedule,
        "active": said,
        "presses": presses,
        "zone": door.timezone,
        "form": replace(form, root=replace(form.root, children=shown)),
        "new": entries.opened("templates", data, document.revision, None),
        "said": request.query_params.get("said", ""),
    }
    return render(request, "schedule.html", status_code=status_code, **values)


def _entry_page(
    request: Request, door: str, of: List, form: Form, entry: str | None, other: str = "", status_code: int = 200
) -> Response:
    values: dict[str, Any] = {"other": other, "door": door, "of": of, "what": of[:-1], "form": form, "entry": entry}
    return render(request, "entry.html", status_code=status_code, **values)
