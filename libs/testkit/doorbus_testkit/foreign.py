"""What tests ask of a phone that nobody here wrote, whichever it is: baresip or linphone."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from doorbus_testkit.netns import Host
from doorbus_testkit.polling import eventually
from doorbus_testkit.program import Program, ProgramError

TONE_S = 120

Moment = Literal["incoming", "ringing", "answered", "ended", "other"]
"""`incoming` = it rings here, `ringing` = it rings at the far side, `answered` = both can talk."""


@dataclass(frozen=True, slots=True)
class ForeignEvent:
    """Something that happened in the phone.

    Attributes:
        moment: what, in words that all phones share.
        name: what, in the phone's own word.
        at: the monotonic second at which it was read.
        detail: all that the phone says about it.
    """

    moment: Moment
    name: str
    at: float
    detail: Mapping[str, Any] = field(default_factory=dict)


class ForeignPhone(Program):
    """A phone in a network namespace, with one account, that plays a tone into its calls.

    Args:
        program: its name on the path.
        host: the namespace it lives in.
        name: user part of its address.
        registrar: host, or host and port, at which it registers before it is ready; None = it has no
            registrar.

    Attributes:
        events: what happened, in order.
    """

    def __init__(self, program: str, host: Host, name: str, registrar: str | None) -> None:
        super().__init__(program, f"{program} {name}", host.prefix)
        self.host = host
        self.name = name
        self.registrar = registrar
        self.events: list[ForeignEvent] = []

    @property
    def uri(self) -> str:
        """Its own address, without a registrar: `sip:NAME@ADDRESS`."""
        return f"sip:{self.name}@{self.host.address}"

    @property
    def heard(self) -> Path:
        """The newest recording, a wav file; raises ProgramError when it has heard nothing."""
        if not self.recordings:
            raise ProgramError(f"{self.uri} has heard nothing")
        return self.recordings[-1]

    @property
    @abstractmethod
    def recordings(self) -> list[Path]:
        """What it heard, wav files in order of time."""

    @abstractmethod
    async def dial(self, uri: str) -> None:
        """Calls an address."""

    @abstractmethod
    async def accept(self) -> None:
        """Answers the incoming call."""

    @abstractmethod
    async def hangup(self) -> None:
        """Ends the call, whatever its state."""

    @abstractmethod
    async def hold(self) -> None:
        """Holds the call."""

    @abstractmethod
    async def resume(self) -> None:
        """Takes the held call back."""

    @abstractmethod
    async def send_digits(self, digits: str) -> None:
        """Sends DTMF digits, one after the other."""

    @abstractmethod
    def sip_text(self) -> str:
        """Returns each SIP message that it has sent and received, as its log has them."""

    def of(self, moment: Moment) -> list[ForeignEvent]:
        """Returns the events of a moment, in order."""
        return [event for event in self.events if event.moment == moment]

    async def wait_for(self, moment: Moment, within_s: float = 15.0, count: int = 1) -> ForeignEvent:
        """Waits for the `count`-th event of a moment and returns it.

        Raises:
            AssertionError: after `within_s` seconds; tells what happened in its place.
        """
        try:
            await eventually(lambda: len(self.of(moment)) >= count, within_s, 0.005)
        except AssertionError:
            seen = ", ".join(event.name for event in self.events)
            raise AssertionError(f"{self.uri}: not {moment} ({count}) within {within_s:g} s; seen: {seen}") from None
        return self.of(moment)[count - 1]

    def _note(self, moment: Moment, name: str, detail: Mapping[str, Any]) -> None:
        self.events.append(ForeignEvent(moment, name, time.monotonic(), detail))
