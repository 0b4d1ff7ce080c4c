"""The inputs and relays of the last document, kept on this box: the exit button works after a start without the bus.

Also read by `rest`, which must know what to bring to rest when everything else is gone.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import structlog
from pydantic import BaseModel, ValidationError

from doorbus.contract.document.io import Io

log = structlog.get_logger()


class Kept(BaseModel):
    """What the file holds."""

    revision: int
    io: Io


def keep(path: Path, kept: Kept) -> None:
    """Writes the file, whole or not at all, also when the power fails.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(kept.model_dump_json())
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def recall(path: Path) -> Kept | None:
    """Reads the file; None when there is none.

    Raises:
        ValueError: it holds something else.
        OSError: it cannot be read.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return Kept.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(f"{path}: {error.error_count()} mistakes in what was kept") from None


class KeptWriter:
    """Writes the latest one in the background: an SD card may take a second, and no relay waits for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._latest: Kept | None = None
        self._changed = asyncio.Event()

    def put(self, kept: Kept) -> None:
        """Has it written; returns at once."""
        self._latest = kept
        self._changed.set()

    async def run(self) -> None:
        """Writes until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._latest is None:
                continue
            try:
                await asyncio.to_thread(keep, self._path, self._latest)
            except OSError as error:  # the door works; only a start without the bus would not
                log.warning("the document is not kept on this box", why=str(error))
