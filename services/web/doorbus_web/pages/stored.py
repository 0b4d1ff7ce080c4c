"""A door's stored document as the forms take it, and writing what a form made."""

from __future__ import annotations

from starlette.requests import Request

from doorbus.contract.document import Door
from doorbus.contract.errors import LocalError
from doorbus.contract.services import DocumentChanged
from doorbus.runtime.documents import Document
from doorbus_web.access.model import Principal
from doorbus_web.doors import ConflictError
from doorbus_web.forms.post import Posted
from doorbus_web.parts import Parts
from doorbus_web.problems import ProblemError
from doorbus_web.refusals import refused


def document_of(parts: Parts, door: str) -> Document:
    """Returns the document. Raises ProblemError 404."""
    document = parts.doors.get(door)
    if document is None:
        raise ProblemError(404, "unknown_door", "there is no such door")
    return document


def last_writer(parts: Parts, door: str, revision: int) -> str:
    """Returns who wrote a revision of the document, as far as the last events tell; else "Somebody else"."""
    for event in parts.hub.live(door).events:
        data = event.data
        if event.type == DocumentChanged.type_name() and data.get("revision") == revision and data.get("by"):
            return str(data["by"])
    return "Somebody else"


async def posted_of(request: Request) -> Posted:
    """Returns all that was posted, every value of each name."""
    posted: dict[str, list[str]] = {}
    for name, value in (await request.form()).multi_items():
        if isinstance(value, str):
            posted.setdefault(name, []).append(value)
    return posted


async def write(parts: Parts, door: str, document: Door, revision: int, who: Principal) -> bool:
    """Writes a document over a revision. Returns False where somebody else wrote in between.

    Raises:
        ProblemError: the store does not answer, or the document is another door's.
    """
    if document.door != door:
        raise ProblemError(422, "other_door", f"door: must stay {door}; another door has a document of its own")
    try:
        await parts.doors.write(door, document, revision, who.by)
    except ConflictError:
        return False
    except LocalError as error:
        raise refused(error.code, error.message) from None
    return True
