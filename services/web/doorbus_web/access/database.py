"""The file database of users, sessions and tokens: SQLite in the state directory, readable by this service alone.

Every query is a lookup by key among some hundred rows and takes microseconds, so it is done in the event loop.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    name TEXT PRIMARY KEY, role TEXT NOT NULL, hash TEXT NOT NULL, must_change INTEGER NOT NULL,
    created_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS sessions (
    hash TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES users(name) ON DELETE CASCADE, csrf TEXT NOT NULL,
    created_at REAL NOT NULL, seen_at REAL NOT NULL, address TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS tokens (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, hash TEXT NOT NULL UNIQUE, scopes TEXT NOT NULL,
    doors TEXT NOT NULL, created_by TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL, used_at REAL
);
"""


def opened(folder: Path | None) -> sqlite3.Connection:
    """Opens the database below `folder` and makes what is missing; None = in memory, for tests.

    Raises:
        OSError, sqlite3.Error: it cannot be used.
    """
    if folder is None:
        database = sqlite3.connect(":memory:", isolation_level=None)
    else:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "access.db"
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        database = sqlite3.connect(path, isolation_level=None, timeout=2.0)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")  # a revoked token stays revoked when the power goes
    database.row_factory = sqlite3.Row
    database.execute("PRAGMA foreign_keys=ON")
    database.executescript(SCHEMA)
    return database
