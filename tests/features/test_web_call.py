"""Web call: a person in a real browser, the far phone on the wire."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect
from tests.features.conftest import NewPhone
from tests.features.doors import ACCOUNT, CODE, document

from doorbus_testkit.behaviour import Manual, Refuse
from doorbus_testkit.registrar import Registrar
from doorbus_testkit.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEB = True
SOON_MS = 10_000.0


async def _dial(page: Page, account: str, number: str) -> None:
    await page.goto("/doors/front/call")
    await page.get_by_label("Account").select_option(account)
    await page.get_by_label("IP or SIP number").fill(number)
    await page.get_by_role("button", name="Dial Out").click()


async def _shows(page: Page, text: str) -> None:
    await expect(page.get_by_role("region", name="State", exact=True)).to_contain_text(text, timeout=SOON_MS)


@pytest.mark.feature("web.call")
async def test_a_registered_account_calls_and_hangs_up(door: Stack, phone: NewPhone, page: Page) -> None:
    """Account, number, Dial Out: the phone behind the registrar rings, picks up, and gets BYE upon Hang up."""
    far = await phone(Manual(), user="server", host="127.0.0.4")
    Registrar(far, {"door": CODE})
    registrar = f"sip:127.0.0.4:{far.port}"
    office = {
        "id": "office",
        "aor": "sip:door@127.0.0.4",
        "registrar": registrar,
        "proxy": registrar,
        "username": "door",
        "password": {"env": "DOORBUS_SECRET_GATE"},
    }
    await door.apply(document(accounts=(ACCOUNT, office)))
    await door.event("account.registered", account="office")
    await _dial(page, "office", "101")
    call = await far.wait_call()
    assert "101" in call.invite.uri
    await _shows(page, "dialing")
    call.respond(180)
    await _shows(page, "ringing")
    call.respond(200)
    await call.wait("acknowledged")
    await _shows(page, "talking")
    await page.get_by_role("button", name="Hang up").click()
    await call.wait("ended")
    assert call.ended_by == "bye"
    assert (await door.event("call.ended")).data["reason"] == "local_hangup"
    await _shows(page, "No call")


@pytest.mark.feature("web.call")
async def test_a_sip_address_is_called_directly(door: Stack, phone: NewPhone, page: Page) -> None:
    """A SIP address without an account; Hang up while it rings cancels the call."""
    far = await phone(Manual())
    await door.apply(document())
    await _dial(page, "ip", far.uri)
    call = await far.wait_call()
    call.respond(180)
    await _shows(page, "ringing")
    await page.get_by_role("button", name="Hang up").click()
    await call.wait("ended")
    assert call.ended_by == "cancel"
    await _shows(page, "No call")


@pytest.mark.feature("web.call")
async def test_why_a_call_came_to_nothing_is_shown(door: Stack, phone: NewPhone, page: Page) -> None:
    """A busy phone, and what is no number at all: said on the page, beside the field; no INVITE for the latter."""
    far = await phone(Refuse(486))
    await door.apply(document())
    await _dial(page, "ip", far.uri)
    await _shows(page, "(486)")
    calls = len(far.calls)
    await _dial(page, "ip", "not a number!")
    await expect(page.get_by_label("IP or SIP number")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_role("alert")).to_contain_text(re.compile("Enter a number"))
    assert len(far.calls) == calls
