"""Settings of the sip service, from the environment (`DOORBUS_…`)."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from doorbus.runtime.settings import OneDoorSettings


class SipSettings(OneDoorSettings):
    """What sip must know before it can read a document."""

    spare_dialers: int = Field(default=1, ge=0, le=8)
    """Dialers kept ready: with the front's 4 slots, 8 phones ring at once without a process to start first."""

    audio_dir: Path | None = None
    """Folder that relative file names of the `file` audio backend belong to; None = the working directory."""
