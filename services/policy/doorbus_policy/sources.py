"""What a door's rules are made of, as the core hears it: its document, published directories, the scheduler's word.

Unlock codes are resolved here. A code or a directory that cannot be used is told; everything else goes on.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import structlog

from doorbus.contract.base import new_id
from doorbus.contract.directories import DirectoryChanged
from doorbus.contract.document import fingerprint
from doorbus.contract.schedules import ScheduleState
from doorbus.contract.services import ServiceDegraded
from doorbus.runtime.bus import Bus
from doorbus.runtime.documents import Document
from doorbus_policy import codes
from doorbus_policy.core import events as ev

log = structlog.get_logger()


@dataclass
class Directories:
    """The published lists of numbers by name, and why the newest value of a name cannot be used."""

    numbers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class Sources:
    """Makes the core's events for one door, and tells what of its sources cannot be used.

    Args:
        door: its id.
        bus: where to tell.
        secrets_dir: where unlock codes in files are.
        directories: all that are published.
    """

    def __init__(self, door: str, bus: Bus, secrets_dir: Path | None, directories: Directories) -> None:
        self._door = door
        self._bus = bus
        self._secrets_dir = secrets_dir
        self._directories = directories
        self._named: frozenset[str] = frozenset()
        self._told: set[str] = set()
        self._code_problems: tuple[str, ...] = ()

    def document(self, document: Document) -> ev.DocumentTaken:
        """Takes a document."""
        self._named = frozenset(
            button.call.directory
            for button in document.door.buttons
            if button.call is not None and button.call.directory is not None
        )
        usable, problems = codes.resolved(document.door, self._secrets_dir, os.environ)
        if problems != self._code_problems:
            self._code_problems = problems
            why = "; ".join(problems) or "all unlock codes can be used"
            log.warning("unlock codes", door=self._door, problems=problems)
            degraded = ServiceDegraded(service="policy", part="unlock_codes", why=why[:500], recovered=not problems)
            self._bus.tell(self._door, degraded)
        taken = {"fingerprint": fingerprint(document.door), "new_call": new_id()}
        return ev.DocumentTaken(document.door, document.revision, usable, **taken)

    def names(self, directory: str) -> bool:
        """Whether the document names this directory."""
        return directory in self._named

    def directories(self, published: str | None = None) -> ev.DirectoriesTold:
        """Takes the directories that the document names, as they are now; `published` is one that is new."""
        named, known = sorted(self._named), self._directories.numbers
        for name in named:
            if name == published or name not in self._told:
                self._tell_directory(name)
        return ev.DirectoriesTold(tuple((name, known[name]) for name in named if name in known))

    def schedule(self, state: ScheduleState) -> ev.ScheduleTold:
        """Takes the scheduler's word."""
        valid_for_s = None
        if state.valid_until is not None:
            bus_now = self._bus.clock.now() or datetime.now(UTC)
            valid_for_s = (state.valid_until - bus_now).total_seconds()
        schedules, templates = tuple(state.schedules.items()), tuple(state.templates.items())
        return ev.ScheduleTold(state.document, schedules, templates, valid_for_s, new_id())

    def _tell_directory(self, name: str) -> None:
        """Tells what became of a directory, if it was published."""
        numbers, why = self._directories.numbers.get(name), self._directories.refused.get(name)
        if numbers is None and why is None:
            return
        result: Literal["taken", "refused"] = "taken" if why is None else "refused"
        changed = DirectoryChanged(name=name, count=len(numbers or ()), result=result, why=why and why[:500])
        self._told.add(name)
        self._bus.tell(self._door, changed)
