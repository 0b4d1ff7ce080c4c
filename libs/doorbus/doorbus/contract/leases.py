"""Leases: "a call is up", "a page is playing". Told each second, they hold 3 s; silence ends them."""

from __future__ import annotations

from typing import Literal

from doorbus.contract.base import Message

LEASE_EVERY_S = 1.0
LEASE_HOLDS_S = 3.0


class Lease(Message):
    """What its holder tells each second.

    Attributes:
        kind: `call` (sip tells) or `page` (multicast tells).
        subject_id: the call or page that is up or plays; None = there is none now.
        outranks_calls: of a page: it silences calls, and none may begin.
        epoch: which life of the holder speaks.
        sequence: the holder's last event number, so that a reader notices missed events.
    """

    kind: Literal["call", "page"]
    service: str
    subject_id: str | None = None
    outranks_calls: bool = False
    epoch: int = 0
    sequence: int = 0
