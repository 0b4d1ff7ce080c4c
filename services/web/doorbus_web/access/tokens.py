"""API tokens of programs: 256 random bits, shown once, kept as a hash, with scopes, an end, and their last use."""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from doorbus.contract.subjects import is_door
from doorbus_web.access.model import checked_scopes
from doorbus_web.access.sessions import hashed

PREFIX = "dbt_"
"""So that a token in a log or a repository is recognised."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}")
USED_EVERY_S = 60.0
"""How exactly the last use is kept."""
MOST = 500


class TokenError(ValueError):
    """A token cannot be made so; the text names the field and says what is allowed."""


@dataclass(frozen=True)
class Token:
    """A token as kept; times are seconds since 1970.

    Attributes:
        doors: which it is for; empty = every one.
        expires_at: None = never.
        used_at: None = not yet.
    """

    id: str
    name: str
    scopes: frozenset[str]
    doors: frozenset[str]
    created_by: str
    created_at: float
    expires_at: float | None
    used_at: float | None


class Tokens:
    """The tokens.

    Args:
        database: as `database.opened` returns it.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def all(self) -> tuple[Token, ...]:
        """Returns all tokens by name."""
        return tuple(_token(row) for row in self._database.execute("SELECT * FROM tokens ORDER BY name"))

    def make(
        self,
        name: str,
        scopes: Iterable[str],
        doors: Iterable[str],
        by: str,
        now: float,
        expires_at: float | None = None,
    ) -> tuple[Token, str]:
        """Makes a token; returns it and its secret, which nobody can see again. Raises TokenError."""
        if NAME.fullmatch(name) is None:
            raise TokenError("name: 1 to 48 of letters, digits, ., _ and -, a letter or digit first")
        try:
            allowed = checked_scopes(scopes)
        except ValueError as error:
            raise TokenError(str(error)) from None
        of_doors = frozenset(doors)
        for door in sorted(of_doors):
            if not is_door(door):
                raise TokenError(f"doors: {door[:40]!r} is not a door: 1 to 32 of a-z, 0-9 and -")
        if expires_at is not None and expires_at <= now:
            raise TokenError("expires_at: must lie in the future")
        if len(self.all()) >= MOST:
            raise TokenError(f"name: there are {MOST} tokens already")
        secret = PREFIX + secrets.token_urlsafe(32)
        token = Token(secrets.token_hex(6), name, allowed, of_doors, by, now, expires_at, None)
        kept = (" ".join(sorted(allowed)), " ".join(sorted(of_doors)), by, now, expires_at, None)
        try:
            self._database.execute(
                "INSERT INTO tokens VALUES (?,?,?,?,?,?,?,?,?)", (token.id, name, hashed(secret), *kept)
            )
        except sqlite3.IntegrityError:
            raise TokenError(f"name: there is a token {name} already") from None
        return token, secret

    def find(self, secret: str, now: float) -> Token | None:
        """Returns the token of a secret, None when there is none or it is over; notes its use."""
        row = self._database.execute("SELECT * FROM tokens WHERE hash=?", (hashed(secret),)).fetchone()
        token = _standing(row, now)
        if token is not None and (token.used_at is None or abs(now - token.used_at) > USED_EVERY_S):
            self._database.execute("UPDATE tokens SET used_at=? WHERE id=?", (now, token.id))
        return token

    def standing(self, token_id: str, now: float) -> Token | None:
        """Returns a token where it still stands; this is no use of it."""
        return _standing(self._database.execute("SELECT * FROM tokens WHERE id=?", (token_id,)).fetchone(), now)

    def revoke(self, token_id: str) -> bool:
        """Ends a token; False when there is none."""
        return self._database.execute("DELETE FROM tokens WHERE id=?", (token_id,)).rowcount > 0


def _standing(row: sqlite3.Row | None, now: float) -> Token | None:
    token = None if row is None else _token(row)
    return None if token is None or (token.expires_at is not None and token.expires_at <= now) else token


def _token(row: sqlite3.Row) -> Token:
    return Token(
        id=row["id"],
        name=row["name"],
        scopes=frozenset(row["scopes"].split()),
        doors=frozenset(row["doors"].split()),
        created_by=row["created_by"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        used_at=row["used_at"],
    )
