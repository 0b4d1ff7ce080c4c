"""The web service of a running door as a browser or a program sees it, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx
from tests.features.doors import show

from doorbus_testkit.stack import Stack

ADMIN_PASSWORD = "a password of our own"
ANSWER_S = 20.0
WITHIN_S = 1.0
"""What the row web.live grants."""
SLOW_S = 10.0
"""How long a test waits on a busy machine before it says that nothing is shown at all."""
TRIES = 3
"""The best of these keeps `WITHIN_S`: another program may hold up one, not all."""


@dataclass(frozen=True)
class Heard:
    """A message of a live stream; `at` is monotonic seconds of its arrival here."""

    id: str
    event: str
    data: Any
    at: float


class Console:
    """A door's web service with its admin signed in.

    Args:
        door: runs, with the web service.
    """

    def __init__(self, door: Stack) -> None:
        self.url, self.user, self._password = door.web_login()
        self.admin = self.browser()
        self._tokens = 0

    async def __aenter__(self) -> Self:
        """Signs in, and changes the one-time password as the pages want it."""
        await self.sign_in(self.admin, self._password)
        form = {"current": self._password, "new": ADMIN_PASSWORD, "again": ADMIN_PASSWORD}
        changed = await self.admin.post("/account/password", data=form)
        assert changed.status_code == 303, changed.text
        self.admin.headers["X-CSRF-Token"] = csrf_of((await self.admin.get("/account")).text)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.admin.aclose()

    def browser(self) -> httpx.AsyncClient:
        """Returns a client that says, as browsers do, where its requests come from."""
        return httpx.AsyncClient(base_url=self.url, timeout=ANSWER_S, headers={"Origin": self.url})

    async def sign_in(self, browser: httpx.AsyncClient, password: str = ADMIN_PASSWORD) -> None:
        """Signs a browser in as the admin."""
        answer = await browser.post("/login", data={"user": self.user, "password": password})
        assert answer.status_code == 303, answer.text
        browser.headers["X-CSRF-Token"] = csrf_of((await browser.get("/account/password")).text)

    async def token(self, *scopes: str) -> str:
        """Makes a token on the page, as an admin does, and returns its secret."""
        self._tokens += 1
        relays = " ".join(scope.removeprefix("unlock:") for scope in scopes if scope.startswith("unlock:"))
        plain = [scope for scope in scopes if not scope.startswith("unlock:")]
        form = {"name": f"test-{self._tokens}", "scopes": plain, "relays": relays}
        page = (await self.admin.post("/tokens", data=form)).text
        return page.split('id="secret">', 1)[1].split("<", 1)[0]

    async def program(self, *scopes: str) -> httpx.AsyncClient:
        """Returns a client with a token of these scopes."""
        headers = {"Authorization": f"Bearer {await self.token(*scopes)}"}
        return httpx.AsyncClient(base_url=self.url, timeout=ANSWER_S, headers=headers)


def csrf_of(page: str) -> str:
    """Returns the CSRF token that a page carries."""
    return page.split('name="csrf" content="', 1)[1].split('"', 1)[0]


@asynccontextmanager
async def listening(client: httpx.AsyncClient, door: str = "front", last_id: str = "") -> AsyncIterator[list[Heard]]:
    """Follows a door's live stream for the body; the list grows."""
    heard: list[Heard] = []
    headers = {"Last-Event-ID": last_id} if last_id else {}

    async def follow() -> None:
        async with client.stream("GET", f"/api/v1/doors/{door}/stream", headers=headers, timeout=None) as answer:
            assert answer.status_code == 200, await answer.aread()
            fields: dict[str, str] = {}
            async for line in answer.aiter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "event" in fields:
                    data = json.loads(fields["data"])
                    heard.append(Heard(fields.get("id", ""), fields["event"], data, time.monotonic()))
                    fields = {}

    following = asyncio.create_task(follow())
    try:
        yield heard
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def soonest(what: str, once: Callable[[], Awaitable[float]]) -> None:
    """Measures the same thing up to `TRIES` times, in seconds; one of them must keep the bound."""
    times = []
    for _ in range(TRIES):
        times.append(await once())
        if times[-1] < WITHIN_S:
            break
    show(what, min(times))
    assert min(times) < WITHIN_S
