"""Sessions of people: on the server, by the hash of a random id that only the browser's cookie holds.

A session ends when it was not used for `idle_s`, when it is `max_s` old, at logout, and with its user or password.
Each login makes a new one: nothing that a browser had before a login counts after it.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass

SEEN_EVERY_S = 30.0
"""How exactly the last use is kept: a page that asks each second writes no more often."""
MOST_OF_A_USER = 20
"""The oldest one ends for the next."""


@dataclass(frozen=True)
class Session:
    """A session as kept.

    Attributes:
        key: hash of its id.
        csrf: what forms of this session carry.
    """

    key: str
    user: str
    csrf: str
    created_at: float
    seen_at: float
    address: str


class Sessions:
    """The sessions.

    Args:
        database: as `database.opened` returns it.
        idle_s: without use.
        max_s: in all.
    """

    def __init__(self, database: sqlite3.Connection, idle_s: float, max_s: float) -> None:
        self._database = database
        self._idle_s = idle_s
        self._max_s = max_s

    def begin(self, user: str, address: str, now: float) -> str:
        """Begins a session and returns its id, for the cookie."""
        self._forget_old(now)
        session_id = secrets.token_urlsafe(32)
        row = (hashed(session_id), user, secrets.token_urlsafe(32), now, now, address)
        self._database.execute("INSERT INTO sessions VALUES (?,?,?,?,?,?)", row)
        self._database.execute(
            "DELETE FROM sessions WHERE user=? AND hash NOT IN "
            "(SELECT hash FROM sessions WHERE user=? ORDER BY created_at DESC, rowid DESC LIMIT ?)",
            (user, user, MOST_OF_A_USER),
        )
        return session_id

    def find(self, session_id: str, now: float) -> Session | None:
        """Returns the session of a cookie, None when there is none or it is over; notes its use."""
        session = self.standing(hashed(session_id), now)
        if session is not None and now - session.seen_at > SEEN_EVERY_S:
            self._database.execute("UPDATE sessions SET seen_at=? WHERE hash=?", (now, session.key))
        return session

    def standing(self, key: str, now: float) -> Session | None:
        """Returns the session of a key where it still stands; this is no use of it."""
        row = self._database.execute("SELECT * FROM sessions WHERE hash=?", (key,)).fetchone()
        if row is None:
            return None
        session = Session(row["hash"], row["user"], row["csrf"], row["created_at"], row["seen_at"], row["address"])
        if 0 <= now - session.seen_at < self._idle_s and now - session.created_at < self._max_s:
            return session
        self.end(key)  # also where the clock went back: how old it is cannot be told
        return None

    def end(self, key: str) -> None:
        """Ends a session."""
        self._database.execute("DELETE FROM sessions WHERE hash=?", (key,))

    def _forget_old(self, now: float) -> None:
        old = (now - self._idle_s, now - self._max_s)
        self._database.execute("DELETE FROM sessions WHERE seen_at<? OR created_at<?", old)


def hashed(secret: str) -> str:
    """Returns what is kept of a random id or token of 256 bits: SHA-256 suffices, as there is nothing to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()
