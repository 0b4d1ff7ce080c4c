"""Who somebody is, and getting in: what guard and pages ask."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import structlog

from doorbus_web.access import guessing
from doorbus_web.access.database import opened
from doorbus_web.access.model import ROLE_SCOPES, Principal, Role
from doorbus_web.access.passwords import Passwords, one_time_password
from doorbus_web.access.sessions import Sessions, hashed
from doorbus_web.access.tokens import Token, Tokens
from doorbus_web.access.users import Users
from doorbus_web.metrics import SIGN_INS
from doorbus_web.settings import WebSettings

log = structlog.get_logger()


@dataclass(frozen=True)
class SignedIn:
    """The password was right: the id for the cookie of a new session."""

    session_id: str


@dataclass(frozen=True)
class WrongPassword:
    """It was not, or there is no such user."""


class Access:
    """Users, sessions and tokens, with the rules around them.

    Args:
        database: as `database.opened` returns it.
        settings: how long sessions last.
        wall: seconds since 1970.
        monotonic: seconds for the waits of guessers.
    """

    def __init__(
        self,
        database: sqlite3.Connection,
        settings: WebSettings,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self.users = Users(database)
        self.sessions = Sessions(database, settings.web_session_idle_s, settings.web_session_max_s)
        self.tokens = Tokens(database)
        self.passwords = Passwords()
        self.wall = wall
        self._monotonic = monotonic
        self._guessing = guessing.Guessing()
        self._bad_tokens = guessing.Guessing()

    @classmethod
    def at(cls, settings: WebSettings) -> Self:
        """Opens it in the state directory. Raises OSError or sqlite3.Error where that cannot be used."""
        return cls(opened(settings.web_dir), settings)

    def close(self) -> None:
        """Closes the database."""
        self._database.close()

    # --- getting in ----------------------------------------------------------------------------------------------

    async def sign_in(self, user: str, password: str, address: str) -> SignedIn | WrongPassword | guessing.TooSoon:
        """Tries a password; a right one begins a new session."""
        user = user.strip().lower()[:64]
        self._guessing, verdict = guessing.begin(self._guessing, user, address, self._monotonic())
        if isinstance(verdict, guessing.TooSoon):
            SIGN_INS.labels("locked" if verdict.locked else "too_soon").inc()
            log.warning("a login came too soon", address=address, locked=verdict.locked)
            return verdict
        if not await self.passwords.matches(self.users.hash_of(user), password):
            SIGN_INS.labels("wrong_password").inc()
            log.warning("a wrong password", address=address)
            return WrongPassword()
        self._guessing = guessing.right(self._guessing, verdict, user, address, self._monotonic())
        SIGN_INS.labels("ok").inc()
        log.info("signed in", user=user, address=address)
        return SignedIn(self.sessions.begin(user, address, self.wall()))

    async def confirm(self, user: str, password: str, address: str) -> bool | guessing.TooSoon:
        """Checks the password of somebody who is signed in; counted as a login's."""
        self._guessing, verdict = guessing.begin(self._guessing, user, address, self._monotonic())
        if isinstance(verdict, guessing.TooSoon):
            return verdict
        if not await self.passwords.matches(self.users.hash_of(user), password):
            return False
        self._guessing = guessing.right(self._guessing, verdict, user, address, self._monotonic())
        return True

    # --- who asks ------------------------------------------------------------------------------------------------

    def by_session(self, session_id: str, *, used: bool = True) -> Principal | None:
        """Returns who a session's cookie belongs to; `used` false leaves the time of its last use as it was."""
        sessions, now = self.sessions, self.wall()
        session = sessions.find(session_id, now) if used else sessions.standing(hashed(session_id), now)
        return None if session is None else self._person(session.user, session.csrf, session.key)

    def by_token(self, secret: str, address: str) -> Principal | guessing.TooSoon | None:
        """Returns who a token belongs to; whoever shows wrong ones over and over is slowed down."""
        token = self.tokens.find(secret, self.wall())
        if token is not None:
            return _program(token)
        self._bad_tokens, verdict = guessing.begin(self._bad_tokens, "", address, self._monotonic())
        return verdict if isinstance(verdict, guessing.TooSoon) else None

    def stands(self, principal: Principal) -> bool:
        """Tells whether somebody is still allowed what they were: live views ask while they last."""
        if principal.kind == "token":
            token = self.tokens.standing(principal.key, self.wall())
            return token is not None and _program(token) == principal
        session = self.sessions.standing(principal.key, self.wall())
        return session is not None and self._person(session.user, session.csrf, session.key) == principal

    def _person(self, name: str, csrf: str, key: str) -> Principal | None:
        user = self.users.get(name)
        if user is None:
            return None
        scopes = ROLE_SCOPES[user.role]
        return Principal("user", name, scopes, csrf=csrf, key=key, must_change=user.must_change, role=user.role)

    # --- the admin -----------------------------------------------------------------------------------------------

    async def give_one_time_password(self, name: str) -> str:
        """Makes `name` admin with a new one-time password, and returns it; the user may be there or not."""
        password = one_time_password()
        hash_ = await self.passwords.hash(password)
        if self.users.get(name) is None:
            self.users.add(name, Role.ADMIN, hash_, self.wall(), must_change=True)
        else:
            self.users.set_password(name, hash_, must_change=True)
            self.users.set_role(name, Role.ADMIN)
        return password


def _program(token: Token) -> Principal:
    return Principal("token", token.name, token.scopes, token.doors, key=token.id)
