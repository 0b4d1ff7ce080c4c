"""Signing in, slowing down and forged requests: with a real browser, and as an attacker's program."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from playwright.async_api import Page
from tests.features.console import ADMIN_PASSWORD, Console
from tests.features.doors import GATE, stays

from doorbus_testkit.polling import eventually
from doorbus_testkit.processes import Process
from doorbus_testkit.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEB = True
EVIL = """<!doctype html><title>evil</title><body>
<form id="f" method="post" action="{url}/api/v1/doors/front/unlock" enctype="text/plain">
<input name='{{"relay":"gate","x":"' value='"}}'></form>
<form id="l" method="post" action="{url}/logout"></form>
<img src="{url}/api/v1/doors/front/unlock">
<p id="said">nothing</p>"""


@contextmanager
def _site(page: str) -> Iterator[str]:
    """Serves one page under another name than the door's, so that it is another site to a browser."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name is http.server's
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


async def _sign_in(page: Page, user: str, password: str) -> None:
    await page.goto("/")
    assert page.url.endswith("/login")
    await page.get_by_label("User").fill(user)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()


@pytest.mark.feature("web.login")
async def test_a_person_signs_in_and_out(door: Stack, console: Console, visitor: Page) -> None:
    """A wrong password is said, the right one leads to the doors, signing out locks every page again."""
    await _sign_in(visitor, console.user, "a wrong password")
    await visitor.get_by_role("alert").filter(has_text="do not go together").wait_for()
    await _sign_in(visitor, console.user, ADMIN_PASSWORD)
    await visitor.get_by_role("button", name="Sign out").first.wait_for()
    assert not visitor.url.endswith("/login")
    await visitor.get_by_role("button", name="Sign out").first.click()
    await visitor.get_by_label("Password").wait_for()
    await visitor.goto("/users")
    assert visitor.url.endswith("/login")


@pytest.mark.feature("web.login")
async def test_wrong_passwords_are_slowed_down(door: Stack, console: Console) -> None:
    """Twenty guesses at once: four are looked at, the rest told to wait; after the wait the right one gets in."""
    guess = {"user": "porter", "password": "guess"}
    async with console.browser() as guesser:
        answers = await asyncio.gather(*(guesser.post("/login", data=guess) for _ in range(20)))
        looked = [each for each in answers if each.status_code == 401]
        assert len(looked) <= 4
        assert {each.status_code for each in answers} == {401, 429}
        waits = [int(each.headers["Retry-After"]) for each in answers if each.status_code == 429]
        assert all(1 <= wait <= 60 for wait in waits)


@pytest.mark.feature("web.login")
async def test_a_forged_cross_site_request_does_nothing(door: Stack, console: Console, page: Page) -> None:
    """Another site's page in the admin's browser posts an unlock and a logout: the gate rests, the admin stays in."""
    await page.goto("/account")
    edges = len(door.chip.history(GATE))
    with _site(EVIL.format(url=console.url)) as evil:
        for form in ("f", "l"):
            await page.goto(evil)
            async with page.expect_navigation() as navigated:
                await page.evaluate(f"document.getElementById('{form}').submit()")
            assert (await navigated.value).status in (401, 403)
        await page.goto(evil)
        options = "{method: 'POST', credentials: 'include', body: '{}'}"
        script = f"fetch('{console.url}/api/v1/doors/front/unlock', {options}).then(() => 'read', () => 'refused')"
        refused = await page.evaluate(script)
        assert refused == "refused"
    await stays(lambda: len(door.chip.history(GATE)) == edges, what="the gate rests")
    await page.goto("/account")
    assert page.url.endswith("/account")
    assert door.told("door.unlocked") == []


@pytest.mark.feature("web.login")
async def test_a_lost_password_is_reset_on_the_box(door: Stack, console: Console) -> None:
    """`python -m doorbus_web reset-admin NAME` prints a one-time password that gets in, and only there."""
    process = Process(
        [sys.executable, "-m", "doorbus_web", "reset-admin", "second"],
        log=door.folder / "reset.log",
        env={**os.environ, "DOORBUS_STATE_DIR": str(door.run_dir / "state")},
    )
    await eventually(lambda: not process.running, 20, what="the command ends")
    password = process.log_text().split("one-time password ", 1)[1].split()[0]
    async with console.browser() as browser:
        answer = await browser.post("/login", data={"user": "second", "password": password})
        assert answer.status_code == 303
        assert (await browser.get("/")).headers["Location"] == "/account/password"


@pytest.mark.feature("web.login")
async def test_a_one_time_password_is_for_one_time(door: Stack, console: Console) -> None:
    """What `doorbus up` said at the first start is worthless after its change and kept nowhere; a restart says none."""
    url, user, password = door.web_login()
    async with console.browser() as browser:
        assert (await browser.post("/login", data={"user": user, "password": password})).status_code == 401
    files = [path for path in door.run_dir.rglob("*") if path.is_file()]
    assert any(path.name == "access.db" for path in files)
    for secret in (password, ADMIN_PASSWORD):
        assert [path for path in files if secret.encode() in path.read_bytes()] == []
    before = door.pid("web")
    door.process("web").kill()
    await eventually(lambda: door.pid("web") != before, 20, what="the web service is started again")

    async def signs_in() -> bool:
        async with httpx.AsyncClient(base_url=url, headers={"Origin": url}) as browser:
            answer = await browser.post("/login", data={"user": user, "password": ADMIN_PASSWORD})
            return answer.status_code == 303

    await eventually(signs_in, 20, 0.5, what="the admin signs in after the restart")
    assert (await console.admin.get("/api/v1/doors")).status_code == 200
    assert "one-time password" not in door.log_of("web")
