"""Refusals of wishes, with the stable codes of the contract."""

from __future__ import annotations

from doorbus.contract.base import Reply
from doorbus.contract.errors import ErrorCode


def refused(code: str, message: str) -> Reply:
    """Returns a refusal; `message` is for a person."""
    return Reply(ok=False, code=str(code), message=message)


def not_ready() -> Reply:
    """Returns the refusal while there is no document."""
    return refused(ErrorCode.NOT_READY, "this door has no document yet: doorbus apply -f door.yaml")
