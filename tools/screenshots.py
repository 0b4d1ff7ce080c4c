"""`make screenshots`: every page of the console, light and dark, on a desktop and a phone, from a real door.

Runs a door with the whole stack, a registrar and phones, lets things happen, and takes the pictures of docs/screenshots
with Debian's Chromium. Needs no root; ends by itself.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from playwright.async_api import Page

from doorbus_testkit.behaviour import Answer
from doorbus_testkit.browser import PASSWORD, Browser, sign_in
from doorbus_testkit.polling import eventually
from doorbus_testkit.registrar import Registrar
from doorbus_testkit.stack import Options, Stack
from doorbus_testkit.wire import WirePhone
from tools.small_png import small_png

FOLDER = Path(__file__).parents[1] / "docs" / "screenshots"
MOST_BYTES = 3 * 1024 * 1024
PBX, SECRET = "127.0.0.3", "only-for-the-demo"  # of the demo's own registrar
DOCUMENT = """
door: front
timezone: Europe/Berlin
sip:
  listen: {{host: 127.0.0.1, udp: $sip, tcp: $sip}}
  ports: {{dialers: $first-$last, rtp: $rtp-$rtp_last}}
  media_timeout_s: 0
  accounts:
    - {{id: pbx, aor: "sip:door@{pbx}", registrar: "sip:{pbx}", username: door, password: {{env: DOORBUS_SECRET_PBX}},
       display_name: Front door}}
audio: {{backend: none}}
calls:
  dnd: {{return_code: 486, on_code: "*78", off_code: "*79", bypass: ["100"]}}
  auto_answer: {{sip: {{enabled: true, delay_s: 5}}}}
  unlock_codes: [{{code: {{env: DOORBUS_SECRET_GATE}}, relay: gate}}]
io:
  inputs:
    - {{id: button1, kind: push_button, chip: sim, line: 0}}
    - {{id: exit1, kind: exit_button, chip: sim, line: 1, relay: gate}}
    - {{id: contact1, kind: door_contact, chip: sim, line: 2, relay: gate}}
  relays:
    - {{id: gate, chip: sim, line: 8, hold_s: 3}}
    - {{id: lamp, chip: sim, line: 9, hold_s: 5, max_on_s: 600}}
buttons:
  - {{input: button1, call: {{account: pbx, numbers: ["101"], template_enabled: true}}, actions: [light, notify]}}
actions:
  - {{id: light, type: relay, relay: lamp}}
  - {{id: notify, type: http, url: "http://127.0.0.1:9/doorbell?door=$$door&input=$$input"}}
multicast:
  barge: 1
  listeners:
    - {{label: Fire alarm, address: "239.1.1.1:5004"}}
    - {{label: Announcements, address: "239.1.1.1:5006", volume: 70}}
schedule:
  holidays: [2026-12-25, 2026-12-26]
  schedules:
    - {{id: office, kind: weekly, days: [mon, tue, wed, thu, fri], start: "08:00", end: "18:00", holidays: exclude}}
    - {{id: always, kind: daily}}
  templates:
    - {{id: day, name: Office hours, numbers: ["201", "202"], schedules: [office]}}
    - {{id: night, name: Porter, numbers: ["101"], schedules: [always]}}
  inputs: {{button1: [day, night]}}
"""
DOOR = "/doors/front"
PAGES = {
    "doors": "/",
    "live": DOOR,
    "web-call": f"{DOOR}/call",
    "call-features": f"{DOOR}/settings/calls",
    "buttons": f"{DOOR}/settings/buttons",
    "multicast": f"{DOOR}/settings/multicast",
    "schedule": f"{DOOR}/schedule",
    "template": f"{DOOR}/schedule/templates/day",
    "events": f"{DOOR}/events",
    "system": f"{DOOR}/system",
    "hardware": f"{DOOR}/settings/hardware",
    "document": f"{DOOR}/document",
    "users": "/users",
    "tokens": "/tokens",
    "account": "/account",
}


async def main() -> int:
    """Takes all pictures; returns the exit code."""
    env = {"DOORBUS_SECRET_PBX": SECRET, "DOORBUS_SECRET_GATE": "4711"}
    async with WirePhone(Answer(after_s=0.5), host=PBX) as phone:
        Registrar(phone, {"door": SECRET})
        text = DOCUMENT.format(pbx=f"{PBX}:{phone.port}")
        async with Stack(text, Options(env=env, web=True)) as stack, Browser() as browser:
            url, user, password = stack.web_login()
            await _things_happen(stack)
            shutil.rmtree(FOLDER, ignore_errors=True)
            FOLDER.mkdir(parents=True)
            first = True
            for dark in (False, True):
                for small in (False, True):
                    page = await browser.page(url, phone=small, dark=dark)
                    name = f"{'phone' if small else 'desktop'}-{'dark' if dark else 'light'}"
                    await page.goto("/login")
                    await _take(page, f"sign-in-{name}")
                    await sign_in(page, user, password if first else PASSWORD, new=PASSWORD if first else None)
                    first = False
                    await _pages(page, name)
    size = sum(path.stat().st_size for path in FOLDER.iterdir())
    print(f"{len(list(FOLDER.iterdir()))} pictures, {size / 1e6:.1f} MB, in {FOLDER}")  # noqa: T201  # for who ran it
    return 0 if size <= MOST_BYTES else 1


async def _things_happen(stack: Stack) -> None:
    """A press, a call that the phone answers and that goes on, a door opened."""

    async def registered() -> bool:
        state = await stack.state("sip")
        return bool(state) and all(each["registered"] for each in state["accounts"])

    await eventually(registered, 20, what="the account is registered")
    await stack.chip.press(0)
    await stack.event("call.answered")
    await stack.wish("unlock", relay="gate")
    await stack.event("door.unlocked")


async def _pages(page: Page, name: str) -> None:
    for title, path in PAGES.items():
        await page.goto(path)
        await page.wait_for_load_state("load")
        await _take(page, f"{title}-{name}")
    await _take_after(page, "wrong", name, _wrong)
    await _take_after(page, "two-people", name, _two_people)
    await _take_after(page, "not-found", name, lambda there: there.goto("/doors/back"))


async def _wrong(page: Page) -> None:
    """A form with two values that are not taken."""
    await page.goto(PAGES["call-features"])
    await page.fill("[name='calls.max_call_s']", "forever")
    await page.fill("[name='calls.dial_in_s']", "500")
    await page.click(".save button")
    await page.wait_for_selector("#wrong")


async def _two_people(page: Page) -> None:
    """Two tabs edit the call features; the second to save is told."""
    await page.goto(PAGES["call-features"])
    other = await page.context.new_page()
    await other.goto(PAGES["call-features"])
    talk = int(await other.input_value("[name='calls.max_call_s']"))
    await other.fill("[name='calls.max_call_s']", str(talk + 60))
    await other.click(".save button")
    await other.get_by_text("Saved.").wait_for()
    await other.close()
    await page.fill("[name='calls.max_call_s']", str(talk + 30))
    await page.click(".save button")
    await page.wait_for_selector("#theirs")


async def _take_after(page: Page, title: str, name: str, work: Callable[[Page], Awaitable[object]]) -> None:
    await work(page)
    await _take(page, f"{title}-{name}")


async def _take(page: Page, name: str) -> None:
    picture = await page.screenshot(type="png", animations="disabled", caret="hide")
    (FOLDER / f"{name}.png").write_bytes(await asyncio.to_thread(small_png, picture))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
