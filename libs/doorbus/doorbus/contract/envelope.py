"""The envelope of an event: CloudEvents 1.0, binary content mode, in NATS headers.

Extensions beside the required attributes: `ce-epoch` and `ce-sequence` number a source's events (a gap means that some
were missed), `ce-clock` tells whether `ce-time` is bus time, `ce-agems` how old the fact was when it was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"


@dataclass(frozen=True)
class Envelope:
    """What the headers of an event say.

    Attributes:
        id: UUID, also `Nats-Msg-Id`, so that the stream drops a repeat.
        source: `/door/<door>/<service>`.
        type: `doorbus.<domain>.<what>.v1`.
        time: when it happened.
        epoch: which life of the source speaks.
        sequence: its number in that life, from 1.
        clock: `bus` when `time` is bus time, `local` when the source could not know that.
        age_ms: milliseconds from the fact to its first transmission.
    """

    id: str
    source: str
    type: str
    time: datetime
    epoch: int
    sequence: int
    clock: Literal["bus", "local"] = "bus"
    age_ms: int = 0

    @property
    def service(self) -> str:
        """The service that tells it."""
        return self.source.rsplit("/", 1)[-1]

    def to_headers(self) -> dict[str, str]:
        """Returns the NATS headers."""
        return {
            "Nats-Msg-Id": self.id,
            "ce-specversion": SPEC_VERSION,
            "ce-id": self.id,
            "ce-source": self.source,
            "ce-type": self.type,
            "ce-time": self.time.isoformat(timespec="milliseconds"),
            "ce-epoch": str(self.epoch),
            "ce-sequence": str(self.sequence),
            "ce-clock": self.clock,
            "ce-agems": str(self.age_ms),
            "Content-Type": CONTENT_TYPE,
        }


def source(door: str, service: str) -> str:
    """Returns the CloudEvents source of a door's service."""
    return f"/door/{door}/{service}"


def parse_headers(headers: Mapping[str, str] | None) -> Envelope:
    """Reads an envelope from NATS headers, in any case of letters.

    Raises:
        ValueError: a required attribute is missing or unreadable; the text names it.
    """
    given = {name.lower(): value for name, value in (headers or {}).items()}

    def required(name: str) -> str:
        if not given.get(name):
            raise ValueError(f"header {name} is missing")
        return given[name]

    def number(name: str) -> int:
        text = given.get(name, "0")
        if not text.isdigit():
            raise ValueError(f"header {name} must be a whole number, not {text[:32]!r}")
        return int(text)

    if required("ce-specversion") != SPEC_VERSION:
        raise ValueError(f"header ce-specversion must be {SPEC_VERSION}")
    try:
        time = datetime.fromisoformat(required("ce-time"))
    except ValueError as error:
        raise ValueError(f"header ce-time: {error}") from None
    if time.tzinfo is None:
        raise ValueError("header ce-time needs a time zone")
    return Envelope(
        id=required("ce-id"),
        source=required("ce-source"),
        type=required("ce-type"),
        time=time,
        epoch=number("ce-epoch"),
        sequence=number("ce-sequence"),
        clock="local" if given.get("ce-clock") == "local" else "bus",
        age_ms=number("ce-agems"),
    )
