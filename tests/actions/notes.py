"""Messages to send in tests."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from doorbus_actions.note import Note

BERLIN = ZoneInfo("Europe/Berlin")
TIME = "2026-05-04T12:00:00.000+02:00"


def note(message: str = "m1", call: str | None = "c1") -> Note:
    """Returns the message of a press at `TIME`."""
    pressed_at = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
    return Note(message, "front", "it", "p1", "button1", call, "call" if call else "nothing", pressed_at)
