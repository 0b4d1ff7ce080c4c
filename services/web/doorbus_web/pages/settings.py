"""The forms of a door's document, a page for each group of parts."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from doorbus.contract.document import to_data
from doorbus_web.access.depends import Configurer, Viewer
from doorbus_web.api.doors import KnownDoor
from doorbus_web.forms.editing import Form, opened, submitted
from doorbus_web.pages.stored import document_of, last_writer, posted_of, write
from doorbus_web.parts import PartsOf
from doorbus_web.problems import ProblemError
from doorbus_web.templating import render

router = APIRouter()


@dataclass(frozen=True)
class Section:
    """A page.

    Attributes:
        title: of the page.
        sentence: under the title: what this is, for somebody who has never seen a door phone.
        parts: of the document.
    """

    title: str
    sentence: str
    parts: tuple[str, ...]


SECTIONS = {
    "calls": Section(
        "Call features",
        "How the door treats calls: how long they may last, when it refuses them (Do Not Disturb), whether it answers "
        "by itself, and what ends a call.",
        ("calls",),
    ),
    "buttons": Section(
        "Buttons and actions",
        "What happens when somebody presses a button: whom the door calls, and the messages it sends or relays it "
        "switches.",
        ("buttons", "actions"),
    ),
    "multicast": Section(
        "Multicast",
        "Announcements that are sent to many loudspeakers at once: the addresses this door listens to, the most "
        "important first.",
        ("multicast",),
    ),
    "hardware": Section(
        "Accounts and hardware",
        "The SIP accounts the door calls with, its buttons, contacts and relays, its loudspeaker, microphone and "
        "camera.",
        ("timezone", "sip", "io", "audio", "camera"),
    ),
}


@router.get("/doors/{door}/settings/{name}")
async def settings_page(request: Request, _: Viewer, parts: PartsOf, door: KnownDoor, name: str) -> Response:
    """Shows a form."""
    section, document = _section(name), document_of(parts, door)
    form = opened(section.parts, to_data(document.door), document.revision)
    return _page(request, door, name, form, saved="saved" in request.query_params)


@router.post("/doors/{door}/settings/{name}")
async def save_settings(request: Request, who: Configurer, parts: PartsOf, door: KnownDoor, name: str) -> Response:
    """Saves a form, or shows it again with all that is wrong, or with what somebody else changed meanwhile."""
    section, posted = _section(name), await posted_of(request)
    for _ in range(2):
        document = document_of(parts, door)
        result = submitted(section.parts, posted, to_data(document.door), document.revision)
        if result.door is None:
            other = last_writer(parts, door, document.revision)
            status_code = 422 if result.form.said else 200
            return _page(request, door, name, result.form, other=other, status_code=status_code)
        if await write(parts, door, result.door, document.revision, who):
            return RedirectResponse(f"/doors/{door}/settings/{name}?saved", status_code=303)
    raise ProblemError(409, "busy", "others keep changing this document just now: go back, and save again")


def _section(name: str) -> Section:
    if name not in SECTIONS:
        raise ProblemError(404, "unknown_page", "there is no such page")
    return SECTIONS[name]


def _page(
    request: Request, door: str, name: str, form: Form, *, saved: bool = False, other: str = "", status_code: int = 200
) -> Response:
    values = {"door": door, "section": SECTIONS[name], "form": form, "saved": saved, "other": other}
    return render(request, "settings.html", status_code=status_code, **values)
