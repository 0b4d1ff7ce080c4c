"""`python -m doorbus_web reset-admin [NAME]`: for whoever has lost the admin's password, and has the box."""

from __future__ import annotations

import asyncio
import sqlite3

from doorbus_web.access.access import Access
from doorbus_web.first_start import ADMIN, say_once
from doorbus_web.settings import WebSettings


def reset_admin(settings: WebSettings, name: str = ADMIN) -> None:
    """Makes `name` admin with a new one-time password and prints it; all sessions of that user end.

    The service may run meanwhile. Raises SystemExit, saying why, where the database cannot be used.
    """
    try:
        access = Access.at(settings)
        password = asyncio.run(access.give_one_time_password(name))
        access.close()
    except (OSError, sqlite3.Error, ValueError) as error:
        raise SystemExit(f"{settings.web_dir}: {error}") from None
    say_once(name, password, None)
