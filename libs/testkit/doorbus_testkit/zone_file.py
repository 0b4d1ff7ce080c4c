"""Time zones made for a test (RFC 9636), whose clocks show what the test needs just now, to the second.

Bus time is the clock of the NATS server, a static program that libfaketime cannot reach. So a test that needs a
boundary in three seconds leaves all clocks alone and gives its door a zone in which it is 07:59:57, or in which the
clocks go forward in five seconds.

    folder = tmp_path / "zones"
    write_zone(folder, "Test/Soon", [Offset(None, offset_that_shows(time(7, 59, 57)), "SOON")])
    monkeypatch.setenv(*search_path(folder))      # for programs started from now on; not for this process
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import TZPATH


@dataclass(frozen=True)
class Offset:
    """A piece of a zone's history.

    Attributes:
        since: the clock shows it from here on, in whole seconds; None for the first piece.
        offset: from UTC, less than a day.
        name: letters, as `CET`.
        is_dst: daylight saving time.
    """

    since: datetime | None
    offset: timedelta
    name: str
    is_dst: bool = False


def offset_that_shows(wanted: time, at: datetime | None = None) -> timedelta:
    """Returns the offset from UTC with which a clock shows `wanted` at a moment (now), within 12 hours either way."""
    moment = (at or datetime.now(UTC)).astimezone(UTC)
    away = datetime.combine(moment.date(), wanted) - moment.replace(tzinfo=None)
    half = timedelta(hours=12)
    away = (away + half) % (2 * half) - half
    return timedelta(seconds=round(away.total_seconds()))


def write_zone(folder: Path, name: str, history: Sequence[Offset]) -> Path:
    """Writes a zone; the last offset holds for ever.

    Args:
        folder: of a time zone database of one's own.
        name: as a document names it, `Test/Soon`.
        history: in the order of time.
    """
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    first = _block("i", history[:1])
    path.write_bytes(_header(history[:1]) + first + _header(history) + _block("q", history) + b"\n\n")
    return path


def search_path(folder: Path) -> tuple[str, str]:
    """Returns name and value of the variable that has Python look for zones there first, then where it always does."""
    return "PYTHONTZPATH", os.pathsep.join([str(folder), *TZPATH])


def _header(history: Sequence[Offset]) -> bytes:
    letters = sum(len(each.name) + 1 for each in history)
    return struct.pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, len(history) - 1, len(history), letters)


def _block(size: str, history: Sequence[Offset]) -> bytes:
    changes = [int(each.since.timestamp()) for each in history[1:] if each.since is not None]
    kinds = b""
    letters = b""
    for each in history:
        kinds += struct.pack(">lbB", int(each.offset.total_seconds()), each.is_dst, len(letters))
        letters += each.name.encode() + b"\0"
    return struct.pack(f">{len(changes)}{size}", *changes) + bytes(range(1, len(history))) + kinds + letters
