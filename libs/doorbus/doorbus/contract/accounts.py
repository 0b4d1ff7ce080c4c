"""Registrations of SIP accounts."""

from __future__ import annotations

from doorbus.contract.base import Event, Name


class AccountRegistered(Event):
    """The registrar knows the door."""

    domain = "account"
    what = "registered"
    account: Name
    expires_s: int


class AccountFailed(Event):
    """The registration failed, or ran out; it is tried again.

    Attributes:
        code: SIP status, where there was an answer.
    """

    domain = "account"
    what = "failed"
    account: Name
    code: int | None = None
    why: str = ""
