"""Row web.schedule: templates and schedules in a real browser, and what a press calls by them."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from tests.features.conftest import NewPhone
from tests.features.console import Console
from tests.features.doors import document, press
from tests.features.pages import begin_with, save, stored

from doorbus_testkit.behaviour import Answer
from doorbus_testkit.stack import Stack

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.feature("web.schedule")]

WEB = True
SCHEDULE = "/doors/front/schedule"


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _as_at_first(door: Stack, console: Console) -> None:
    """Each test begins with a door whose button goes by the schedule, and no schedule."""
    text = document(["sip:nobody@127.0.0.1:9"], call={"template_enabled": True}, timezone="UTC")
    await begin_with(door, console, text)


async def _add_schedule(page: Page, name: str) -> None:
    await page.get_by_role("link", name="Add a daily schedule").click()
    await page.get_by_label("Name").fill(name)
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.get_by_text("Added.").wait_for()


async def _add_template(page: Page, name: str, number: str, schedule: str) -> None:
    await page.get_by_label("Template name").fill(name)
    await page.get_by_label("Call number").fill(number)
    await page.get_by_role("group", name="Enabled schedules").get_by_label(schedule).check()
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.get_by_text("Added.").wait_for()


async def test_a_template_is_made_assigned_and_called(
    door: Stack, console: Console, page: Page, phone: NewPhone
) -> None:
    """A schedule, a template with a number, assigned to the button: the press rings that phone."""
    porter = await phone(Answer())
    await page.goto(SCHEDULE)
    await _add_schedule(page, "always")
    await _add_template(page, "Porter at night", porter.uri, "always")
    await page.get_by_label("button1, place 1").select_option("porter-at-night")
    await save(page)
    await expect(page.get_by_role("listitem").filter(has_text="button1")).to_contain_text("calls Porter at night")
    await press(door)
    await door.event("call.answered")

    schedule = (await stored(console))["schedule"]
    assert schedule["inputs"] == {"button1": ["porter-at-night"]}
    assert schedule["templates"] == [
        {"id": "porter-at-night", "name": "Porter at night", "numbers": [porter.uri], "schedules": ["always"]}
    ]


async def test_reset_clears_what_was_entered(door: Stack, console: Console, page: Page) -> None:
    """Reset empties the form of a new template, and nothing is saved."""
    await page.goto(SCHEDULE)
    await _add_schedule(page, "always")
    await page.get_by_label("Template name").fill("Office")
    await page.get_by_label("Call number").fill("201\n202")
    await page.get_by_label("always", exact=True).check()
    await page.get_by_role("button", name="Reset").click()

    assert await page.get_by_label("Template name").input_value() == ""
    assert await page.get_by_label("Call number").input_value() == ""
    assert not await page.get_by_label("always", exact=True).is_checked()
    assert (await stored(console))["schedule"]["templates"] == []


async def test_a_template_is_checked_modified_and_deleted(door: Stack, console: Console, page: Page) -> None:
    """Modify shows what is there and changes it; a 17th number is refused; Delete asks, then takes it away."""
    await page.goto(SCHEDULE)
    await _add_schedule(page, "always")
    await _add_template(page, "Office", "sip:a@192.0.2.1", "always")
    await page.get_by_label("button1, place 1").select_option("office")
    await save(page)
    await page.get_by_role("link", name="Modify Office").click()
    assert await page.get_by_label("Call number").input_value() == "sip:a@192.0.2.1"

    await page.get_by_label("Call number").fill("\n".join(f"sip:n{number}@192.0.2.1" for number in range(17)))
    await page.locator(".save button").click()
    await expect(page.get_by_role("alert")).to_contain_text("must have at most 16")
    await page.get_by_label("Call number").fill("sip:b@192.0.2.1\nsip:c@192.0.2.1")
    await page.locator(".save button").click()
    await page.get_by_text("Changed.").wait_for()
    templates = (await stored(console))["schedule"]["templates"]
    assert [each["numbers"] for each in templates] == [["sip:b@192.0.2.1", "sip:c@192.0.2.1"]]

    office = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="Modify Office"))
    await office.locator("summary").click()
    await page.get_by_role("button", name="Yes, delete Office").click()
    await page.get_by_text("Deleted.").wait_for()
    schedule = (await stored(console))["schedule"]
    assert (schedule["templates"], schedule["inputs"]) == ([], {"button1": []})


async def test_a_schedule_that_is_in_use_stays(door: Stack, console: Console, page: Page) -> None:
    """Deleting a schedule that a template needs is refused, naming what needs it; a wrong time is refused in words."""
    await page.goto(SCHEDULE)
    await _add_schedule(page, "always")
    await _add_template(page, "Office", "sip:a@192.0.2.1", "always")
    await page.get_by_role("link", name="Modify always").click()
    await page.get_by_label("Start").fill("8 o'clock")
    await page.locator(".save button").click()
    await expect(page.get_by_role("alert")).to_contain_text("Must be a time of day")
    await page.goto(SCHEDULE)
    await page.locator("#delete-schedule-always summary").click()
    await page.get_by_role("button", name="Yes, delete always").click()
    await expect(page.get_by_role("alert")).to_contain_text("something still names it")
    await expect(page.get_by_text("schedule.templates[0].schedules[0]")).to_be_visible()

    assert [each["id"] for each in (await stored(console))["schedule"]["schedules"]] == ["always"]
