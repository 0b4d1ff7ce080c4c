"""The live page and its stream: what happens at the door, on the line and on the wire, is seen within a second."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.async_api import Page, expect
from tests.features.conftest import NewPhone
from tests.features.console import SLOW_S, WITHIN_S, Console, Heard, listening, soonest
from tests.features.doors import ACCOUNT, BUTTON, CODE, GATE, document, show

from doorbus_testkit.behaviour import Answer
from doorbus_testkit.polling import eventually
from doorbus_testkit.registrar import Registrar
from doorbus_testkit.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEB = True


def _changes(heard: list[Heard], part: str) -> list[Any]:
    return [each.data["changed"][part] for each in heard if each.event == "change" and part in each.data["changed"]]


@pytest.mark.feature("web.live")
async def test_the_stream_tells_what_happens(door: Stack, console: Console, phone: NewPhone) -> None:
    """First the whole picture; then a press, the call that it makes, and an unlock, each within a second."""
    callee = await phone(Answer(0.2))
    await door.apply(document([callee.uri]))
    async with listening(console.admin) as heard:
        first = await eventually(lambda: heard[0] if heard else None, what="the picture comes")
        assert (first.event, first.data["door"], first.data["calls"]) == ("state", "front", [])
        assert [(each["relay"], each["energised"]) for each in first.data["relays"]] == [
            ("gate", False),
            ("lamp", False),
        ]

        edge = await door.chip.press(BUTTON)
        pressed = await eventually(
            lambda: next((each for each in heard if _is_pressed(each)), None), SLOW_S, 0.005, "the press is shown"
        )
        show("edge of the button to the stream", pressed.at - edge)
        assert pressed.at - edge < WITHIN_S
        call = await callee.wait_call()
        await call.wait("acknowledged")
        stages = await eventually(
            lambda: _stages(heard) if "answered" in _stages(heard) else None, what="it is answered"
        )
        assert stages[0] == "dialing"
        assert (await console.admin.post("/api/v1/doors/front/unlock", json={"relay": "gate"})).status_code == 202
        energised = await door.chip.wait_level(GATE, 1)
        shown = await eventually(
            lambda: next((each for each in heard if _is_open(each)), None), SLOW_S, 0.005, "the open gate is shown"
        )
        show("relay's line to the stream", shown.at - energised)
        assert shown.at - energised < WITHIN_S
        call.bye()
        ended = await eventually(lambda: next(iter(_changes(heard, "last_call")), None), what="the end is shown")
        assert ended["reason"] == "remote_hangup"
        picture = (await console.admin.get("/api/v1/doors/front")).json()
        assert (picture["calls"], picture["last_call"]["call"]) == ([], ended["call"])


def _is_pressed(heard: Heard) -> bool:
    return any(each["active"] for part in _changes([heard], "inputs") for each in part if each["input"] == "button1")


def _is_open(heard: Heard) -> bool:
    return any(each["energised"] for part in _changes([heard], "relays") for each in part if each["relay"] == "gate")


def _stages(heard: list[Heard]) -> list[str]:
    return [each["stage"] for part in _changes(heard, "calls") for each in part]


@pytest.mark.feature("web.live")
async def test_a_viewer_that_was_cut_off_goes_on(door: Stack, console: Console) -> None:
    """With the id of its last message a viewer gets exactly what it missed, then what is new."""
    await door.apply(document())
    async with listening(console.admin) as heard:
        await eventually(lambda: heard, what="the picture comes")
        await console.admin.put("/api/v1/doors/front/dnd", json={"enabled": True})
        await eventually(lambda: _changes(heard, "dnd"), what="DND is shown")
        last = heard[-1].id
    await console.admin.put("/api/v1/doors/front/dnd", json={"enabled": False})
    await door.event("dnd.changed", enabled=False)
    async with listening(console.admin, last_id=last) as again:
        await eventually(lambda: _changes(again, "dnd"), what="what was missed comes")
        assert "state" not in {each.event for each in again}
        assert _changes(again, "dnd") == [[]]


@pytest.mark.feature("web.live")
async def test_a_revoked_viewer_is_shown_nothing_more(door: Stack, console: Console) -> None:
    """When its token is revoked, an open live view ends by itself."""
    async with await console.program("read") as viewer, viewer.stream("GET", "/api/v1/doors/front/stream") as answer:
        assert answer.status_code == 200
        page = (await console.admin.get("/tokens")).text
        token = page.rsplit('action="/tokens/', 1)[1].split("/revoke", 1)[0]
        assert (await console.admin.post(f"/tokens/{token}/revoke")).status_code == 303
        started = time.monotonic()
        async for _ in answer.aiter_bytes():
            assert time.monotonic() - started < 30
        refused = await viewer.get("/api/v1/doors/front")
        assert refused.status_code == 401


def _card(page: Page, title: str) -> Any:
    return page.get_by_role("region", name=title, exact=True)


@pytest.mark.feature("web.live")
async def test_the_page_follows_the_door(door: Stack, console: Console, phone: NewPhone, page: Page) -> None:
    """In a browser: button, relay, call and events change by themselves, the button within a second of its edge."""
    callee = await phone(Answer(0.2))
    await door.apply(document([callee.uri]))
    await page.goto("/doors/front")
    button = _card(page, "Buttons and contacts").get_by_role("listitem").filter(has_text="button1")
    await expect(button).to_contain_text("not pressed")

    async def hold() -> float:
        edge = await door.chip.set(BUTTON, 0)
        await button.get_by_text("pressed", exact=True).wait_for(timeout=SLOW_S * 1000)
        shown = time.monotonic() - edge
        await door.chip.set(BUTTON, 1)
        await button.get_by_text("not pressed", exact=True).wait_for(timeout=SLOW_S * 1000)
        return shown

    await soonest("edge of the button to the browser's page", hold)
    call = await callee.wait_call()
    await call.wait("acknowledged")
    await expect(_card(page, "Call")).to_contain_text("talking")
    gate = _card(page, "Doors and relays").get_by_role("listitem").filter(has_text="gate")
    assert (await console.admin.post("/api/v1/doors/front/unlock", json={"relay": "gate"})).status_code == 202
    await gate.get_by_text("open by web/admin").wait_for(timeout=SLOW_S * 1000)
    await expect(_card(page, "Last events")).to_contain_text("gate opens (http by web/admin)")
    call.bye()
    await expect(_card(page, "Call")).to_contain_text("the other side hung up")


@pytest.mark.feature("web.live")
async def test_a_registration_is_shown(door: Stack, phone: NewPhone, page: Page) -> None:
    """An account of a new document that registers becomes registered on the open page."""
    server = await phone(user="server", host="127.0.0.4")
    Registrar(server, {"door": CODE})
    uri, password = f"sip:127.0.0.4:{server.port}", {"env": "DOORBUS_SECRET_GATE"}
    account = {"id": "office", "aor": "sip:door@127.0.0.4", "registrar": uri, "username": "door", "password": password}
    await page.goto("/doors/front")
    await door.apply(document(accounts=(ACCOUNT, account)))
    office = _card(page, "SIP accounts").get_by_role("listitem").filter(has_text="office")
    await expect(office.get_by_text("registered", exact=True)).to_be_visible(timeout=SLOW_S * 1000)


@pytest.mark.feature("web.live")
async def test_without_the_bus_the_page_says_so(door: Stack, console: Console, page: Page) -> None:
    """The bus dies: the open page says so, an unlock is refused at once, and all comes back by itself."""
    await door.apply(document())
    await page.goto("/doors/front")
    door.up.stall()  # so that nobody starts it again
    try:
        door.process("nats").kill()
        await expect(page.get_by_text("The bus is gone").first).to_be_visible(timeout=SLOW_S * 1000)
        refused = await console.admin.post("/api/v1/doors/front/unlock", json={"relay": "gate"})
        assert (refused.status_code, refused.json()["code"]) == (503, "not_connected")
        assert (await console.admin.get("/api/v1/doors/front")).json()["bus"] is False
    finally:
        door.up.resume()

    async def opens() -> bool:
        return (await console.admin.post("/api/v1/doors/front/unlock", json={"relay": "gate"})).status_code == 202

    await eventually(opens, 30, 0.5, what="the gate can be opened again")
    await expect(page.get_by_text("The bus is gone")).to_have_count(0, timeout=SLOW_S * 1000)
