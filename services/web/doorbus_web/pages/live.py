"""Live: the door as it is now, and what an operator may do with it. Web call: calling from here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from doorbus.contract.document import Door
from doorbus.contract.document.actions import RelayAction
from doorbus.contract.document.io import DoorContact, ExitButton
from doorbus.contract.document.numbers import NumberKind, kind_of
from doorbus_web.access.depends import SignedIn, Viewer
from doorbus_web.access.model import Principal
from doorbus_web.api.doors import KnownDoor
from doorbus_web.commands import Asked
from doorbus_web.pages.stored import document_of
from doorbus_web.parts import Parts, PartsOf
from doorbus_web.problems import ProblemError
from doorbus_web.templating import render

router = APIRouter(prefix="/doors/{door}")

SAID = {
    "unlock": "The door was told to open.",
    "hangup": "The call was told to end.",
    "press": "The button was pressed.",
    "dnd": "Do not disturb was switched.",
    "call": "The door is calling.",
}
Short = Annotated[str, Form(max_length=64)]
DIRECT = "ip"


@router.get("")
async def live_page(request: Request, _: Viewer, parts: PartsOf, door: KnownDoor) -> Response:
    """Shows the door as it is now."""
    return _page(request, parts, door, "live.html")


@router.get("/now")
async def now(request: Request, _: Viewer, parts: PartsOf, door: KnownDoor) -> Response:
    """Returns what changes of the page, for a page that is open."""
    return _page(request, parts, door, "live_now.html")


@router.post("/do/{what}")
async def do(
    request: Request,
    who: SignedIn,
    parts: PartsOf,
    door: KnownDoor,
    what: str,
    relay: Short = "",
    input_id: Annotated[str, Form(alias="input", max_length=64)] = "",
    call: Short = "",
    account: Short = "",
    enabled: Short = "",
    back: Short = "",
) -> Response:
    """Does what a button of the pages asks for, and goes back there."""
    asked, wishes = Asked(who), parts.wishes
    page = "call" if back == "call" else "live"
    wished: dict[str, Callable[[], Awaitable[object]]] = {
        "unlock": lambda: wishes.unlock(door, asked, relay or None),
        "hangup": lambda: wishes.hang_up(door, asked, call or None),
        "press": lambda: wishes.press(door, asked, input_id),
        "dnd": lambda: wishes.dnd(door, asked, enabled == "on", account or None),
    }
    if what not in wished:
        raise ProblemError(404, "unknown_page", "there is no such page")
    try:
        await wished[what]()
    except ProblemError as error:
        if error.problem.status in (403, 404):
            raise
        return _page(request, parts, door, f"{page}.html", error.problem.status, error=error.problem.detail)
    return RedirectResponse(f"/doors/{door}{'/call' if page == 'call' else ''}?said={what}", status_code=303)


@router.get("/call")
async def call_page(request: Request, _: Viewer, parts: PartsOf, door: KnownDoor) -> Response:
    """Shows the form to call somebody from the door."""
    return _page(request, parts, door, "call.html")


@router.get("/call/now")
async def call_now(request: Request, _: Viewer, parts: PartsOf, door: KnownDoor) -> Response:
    """Returns the state of the call, for a page that is open."""
    return _page(request, parts, door, "call_now.html")


@router.post("/call")
async def dial(
    request: Request,
    who: SignedIn,
    parts: PartsOf,
    door: KnownDoor,
    to: Annotated[str, Form(max_length=256)] = "",
    account: Short = "",
) -> Response:
    """Has the door call a number or an address."""
    to = to.strip()
    wrong = _wrong(to, account)
    if wrong:
        return _page(request, parts, door, "call.html", 422, wrong=wrong, to=to, account=account)
    try:
        await parts.wishes.call(door, Asked(who), to, None if account == DIRECT else account or None)
    except ProblemError as error:
        if error.problem.status in (403, 404):
            raise
        values = {"wrong": error.problem.detail, "to": to, "account": account}
        return _page(request, parts, door, "call.html", error.problem.status, **values)
    return RedirectResponse(f"/doors/{door}/call?said=call", status_code=303)


def _wrong(to: str, account: str) -> str:
    kind = kind_of(to)
    if kind is None:
        return "Enter a number (101), an IP address (192.0.2.7) or a SIP address (sip:101@192.0.2.7)."
    if kind is NumberKind.DIGITS and account == DIRECT:
        return "A number needs an account: choose one, or enter an IP or SIP address."
    return ""


def _opens(document: Door) -> set[str]:
    """Returns the relays that open a door, as far as the document tells; others switch a lamp or the like."""
    named = {each.relay for each in document.io.inputs if isinstance(each, ExitButton | DoorContact)}
    named |= {each.relay for each in document.calls.unlock_codes}
    switched = {each.relay for each in document.actions if isinstance(each, RelayAction)}
    return named or {relay.id for relay in document.io.relays} - switched


def _page(request: Request, parts: Parts, door: str, template: str, status_code: int = 200, **values: Any) -> Response:
    document = document_of(parts, door).door
    who: Principal = request.state.principal
    live = parts.hub.live(door)
    given = {
        "door": door,
        "live": live,
        "document": document,
        "zone": document.timezone,
        "may": {scope: who.may(scope, door) for scope in ("call", "press", "dnd")},
        "may_open": [relay.id for relay in document.io.relays if who.may(f"unlock:{relay.id}", door)],
        "opens": _opens(document),
        "said": SAID.get(request.query_params.get("said", ""), ""),
        "error": "",
        "wrong": "",
        "to": "",
        "account": "",
    }
    return render(request, template, status_code=status_code, **{**given, **values})
