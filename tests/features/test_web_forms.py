"""Row web.features: everything about calls, buttons, actions and multicast is seen and changed in a real browser."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from tests.features.conftest import NewPhone
from tests.features.console import Console
from tests.features.doors import document, press
from tests.features.pages import LOOK, begin_with, save, second_person, stored

from doorbus_testkit.stack import Stack

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.feature("web.features")]

WEB = True
CALLS = "/doors/front/settings/calls"
BUTTONS = "/doors/front/settings/buttons"
MULTICAST = "/doors/front/settings/multicast"
PAGES = (
    "/doors/front",
    "/doors/front/call",
    CALLS,
    BUTTONS,
    MULTICAST,
    "/doors/front/settings/hardware",
    "/doors/front/schedule",
    "/doors/front/events",
    "/doors/front/system",
    "/doors/front/document",
    "/users",
    "/tokens",
    "/account",
    "/api",
)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _as_at_first(door: Stack, console: Console) -> None:
    """Each test begins with the same document."""
    await begin_with(door, console, document())


async def test_a_feature_changed_on_the_page_is_what_callers_get(
    door: Stack, console: Console, page: Page, phone: NewPhone
) -> None:
    """DND with return code 603, set in the form, refuses the next call with 603; the event says who changed what."""
    await page.goto(CALLS)
    await page.get_by_label("DND is on").check()
    await page.get_by_label("Return code when DND").select_option("603")
    await save(page)
    changed = await door.event("document.changed", result="written")
    caller = await phone()
    call = await caller.invite(door.uri)

    assert (await call.wait_final()).status == 603
    assert changed.data["by"] == console.user
    assert set(changed.data["changed"]) == {"calls.dnd.enabled", "calls.dnd.return_code"}


async def test_a_wrong_value_is_refused_beside_its_field(door: Stack, console: Console, page: Page) -> None:
    """Two wrong values are both said, in words, beside their fields; nothing is written, and nothing typed is lost."""
    before = await stored(console)
    await page.goto(CALLS)
    await page.get_by_label("Max call time").fill("forever")
    await page.get_by_label("Dial in time").fill("500")
    await page.get_by_label("Dial out time").fill("40")
    await page.locator(".save button").click()
    wrong = page.get_by_label("Max call time")

    await expect(page.get_by_role("alert")).to_contain_text("2 things are wrong, nothing was saved")
    assert "Must be a number, 0 to 86400." in await _described(page, "#f-calls-max_call_s")
    assert "Must be a number, 1 to 170." in await _described(page, "#f-calls-dial_in_s")
    assert await wrong.input_value() == "forever"
    assert await page.get_by_label("Dial out time").input_value() == "40"
    assert await stored(console) == before

    await wrong.fill("120")
    await page.get_by_label("Dial in time").fill("50")
    await save(page)
    calls = (await stored(console))["calls"]
    assert (calls["max_call_s"], calls["dial_in_s"], calls["dial_out_s"]) == (120, 50, 40)


async def _described(page: Page, selector: str) -> str:
    """What a screen reader says of a field beside its label."""
    field = page.locator(selector)
    assert await field.get_attribute("aria-invalid") == "true"
    ids = (await field.get_attribute("aria-describedby") or "").split()
    return " ".join([await page.locator(f"[id='{each}']").inner_text() for each in ids])


async def test_an_action_is_added_and_runs_at_the_next_press(door: Stack, console: Console, page: Page) -> None:
    """Add a relay action, let it run at the button, save: the next press energises the relay."""
    await page.goto(BUTTONS)
    await page.get_by_role("button", name="Add Relay").click()
    await page.get_by_label("Name").fill("light")
    await page.get_by_label("Relay ID").select_option("lamp")
    await save(page)
    await page.get_by_label("light", exact=True).check()
    await save(page)
    await press(door)
    activated = await door.event("button.activated")
    await door.event("relay.energised", relay="lamp")

    assert activated.data["actions"] == ["light"]
    assert (await stored(console))["actions"] == [
        {"id": "light", "type": "relay", "relay": "lamp", "reset": "call_ended"}
    ]


async def test_listeners_are_added_moved_and_removed(door: Stack, console: Console, page: Page) -> None:
    """Two listening addresses, the second moved before the first; then one is removed. A port used twice is refused."""
    await page.goto(MULTICAST)
    for label, address in (("Music", "239.1.1.1:5004"), ("Fire", "239.1.1.1:5004")):
        await page.get_by_role("button", name="Add a listener").click()
        await page.get_by_label("Label").last.fill(label)
        await page.get_by_role("textbox", name="Listening address").last.fill(address)
    await page.locator(".save button").click()
    await expect(page.get_by_role("alert")).to_contain_text("1 thing is wrong")
    await page.get_by_role("textbox", name="Listening address").last.fill("239.1.1.1:5006")
    await page.get_by_role("button", name="Move up listener Fire").click()
    await save(page)
    assert [each["label"] for each in (await stored(console))["multicast"]["listeners"]] == ["Fire", "Music"]

    await page.locator("summary", has_text="Music").click()
    await page.get_by_role("button", name="Remove listener Music").click()
    await expect(page.locator("summary", has_text="Music")).to_have_count(0)
    await save(page)
    assert [each["label"] for each in (await stored(console))["multicast"]["listeners"]] == ["Fire"]


async def test_two_people_edit_at_once_and_nothing_is_lost(
    door: Stack, console: Console, page: Page, chromium: Browser
) -> None:
    """The second to save is told what the first changed, keeps what she typed, and saves both by saving again."""
    await page.goto(CALLS)
    await page.get_by_label("Max call time").fill("100")
    await page.get_by_label("Dial in time").fill("30")
    async with second_person(chromium, console) as other:
        await other.goto(CALLS)
        await other.get_by_label("Max call time").fill("200")
        await other.get_by_label("Dial out time").fill("45")
        await save(other)
    await page.locator(".save button").click()
    told = page.get_by_role("alert")

    await expect(told).to_contain_text("admin changed this meanwhile")
    await expect(told).to_contain_text("Max call time: 200")
    await expect(told).to_contain_text("Dial out time: 45")
    assert await page.get_by_label("Max call time").input_value() == "100"
    assert await page.get_by_label("Dial out time").input_value() == "45"
    await expect(page.get_by_text("Somebody else set this to: 200")).to_be_visible()
    assert (await stored(console))["calls"]["max_call_s"] == 200

    await save(page)
    calls = (await stored(console))["calls"]
    assert (calls["max_call_s"], calls["dial_in_s"], calls["dial_out_s"]) == (100, 30, 45)


async def test_forms_work_without_scripts(door: Stack, console: Console, chromium: Browser) -> None:
    """A browser without JavaScript adds a listener, moves through the same form, and saves."""
    async with second_person(chromium, console, java_script_enabled=False) as page:
        await page.goto(MULTICAST)
        await page.get_by_role("button", name="Add a listener").click()
        await page.get_by_label("Label").fill("Fire")
        await page.get_by_role("textbox", name="Listening address").fill("239.1.1.1:5004")
        await page.get_by_label("Paging barge").fill("1")
        await save(page)

    multicast = (await stored(console))["multicast"]
    assert (multicast["barge"], [each["label"] for each in multicast["listeners"]]) == (1, ["Fire"])


async def test_a_form_is_filled_with_the_keyboard_alone(door: Stack, console: Console, page: Page) -> None:
    """From the skip link by Tab to the field, typed over, Enter saves; the focus is seen at each step."""
    await page.goto(CALLS)
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to the content"
    await page.keyboard.press("Enter")
    for _ in range(4):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.id") == "f-calls-max_call_s":
            break
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await page.keyboard.press("Control+A")
    await page.keyboard.type("90")
    await page.keyboard.press("Enter")
    await page.get_by_text("Saved.").wait_for()

    assert (await stored(console))["calls"]["max_call_s"] == 90


async def test_secrets_are_references_and_the_whole_document_is_text(door: Stack, console: Console, page: Page) -> None:
    """An unlock code is a reference; an expert's text with two mistakes names both paths, and is taken without."""
    await page.goto(CALLS)
    await page.get_by_role("button", name="Add a code").click()
    await page.locator("[name='calls.unlock_codes.n0.code']").select_option("env")
    await page.locator("[name='calls.unlock_codes.n0.code.name']").fill("DOORBUS_SECRET_GATE")
    await page.locator("[name='calls.unlock_codes.n0.relay']").select_option("gate")
    await save(page)
    codes = (await stored(console))["calls"]["unlock_codes"]
    assert codes == [{"code": {"env": "DOORBUS_SECRET_GATE"}, "relay": "gate", "callers": ["*"]}]

    await page.goto("/doors/front/document")
    text = await page.get_by_label("Document").input_value()
    wrong = text.replace("warn_s: 10", "warn_s: soon").replace('timezone: "Europe/Berlin"', "timezone: Mars")
    await page.get_by_label("Document").fill(wrong)
    await page.locator(".save button").click()
    await expect(page.get_by_role("alert")).to_contain_text("calls.warn_s")
    await expect(page.get_by_role("alert")).to_contain_text("timezone")
    assert await page.get_by_label("Document").input_value() == wrong
    await page.get_by_label("Document").fill(text.replace("warn_s: 10", "warn_s: 20"))
    await save(page)
    assert (await stored(console))["calls"]["warn_s"] == 20
    assert (await stored(console))["calls"]["unlock_codes"] == codes


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 390), ("light", 1180), ("dark", 1180)])
async def test_pages_can_be_read_and_touched(
    door: Stack, console: Console, chromium: Browser, scheme: str, width: int
) -> None:
    """Every page, light and dark, phone and desktop: contrast over 4.5, targets of 44 px, no wider than the screen."""
    faults = {}
    size = {"width": width, "height": 800}
    async with second_person(chromium, console, color_scheme=scheme, viewport=size) as page:
        for path in PAGES:
            await page.goto(path)
            faults[path] = await page.evaluate(LOOK)

    assert faults == {path: [] for path in PAGES}


async def test_the_colours_can_be_switched_and_are_kept(door: Stack, console: Console, page: Page) -> None:
    """The switch goes from the system's colours to dark and light, and the next page keeps it."""
    await page.goto(CALLS)
    await page.get_by_role("button", name="Colours: auto").click()
    await page.get_by_role("button", name="Colours: dark").wait_for()
    await page.goto("/doors/front/events")
    await expect(page.locator("body")).to_have_css("background-color", "rgb(17, 22, 26)")
    await page.get_by_role("button", name="Colours: dark").click()
    await page.get_by_role("button", name="Colours: light").wait_for()
    await expect(page.locator("body")).to_have_css("background-color", "rgb(244, 245, 243)")
