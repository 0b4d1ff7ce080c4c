"""Roles, scopes, and who somebody is.

| scope | allows |
|---|---|
| `read` | to see doors, their state, their events |
| `call` | to dial and to hang up |
| `press` | to press a button as a finger would |
| `dnd` | to turn do-not-disturb on and off |
| `unlock:<relay>`, `unlock:*` | to open that relay's door, or all |
| `configure` | to read and change documents |
| `admin` | users and tokens |

A person's role gives scopes; a token has the ones it was made with. `read` is in everything but a token that was made
without it: a button on a wall that only opens the gate sees nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

ALL = "*"
UNLOCK = "unlock:"
PLAIN_SCOPES = ("read", "call", "press", "dnd", "configure", "admin")
SCOPE = re.compile(r"read|call|press|dnd|configure|admin|unlock:(\*|[A-Za-z0-9_-]{1,64})")
SCOPES_IN_WORDS = "read, call, press, dnd, unlock:<relay>, unlock:*, configure, admin"


class Role(StrEnum):
    """What a person is here for."""

    VIEWER = "viewer"
    """Sees."""
    OPERATOR = "operator"
    """Sees, calls, opens, turns do-not-disturb on and off."""
    ADMIN = "admin"
    """All, with documents, users and tokens."""


ROLE_SCOPES: dict[Role, frozenset[str]] = {
    Role.VIEWER: frozenset({"read"}),
    Role.OPERATOR: frozenset({"read", "call", "press", "dnd", "unlock:*"}),
    Role.ADMIN: frozenset({"read", "call", "press", "dnd", "unlock:*", "configure", "admin"}),
}


@dataclass(frozen=True)
class Principal:
    """Who asks.

    Attributes:
        kind: a person with a session, or a program with a token.
        name: of the user, or of the token.
        scopes: what is allowed.
        doors: which doors it is for; empty = every one.
        csrf: what a person's forms must carry; empty for a token.
        key: of the session or token in the store, to ask whether it still stands.
        must_change: the password is a one-time one: nothing but changing it is allowed.
        role: of a person.
    """

    kind: Literal["user", "token"]
    name: str
    scopes: frozenset[str]
    doors: frozenset[str] = frozenset()
    csrf: str = ""
    key: str = ""
    must_change: bool = False
    role: Role | None = None

    def may(self, scope: str, door: str | None = None) -> bool:
        """Tells whether `scope` is allowed, at `door` where one is meant; `unlock` alone means any relay."""
        if door is not None and not self.sees(door):
            return False
        if scope == "unlock":
            return any(each.startswith(UNLOCK) for each in self.scopes)
        return scope in self.scopes or (scope.startswith(UNLOCK) and UNLOCK + ALL in self.scopes)

    def sees(self, door: str) -> bool:
        """Tells whether a door is one of those it is for."""
        return not self.doors or door in self.doors

    @property
    def by(self) -> str:
        """How an event names it: a user's name, or a token's with its kind before it."""
        return self.name if self.kind == "user" else f"token {self.name}"


def checked_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """Returns the scopes. Raises ValueError, in words, when there are none or one is unknown."""
    found = frozenset(scopes)
    for scope in sorted(found):
        if SCOPE.fullmatch(scope) is None:
            raise ValueError(f"scopes: {scope[:40]!r} is not one of {SCOPES_IN_WORDS}")
    if not found:
        raise ValueError(f"scopes: at least one of {SCOPES_IN_WORDS}")
    return found
