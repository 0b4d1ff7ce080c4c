"""Users as they are kept: name, role, hash of the password."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

from doorbus_web.access.model import Role

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
MOST = 200


class UserError(ValueError):
    """A user cannot be made or changed so; the text says why, for a person."""


@dataclass(frozen=True)
class User:
    """A person.

    Attributes:
        must_change: the password is a one-time one.
        created_at: seconds since 1970.
    """

    name: str
    role: Role
    must_change: bool
    created_at: float


class Users:
    """The users.

    Args:
        database: as `database.opened` returns it.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def all(self) -> tuple[User, ...]:
        """Returns all users by name."""
        return tuple(_user(row) for row in self._database.execute("SELECT * FROM users ORDER BY name"))

    def get(self, name: str) -> User | None:
        """Returns a user, None when there is none."""
        row = self._row(name)
        return None if row is None else _user(row)

    def hash_of(self, name: str) -> str | None:
        """Returns the hash of a user's password, None when there is no such user."""
        row = self._row(name)
        return None if row is None else str(row["hash"])

    def add(self, name: str, role: Role, hash_: str, now: float, *, must_change: bool) -> None:
        """Adds a user. Raises UserError."""
        if NAME.fullmatch(name) is None:
            raise UserError("name: 1 to 32 of a-z, 0-9, ., _ and -, a letter or digit first")
        if len(self.all()) >= MOST:
            raise UserError(f"name: there are {MOST} users already")
        try:
            self._database.execute("INSERT INTO users VALUES (?,?,?,?,?)", (name, role.value, hash_, must_change, now))
        except sqlite3.IntegrityError:
            raise UserError(f"name: there is a user {name} already") from None

    def set_password(self, name: str, hash_: str, *, must_change: bool) -> None:
        """Sets a user's password and ends all sessions of that user."""
        self._database.execute("UPDATE users SET hash=?, must_change=? WHERE name=?", (hash_, must_change, name))
        self._database.execute("DELETE FROM sessions WHERE user=?", (name,))

    def set_role(self, name: str, role: Role) -> None:
        """Sets a user's role. Raises UserError where nobody would be left who is admin."""
        self._keep_an_admin(name, role)
        self._database.execute("UPDATE users SET role=? WHERE name=?", (role.value, name))

    def remove(self, name: str) -> None:
        """Removes a user, with the sessions. Raises UserError where nobody would be left who is admin."""
        self._keep_an_admin(name, None)
        self._database.execute("DELETE FROM users WHERE name=?", (name,))

    def _keep_an_admin(self, name: str, role: Role | None) -> None:
        others = [user for user in self.all() if user.role is Role.ADMIN and user.name != name]
        if not others and role is not Role.ADMIN:
            raise UserError(f"{name} is the only admin: make somebody else admin first")

    def _row(self, name: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._database.execute("SELECT * FROM users WHERE name=?", (name,)).fetchone()
        return row


def _user(row: sqlite3.Row) -> User:
    return User(row["name"], Role(row["role"]), bool(row["must_change"]), row["created_at"])
