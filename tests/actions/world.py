"""A bus with a policy that presses buttons, an operator who looks on, and actions as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Coroutine
from http import client as http_client
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import nats.js.errors
from nats.js import JetStreamContext

from doorbus.contract import subjects
from doorbus.contract.actions import ActionEvent, ActionsCommand, DeadLetter, Retry, RetryReply, message_id
from doorbus.contract.base import Event, new_id
from doorbus.contract.buttons import ButtonActivated
from doorbus.contract.document import to_json
from doorbus.contract.document.load import load_document
from doorbus.contract.envelope import Envelope
from doorbus.contract.services import DocumentChanged
from doorbus.contract.subjects import KV_CONFIG, STREAM_EVENTS
from doorbus.runtime.bus import Bus
from doorbus.runtime.dead_letters import DeadLetters
from doorbus.runtime.requests import request
from doorbus.runtime.settings import ServiceSettings
from doorbus.runtime.stores import ensure_stores
from doorbus.runtime.tasks import end_tasks
from doorbus_testkit.certificates import Authority
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import eventually
from doorbus_testkit.ports import free_tcp_port, give_back
from doorbus_testkit.processes import Process

E = TypeVar("E", bound=Event)


def document(actions: str = "", door: str = "front") -> str:
    """Returns the YAML of a door with a button that runs all of `actions`, lines of YAML, one each."""
    io = "io: {inputs: [{id: button1, kind: push_button, chip: sim, line: 0}]}\n"
    return f"door: {door}\ntimezone: Europe/Berlin\n{io}actions:{actions or ' []'}\n"


def http(port: int, name: str = "notify") -> str:
    """Returns an HTTP action as a line of YAML."""
    return f'\n  - {{id: {name}, type: http, method: POST, url: "http://127.0.0.1:{port}/message"}}'


class World:
    """What a test of the service needs.

    Args:
        server: of the bus.
        authority: that actions trusts.
        folder: for logs and documents.
    """

    def __init__(self, server: NatsServer, authority: Authority, folder: Path) -> None:
        self.server = server
        self.events: list[tuple[str, Event, Envelope]] = []
        self._authority = authority
        self._folder = folder
        self._tasks: list[asyncio.Task[Any]] = []
        self._lives: list[Process] = []
        self.health_port = free_tcp_port()
        settings = ServiceSettings(doors=("*",), nats_url=server.url)
        self.bus = Bus("policy", "0.1.0", settings, self._spawn)
        self.dead_letters = DeadLetters(self.bus.connection)

    def _spawn(self, work: Coroutine[Any, Any, Any], what: str) -> asyncio.Task[Any]:
        self._tasks.append(asyncio.create_task(work, name=what))
        return self._tasks[-1]

    async def __aenter__(self) -> Self:
        await self.bus.start()
        await self.bus.connection.wait_connected()
        await ensure_stores(self.bus.connection)
        await self.bus.read_events(lambda *heard: self.events.append(heard))

        async def measured() -> bool:
            await self.bus.connection.measure()
            return self.bus.clock.known

        await eventually(measured, what="bus time is known")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for life in self._lives:
            life.stop()
            if error is not None:
                print(life.log_text()[-6000:])  # noqa: T201  # captured by pytest
        give_back(self.health_port)
        await self.bus.close()
        await end_tasks(self._tasks)

    @property
    def js(self) -> JetStreamContext:
        """JetStream, as somebody who may do everything."""
        return self.bus.connection.client.jetstream(timeout=2.0)

    def begin(self, **settings: object) -> Process:
        """Starts actions; `settings` are its own, without `DOORBUS_ACTIONS_` in front."""
        ours = {
            "DOORBUS_NATS_URL": self.server.url,
            "DOORBUS_DOORS": "*",
            "DOORBUS_HEALTH_PORT": str(self.health_port),
            "DOORBUS_ACTIONS_CA": str(self._authority.cert),
            **{f"DOORBUS_ACTIONS_{name.upper()}": str(value) for name, value in settings.items()},
        }
        log = self._folder / f"actions-{len(self._lives)}.log"
        self._lives.append(Process([sys.executable, "-m", "doorbus_actions"], log=log, env={**os.environ, **ours}))
        return self._lives[-1]

    async def apply(self, text: str, *, wait: bool = True) -> None:
        """Writes a document, and waits until actions has taken it."""
        path = self._folder / "door.yaml"
        path.write_text(text)
        door = load_document(path.read_text())
        bucket = await self.js.key_value(KV_CONFIG)
        revision = await bucket.put(door.door, to_json(door))
        if wait:
            await self.hears(DocumentChanged, door.door, 30.0, revision=revision)

    def press(self, *actions: str, door: str = "front", press: str | None = None) -> dict[str, str]:
        """Tells a press that runs actions; returns the ids of its messages by action."""
        name = press or new_id()
        self.bus.tell(door, ButtonActivated(input="button1", does="nothing", actions=actions, press=name))
        return {action: message_id(door, name, action) for action in actions}

    def heard(self, kind: type[E], door: str = "front", **fields: object) -> list[E]:
        """Returns the events of a kind that were told, with these fields, repeats left out."""
        return [
            event
            for of, event, _ in self.events
            if of == door
            and isinstance(event, kind)
            and all(getattr(event, name) == value for name, value in fields.items())
        ]

    async def hears(self, kind: type[E], door: str = "front", within_s: float = 20.0, **fields: object) -> E:
        """Waits for an event; it may have come already."""
        what = f"{kind.__name__} {fields}"
        return (await eventually(lambda: self.heard(kind, door, **fields), within_s, what=what))[0]

    def told(self, message: str) -> list[str]:
        """Returns what was told of a message, in order."""
        return [event.what for event in self.heard(ActionEvent, message=message)]

    async def retry(self, message: str | None = None, door: str = "front") -> RetryReply:
        """Asks actions to send again."""
        command: ActionsCommand = Retry(message=message, **self.bus.stamps())
        subject = subjects.actions_command(door, Retry.verb, "operator")
        return await request(self.bus.connection, subject, command, RetryReply, 5.0)

    async def letters(self, door: str = "front") -> list[DeadLetter]:
        """Returns the dead letters."""
        return await self.dead_letters.of(door)

    async def ready(self) -> dict[str, object]:
        """Returns what /readyz says."""

        def ask() -> dict[str, object]:
            connection = http_client.HTTPConnection("127.0.0.1", self.health_port, timeout=2)
            with contextlib.closing(connection):
                connection.request("GET", "/readyz")
                found: dict[str, object] = json.loads(connection.getresponse().read())
                return found

        return await asyncio.to_thread(ask)

    async def consumers(self) -> list[str]:
        """Returns the names of the durable consumers of actions."""
        try:
            return sorted(
                info.name for info in await self.js.consumers_info(STREAM_EVENTS) if info.name.startswith("actions_")
            )
        except nats.js.errors.NotFoundError:
            return []
