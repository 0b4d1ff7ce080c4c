"""Passwords: argon2id hashes (RFC 9106), made off the event loop, two at a time.

The parameters (19 MiB, 2 passes) are OWASP's for a machine with little memory: a wrong guess costs 30 ms on a desktop
and 150 ms on a small ARM board, and a flood of logins takes 38 MiB at most.
"""

from __future__ import annotations

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 10, 128
AT_ONCE = 2
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters that are taken for each other."""

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = _hasher.hash("nobody has this password")


class Passwords:
    """Makes and checks hashes."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> str:
        """Returns the hash to keep."""
        async with self._free:
            return await asyncio.to_thread(_hasher.hash, password)

    async def matches(self, kept: str | None, password: str) -> bool:
        """Tells whether a password is the one kept; None (no such user) takes as long and is never right."""
        async with self._free:
            right = await asyncio.to_thread(_verified, kept or _NOBODY, password)
        return right and kept is not None


def _verified(kept: str, password: str) -> bool:
    try:
        return _hasher.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def one_time_password() -> str:
    """Returns a password of 77 bits that a person can type: four groups of four."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(16))
    return "-".join(letters[place : place + 4] for place in range(0, 16, 4))


def complaint(password: str, user: str) -> str | None:
    """Says in words what is wrong with a new password, None when it will do (NIST SP 800-63B: length, no rules)."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"must have {SHORTEST} to {LONGEST} characters"
    if password.casefold() == user.casefold() or len(set(password)) < 4:
        return "is too easy to guess"
    return None
