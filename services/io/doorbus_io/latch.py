"""What a simulated chip's hardware would keep: the levels of its outputs, and who has the chip.

Both outlive the process: the levels in a small JSON file (`{"8": 1}`, written at each change), as the output register
of a real chip keeps them when its user is killed; the ownership in a lock that the kernel drops with its process, as
it drops a line request.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

from doorbus_io.chips import ChipError


class Latch:
    """The output register of one simulated chip, owned from `open` to `close`.

    Args:
        path: of the file; the lock lies beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: int | None = None
        self._levels: dict[int, int] = {}

    def open(self) -> None:
        """Takes the chip and reads what was left in it.

        Raises:
            ChipError: another process has it, or the file cannot be used.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ChipError(f"{self._path}: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise ChipError(f"{self._path}: another process has this chip") from error
        self._lock = lock
        self._levels = read_levels(self._path)

    def get(self, line: int) -> int | None:
        """Returns the level that an output was last driven to, None when it never was."""
        return self._levels.get(line)

    def set(self, line: int, level: int) -> None:
        """Drives an output; the file holds it before this returns. Raises `ChipError` when it cannot be written."""
        if self._lock is None:
            raise ChipError(f"{self._path}: the chip is closed")
        if self._levels.get(line) == level:
            return
        levels = {**self._levels, line: level}
        fresh = self._path.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(levels))
            fresh.replace(self._path)
        except OSError as error:
            raise ChipError(f"{self._path}: {error.strerror}") from error
        self._levels = levels

    def close(self) -> None:
        """Gives the chip back; the levels stay."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def read_levels(path: Path) -> dict[int, int]:
    """Returns the latched levels of a chip; a missing or damaged file is a chip that was never driven."""
    try:
        found = json.loads(path.read_text())
        return {int(line): 1 if level else 0 for line, level in found.items()}
    except (OSError, ValueError, AttributeError):
        return {}
