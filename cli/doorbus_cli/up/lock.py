"""One `doorbus up` a run directory."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

WAIT_S = 6.0
"""A guard that ends what a killed `up` left behind holds the lock for at most so long."""


class AlreadyUpError(Exception):
    """Another `doorbus up` runs in this directory."""


def take_lock(run_dir: Path) -> int:
    """Returns the descriptor that holds the lock.

    Raises:
        AlreadyUpError: it is held by another `up` that lives.
    """
    descriptor = os.open(run_dir / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(descriptor, 32, 0).decode().strip()
            if _lives(holder) or time.monotonic() > deadline:
                os.close(descriptor)
                raise AlreadyUpError(f"a door is up in {run_dir} already (pid {holder or 'unknown'})") from None
            time.sleep(0.1)
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            return descriptor


def _lives(pid: str) -> bool:
    return pid.isdigit() and Path(f"/proc/{pid}").exists()
