"""Hands on the lines of a door's chips from outside, and what each kind of chip cannot show.

`service_suite.ServiceSuite` runs the io service on such a bench: on the simulated chip in the ordinary suite, on the
kernel's gpio-sim in `make test-hardware`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum

import pytest

from doorbus_testkit.chip import Change


class Shows(StrEnum):
    """What not every kind of chip can show."""

    SECOND_CHIP = "a door whose lines are on two chips"
    UNPLUGGED = "a chip that disappears and returns"
    ONE_LINE_TAKEN = "another program has one line, and the rest of the chip is free"
    LEVEL_BEFORE = "an input's level from outside before io looks at it"


DIFFERENCES: Mapping[str, Mapping[Shows, str]] = {
    "simulated": {
        Shows.SECOND_CHIP: "a document has one simulated chip, `sim`",
        Shows.UNPLUGGED: "it lives in io's own process, so it cannot go away under it",
        Shows.ONE_LINE_TAKEN: "another process has all of it or nothing of it (`latch.py`)",
        Shows.LEVEL_BEFORE: "an input stands at its pull until io has claimed it",
    },
    "gpio-sim": {},
}
"""By kind of chip: what it cannot show, and why. Tests that need it are skipped there, with this reason. Another
difference hinders no test: a line whose user has died goes to its pull on gpio-sim, while the simulated chip keeps its
level; so `leave_at` says where it shall stand."""


@dataclass(frozen=True)
class Pin:
    """A line of a chip, as the document names it."""

    chip: str
    line: int


class LineBench(ABC):
    """All chips of one door.

    Attributes:
        kind: a key of `DIFFERENCES`.
        chips: names for the document.
    """

    kind: str
    chips: tuple[str, ...]

    def needs(self, what: Shows) -> None:
        """Skips the test, with the reason, where this kind of chip cannot show it."""
        reason = DIFFERENCES[self.kind].get(what)
        if reason is not None:
            pytest.skip(f"not shown on the {self.kind} chip: {what}: {reason}")

    async def connect(self) -> None:  # noqa: B027 - not every kind needs it
        """Called whenever io has claimed its lines, and may have been started anew."""

    async def disconnect(self) -> None:  # noqa: B027
        """Called at the end of a test."""

    @abstractmethod
    async def put(self, pin: Pin, level: int) -> float:
        """Puts an input to a physical level; returns a monotonic second just before or at the edge."""

    @abstractmethod
    def level(self, pin: Pin) -> int | None:
        """Returns the physical level of an output, measured from outside; None when it was never driven."""

    @abstractmethod
    def last_driven(self, pin: Pin) -> int | None:
        """Returns the level that a program last drove an output to, whatever became of that program."""

    @abstractmethod
    def changes(self, pin: Pin) -> list[Change]:
        """Returns how an output was driven since `connect`, repeats of a level left out."""

    @abstractmethod
    def leave_at(self, pin: Pin, level: int) -> None:
        """Has an output stand at this level, to which it is driven, also when its user dies without a word."""

    @abstractmethod
    def taken(self, pin: Pin) -> AbstractContextManager[None]:
        """Another program has this line for the length of the context; raises while somebody else has it."""

    @abstractmethod
    def pull_out(self, chip: str) -> None:
        """Makes a chip disappear."""

    @abstractmethod
    def put_back(self, chip: str) -> None:
        """Makes it come back."""
