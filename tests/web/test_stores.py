"""Users, sessions and tokens as they are kept."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorbus_web.access.database import opened
from doorbus_web.access.model import ROLE_SCOPES, Principal, Role, checked_scopes
from doorbus_web.access.sessions import MOST_OF_A_USER, Sessions
from doorbus_web.access.tokens import TokenError, Tokens
from doorbus_web.access.users import UserError, Users

IDLE_S, MAX_S = 100.0, 1000.0


@pytest.fixture
def database() -> sqlite3.Connection:
    """An empty database with one user."""
    database = opened(None)
    Users(database).add("anna", Role.ADMIN, "hash", 0.0, must_change=False)
    return database


def test_the_file_is_nobody_elses(tmp_path: Path) -> None:
    """The database file has mode 0600 in a directory of mode 0700, and is there again after a restart."""
    database = opened(tmp_path / "web")
    Users(database).add("anna", Role.VIEWER, "hash", 0.0, must_change=True)
    database.close()
    assert stat.S_IMODE((tmp_path / "web/access.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "web").stat().st_mode) == 0o700
    assert [user.name for user in Users(opened(tmp_path / "web")).all()] == ["anna"]


def test_no_secret_is_kept(tmp_path: Path) -> None:
    """Neither a session's id nor a token stands in the file."""
    database = opened(tmp_path)
    Users(database).add("anna", Role.ADMIN, "hash", 0.0, must_change=False)
    session = Sessions(database, IDLE_S, MAX_S).begin("anna", "", 0.0)
    _, secret = Tokens(database).make("hub", ["read"], (), "anna", 0.0)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"anna" in content
    assert session.encode() not in content
    assert secret.encode() not in content


def test_a_session_ends_without_use(database: sqlite3.Connection) -> None:
    """After `idle_s` without use it is over, for good; with use it goes on until `max_s`."""
    sessions = Sessions(database, IDLE_S, MAX_S)
    unused, used = sessions.begin("anna", "", 0.0), sessions.begin("anna", "", 0.0)
    for now in range(50, 1000, 50):
        assert sessions.find(used, float(now)) is not None
    assert sessions.find(unused, IDLE_S) is None
    assert sessions.find(unused, 1.0) is None
    assert sessions.find(used, MAX_S) is None


def test_a_clock_that_goes_back_ends_sessions(database: sqlite3.Connection) -> None:
    """A session from the future is over: how old it is cannot be told."""
    sessions = Sessions(database, IDLE_S, MAX_S)
    session = sessions.begin("anna", "", 5000.0)
    assert sessions.find(session, 10.0) is None


def test_looking_is_no_use(database: sqlite3.Connection) -> None:
    """A live view that asks whether its session stands does not keep it alive."""
    sessions = Sessions(database, IDLE_S, MAX_S)
    found = sessions.find(sessions.begin("anna", "", 0.0), 0.0)
    assert found is not None
    assert [sessions.standing(found.key, now) is not None for now in (40.0, 80.0, 99.0, 100.0)] == [True] * 3 + [False]


def test_a_new_password_ends_all_sessions(database: sqlite3.Connection) -> None:
    """Who had the old password is out; so is a user who was removed."""
    sessions, users = Sessions(database, IDLE_S, MAX_S), Users(database)
    users.add("bert", Role.VIEWER, "hash", 0.0, must_change=False)
    annas, berts = sessions.begin("anna", "", 0.0), sessions.begin("bert", "", 0.0)
    users.set_password("anna", "other", must_change=False)
    users.remove("bert")
    assert [sessions.find(each, 1.0) for each in (annas, berts)] == [None, None]


def test_sessions_of_a_user_are_bounded(database: sqlite3.Connection) -> None:
    """The oldest ones end for new ones."""
    sessions = Sessions(database, IDLE_S, MAX_S)
    begun = [sessions.begin("anna", "", float(now)) for now in range(MOST_OF_A_USER + 3)]
    stand = [sessions.find(each, MOST_OF_A_USER + 3.0) is not None for each in begun]
    assert stand == [False] * 3 + [True] * MOST_OF_A_USER


def test_somebody_stays_admin(database: sqlite3.Connection) -> None:
    """The last admin can neither be removed nor become something else."""
    users = Users(database)
    with pytest.raises(UserError, match="only admin"):
        users.remove("anna")
    with pytest.raises(UserError, match="only admin"):
        users.set_role("anna", Role.VIEWER)
    users.add("bert", Role.ADMIN, "hash", 0.0, must_change=False)
    users.remove("anna")
    assert [user.name for user in users.all()] == ["bert"]


def test_a_token_ends(database: sqlite3.Connection) -> None:
    """A token is over at its end or when it is revoked; its last use is known."""
    tokens = Tokens(database)
    token, secret = tokens.make("hub", ["unlock:gate"], ["front"], "anna", 0.0, expires_at=100.0)
    assert tokens.find(secret, 50.0) == token
    assert tokens.all()[0].used_at == 50.0
    assert tokens.find(secret, 100.0) is None
    assert tokens.find(secret[:-1], 50.0) is None
    assert (tokens.revoke(token.id), tokens.revoke(token.id)) == (True, False)
    assert tokens.find(secret, 50.0) is None


@pytest.mark.parametrize(
    ("name", "scopes", "doors", "expires_at", "field"),
    [
        ("", ["read"], [], None, "name"),
        ("hub", [], [], None, "scopes"),
        ("hub", ["root"], [], None, "scopes"),
        ("hub", ["unlock:"], [], None, "scopes"),
        ("hub", ["unlock:a b"], [], None, "scopes"),
        ("hub", ["read"], ["Front"], None, "doors"),
        ("hub", ["read"], [], 0.0, "expires_at"),
    ],
)
def test_what_is_no_token_is_refused_by_field(
    database: sqlite3.Connection, name: str, scopes: list[str], doors: list[str], expires_at: float | None, field: str
) -> None:
    """The refusal names the field."""
    with pytest.raises(TokenError, match=f"^{field}: "):
        Tokens(database).make(name, scopes, doors, "anna", 10.0, expires_at)


def test_what_roles_may() -> None:
    """A viewer only sees; an operator also acts; an admin also configures."""
    who = {role: Principal("user", "x", ROLE_SCOPES[role]) for role in Role}
    assert [role for role in Role if who[role].may("read")] == [Role.VIEWER, Role.OPERATOR, Role.ADMIN]
    for scope in ("call", "press", "dnd", "unlock", "unlock:gate"):
        assert [role for role in Role if who[role].may(scope, "front")] == [Role.OPERATOR, Role.ADMIN]
    for scope in ("configure", "admin"):
        assert [role for role in Role if who[role].may(scope)] == [Role.ADMIN]


SCOPES = st.sampled_from(
    ["read", "call", "press", "dnd", "configure", "admin", "unlock:gate", "unlock:lamp", "unlock:*"]
)


@given(st.frozensets(SCOPES, min_size=1), SCOPES, st.frozensets(st.sampled_from(["front", "back"])))
def test_a_token_may_what_it_says_and_nothing_else(scopes: frozenset[str], scope: str, doors: frozenset[str]) -> None:
    """At its doors a token may its scopes, and each relay with `unlock:*`; elsewhere nothing."""
    who = Principal("token", "hub", checked_scopes(scopes), doors)
    allowed = scope in scopes or (scope.startswith("unlock:") and "unlock:*" in scopes)
    assert who.may(scope, "front") == (allowed and (not doors or "front" in doors))
