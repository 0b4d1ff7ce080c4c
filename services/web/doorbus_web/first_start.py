"""The first start: an admin with a one-time password, said once."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from doorbus_web.access.access import Access

ADMIN = "admin"


async def first_admin(access: Access, file: Path | None) -> None:
    """Makes the admin where there is no user at all.

    The password goes to `file` (0600), which whoever started us reads and removes; without one it is printed, to
    standard output and not to the log, once.

    Raises:
        OSError: the file cannot be written.
    """
    if access.users.all():
        return
    password = await access.give_one_time_password(ADMIN)
    say_once(ADMIN, password, file)


def say_once(name: str, password: str, file: Path | None) -> None:
    """Says a one-time password."""
    if file is None:
        sys.stdout.write(f"\nSign in as {name} with the one-time password {password}\n\n")
        sys.stdout.flush()
        return
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(f"{name} {password}\n")
