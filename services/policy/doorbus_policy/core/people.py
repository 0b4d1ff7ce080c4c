"""Whether a far side is one of those whom a list of the document names (`bypass`, `trusted`, `callers`)."""

from __future__ import annotations

from collections.abc import Iterable

from doorbus.contract.document.callers import caller_matches
from doorbus_policy.core.state import FarSide


def named(patterns: Iterable[str], who: FarSide) -> bool:
    """Whether one of `patterns` names `who`: by user on an account, by address when direct."""
    return caller_matches(patterns, who.user, who.address, who.direct)
