"""The web service without a bus: its site in this process, asked over ASGI."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from doorbus.contract.document.load import load_document
from doorbus.runtime.documents import Document
from doorbus.runtime.service import Service
from doorbus_web.access.access import Access
from doorbus_web.access.database import opened
from doorbus_web.access.model import Role
from doorbus_web.commands import Wishes
from doorbus_web.doors import Doors
from doorbus_web.live.hub import Hub
from doorbus_web.live.inputs import DocumentRead
from doorbus_web.parts import Parts
from doorbus_web.settings import WebSettings
from doorbus_web.site import site

DOCUMENT = """
door: front
io:
  inputs: [{id: button1, kind: push_button, chip: sim, line: 0}]
  relays: [{id: gate, chip: sim, line: 8}, {id: lamp, chip: sim, line: 9}]
buttons: [{input: button1}]
"""
ORIGIN = "http://door.test"
PASSWORD = "correct horse 7"


@dataclass
class Time:
    """A clock that tests move."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        """Returns the time."""
        return self.now


@dataclass
class Site:
    """The site and what a test wants to look at."""

    app: FastAPI
    parts: Parts
    time: Time
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def browser(self, **headers: str) -> httpx.AsyncClient:
        """Returns a browser that says where its requests come from."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url=ORIGIN,
            headers={"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", **headers},
        )
        self.clients.append(client)
        return client

    def program(self, *scopes: str, doors: tuple[str, ...] = (), name: str = "hub") -> httpx.AsyncClient:
        """Returns a program with a token of these scopes."""
        _, secret = self.parts.access.tokens.make(name, scopes, doors, "test", self.time())
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url=ORIGIN,
            headers={"Authorization": f"Bearer {secret}"},
        )
        self.clients.append(client)
        return client

    async def user(self, name: str, role: Role, *, must_change: bool = False) -> None:
        """Adds a user with `PASSWORD`."""
        access = self.parts.access
        access.users.add(name, role, await access.passwords.hash(PASSWORD), self.time(), must_change=must_change)

    async def signed_in(self, role: Role, name: str = "") -> httpx.AsyncClient:
        """Returns the browser of a user of this role who has signed in; it sends the CSRF token as a script does."""
        name = name or role.value
        await self.user(name, role)
        browser = self.browser()
        answer = await browser.post("/login", data={"user": name, "password": PASSWORD})
        assert answer.status_code == 303
        browser.headers["X-CSRF-Token"] = csrf_of((await browser.get("/account")).text)
        return browser


def csrf_of(page: str) -> str:
    """Returns the CSRF token that a page carries."""
    return page.split('name="csrf" content="', 1)[1].split('"', 1)[0]


def build(state_dir: Path) -> Site:
    """Returns the site of a door `front`, with no bus and no user."""
    values: dict[str, Any] = {"state_dir": state_dir, "nats_url": "nats://127.0.0.1:1"}
    settings, time = WebSettings(**values), Time()
    service = Service("web", "0", settings)
    access = Access(opened(None), settings, time, time)
    doors, hub = Doors(service.bus), Hub(10)
    document = Document(load_document(DOCUMENT), 7)
    doors.take("front", document)
    hub.put("front", DocumentRead(document.door, document.revision))
    parts = Parts(settings, service.bus, service.health, access, doors, hub, Wishes(service.bus, doors))
    return Site(site(parts), parts, time)
