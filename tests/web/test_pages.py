"""Every page, without a bus: it is drawn for every role, and well made as far as its HTML tells."""

from __future__ import annotations

from typing import Any

import pytest
from tests.web.browser_form import Page
from tests.web.test_forms_roundtrip import EXAMPLES
from tests.web.world import Site

from doorbus.contract.catalog import EVENT_OF_TYPE
from doorbus.contract.document.load import load_document
from doorbus.runtime.documents import Document
from doorbus_web.access.model import Role
from doorbus_web.live.inputs import DocumentRead
from doorbus_web.pages.events import KINDS

DOOR = "/doors/front"
PAGES = (
    "/",
    DOOR,
    f"{DOOR}/call",
    f"{DOOR}/settings/calls",
    f"{DOOR}/settings/buttons",
    f"{DOOR}/settings/multicast",
    f"{DOOR}/settings/hardware",
    f"{DOOR}/schedule",
    f"{DOOR}/schedule/templates/day",
    f"{DOOR}/schedule/schedules/office",
    f"{DOOR}/events",
    f"{DOOR}/system",
    f"{DOOR}/document",
    "/account",
    "/account/password",
    "/api",
)
FOR_ADMINS = (f"{DOOR}/schedule/templates/new", f"{DOOR}/schedule/schedules/new?kind=normal", "/users", "/tokens")


def full(web: Site) -> Site:
    """Gives the site the example with every field."""
    document = Document(load_document((EXAMPLES / "door.yaml").read_bytes()), 8)
    web.parts.doors.take("front", document)
    web.parts.hub.put("front", DocumentRead(document.door, document.revision))
    return web


@pytest.mark.parametrize("role", list(Role))
async def test_every_page_is_drawn_and_well_made(web: Site, role: Role) -> None:
    """For every role: an answer, one h1 and headings in order, unique ids, a label for every control."""
    browser = await full(web).signed_in(role)
    for path in (*PAGES, *(FOR_ADMINS if role is Role.ADMIN else ())):
        answer = await browser.get(path)
        assert (path, answer.status_code) == (path, 200)
        assert (path, faults(answer.text)) == (path, [])


async def test_a_page_for_admins_is_refused_in_words(web: Site) -> None:
    """An operator who asks for a form of admins gets a page that says what it takes."""
    browser = await full(web).signed_in(Role.OPERATOR)
    answer = await browser.get(FOR_ADMINS[0])

    assert answer.status_code == 403
    assert "this needs configure" in answer.text
    assert faults(answer.text) == []


def test_every_kind_of_event_can_be_searched_for() -> None:
    """The search offers each domain that the contract has, but what only programs care about."""
    assert {kind.domain for kind in EVENT_OF_TYPE.values()} - set(KINDS) == {"message", "directory"}


def faults(html: str) -> list[str]:
    """Returns what is wrong with a page: what axe would say, as far as it needs no browser."""
    page, found = Page(html), []
    found += [f"id {each} twice" for each in sorted({each for each in page.ids if page.ids.count(each) > 1})]
    found += [f"nothing has the id {each}" for each in page.described if each not in page.ids]
    found += [f"no label: {each}" for each in page.controls if not _labelled(page, *each)]
    if page.headings.count(1) != 1:
        found.append(f"{page.headings.count(1)} h1")
    steps = zip(page.headings, page.headings[1:], strict=False)
    found += [f"h{after} after h{before}" for before, after in steps if after > before + 1]
    if '<html lang="en"' not in html or "<title>" not in html:
        found.append("no language or title")
    return found


def _labelled(page: Page, tag: str, attributes: dict[str, Any], inside: bool) -> bool:
    named = bool(attributes.get("aria-label")) or inside or attributes.get("id") in page.labels
    return named or attributes.get("type") in ("submit", "button")
