"""Policy, composed: one core a door, fed by the bus.

A door begins to be served with its first document. What comes before that is answered with `not_ready`.
"""

from __future__ import annotations

import asyncio
from importlib.metadata import version

from doorbus.contract.base import Event, Reply
from doorbus.contract.catalog import QUESTIONS, WISHES
from doorbus.contract.directories import Directory
from doorbus.contract.envelope import Envelope
from doorbus.contract.errors import ErrorCode, LocalError
from doorbus.contract.leases import Lease
from doorbus.contract.schedules import ScheduleState
from doorbus.runtime import published
from doorbus.runtime.documents import Document
from doorbus.runtime.endpoints import Received
from doorbus.runtime.service import Service, running
from doorbus_policy import translate
from doorbus_policy.core.events import CallLeaseLost, EventsMissed
from doorbus_policy.door_shell import DoorShell
from doorbus_policy.settings import PolicySettings
from doorbus_policy.sources import Directories

NAME = "policy"
STARTS_AT_ONCE = 50
"""A thousand doors that ask the bus for everything at once would run into its time limits."""


async def main(settings: PolicySettings) -> None:
    """Runs policy until it is asked to stop."""
    async with running(NAME, version("doorbus-policy"), settings) as service:
        await Policy(service, settings).start()
        await service.until_stopped()


class Policy:
    """The doors that this process serves."""

    def __init__(self, service: Service, settings: PolicySettings) -> None:
        self._service = service
        self._settings = settings
        self._bus = service.bus
        self._doors: dict[str, DoorShell] = {}
        self._directories = Directories()
        self._starting = asyncio.Semaphore(STARTS_AT_ONCE)

    async def start(self) -> None:
        """Subscribes to all that policy hears."""
        self._reader = await self._bus.read_events(self._on_event, self._on_gap)
        await self._bus.keep_leases(self._on_lease, self._on_lease_lost)
        await self._bus.serve_wishes(WISHES, self._on_wish)
        await self._bus.serve_questions(QUESTIONS, self._on_question)
        self._bus.connection.on_every_connect(self._on_connect)
        self._bus.follow_documents(self._on_document)
        schedules = published.schedules(self._bus.connection, self._settings.serves, self._on_schedules)
        self._service.spawn(schedules.run(), "schedules")
        directories = published.directories(self._bus.connection, self._on_directory, self._on_directory_refused)
        self._service.spawn(directories.run(), "directories")

    def _on_document(self, door: str, document: Document) -> None:
        shell = self._shell(door)
        if shell.has_document:
            shell.take_document(document)
        else:
            shell.has_document = True
            self._service.spawn(shell.run(document, self._starting), f"door {door}")

    def _on_schedules(self, door: str, state: ScheduleState) -> None:
        self._shell(door).take_schedules(state)

    def _on_directory(self, name: str, directory: Directory) -> None:
        self._directories.numbers[name] = directory.numbers
        self._directories.refused.pop(name, None)
        for shell in self._doors.values():
            shell.take_directory(name)

    def _on_directory_refused(self, name: str, why: str) -> None:
        self._directories.refused[name] = why
        for shell in self._doors.values():
            shell.take_directory(name)

    def _on_event(self, door: str, event: Event, envelope: Envelope) -> None:
        heard = translate.heard(event, envelope, translate.age_s(envelope, self._bus.clock.now()))
        if heard is not None:
            self._shell(door).put(heard)

    def _on_gap(self, door: str, service: str) -> None:
        if service == "sip" and door in self._doors:
            self._doors[door].put(EventsMissed())

    def _on_lease(self, door: str, lease: Lease) -> None:
        if door in self._doors:
            self._doors[door].put(translate.leased(lease))

    def _on_lease_lost(self, door: str, kind: str) -> None:
        if kind == "call" and door in self._doors:
            self._doors[door].put(CallLeaseLost())

    async def _on_connect(self) -> None:
        for shell in self._doors.values():
            shell.put(EventsMissed())

    async def _on_wish(self, received: Received) -> Reply:
        shell = self._served(received.door)
        return await shell.ask(translate.wished(received, shell.new_handle()))

    async def _on_question(self, received: Received) -> Reply:
        shell = self._served(received.door)
        return await shell.ask(translate.asked(received, shell.new_handle()))

    def _shell(self, door: str) -> DoorShell:
        """Returns a door's shell; before its document it only remembers what comes."""
        shell = self._doors.get(door)
        if shell is None:
            shell = self._doors[door] = DoorShell(
                door, self._service, self._settings.secrets_dir, self._reader, self._directories
            )
        return shell

    def _served(self, door: str) -> DoorShell:
        shell = self._doors.get(door)
        if shell is None or not shell.has_document:
            raise LocalError(ErrorCode.NOT_READY, "this door has no document yet: doorbus apply -f door.yaml")
        return shell
