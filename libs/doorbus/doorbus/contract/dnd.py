"""Do not disturb: what is told of it."""

from __future__ import annotations

from typing import Literal

from doorbus.contract.base import Event, Name


class DndChanged(Event):
    """DND was turned on or off.

    Attributes:
        account: where only one account was meant.
        by: the client, `document` or `schedule`.
    """

    domain = "dnd"
    what = "changed"
    enabled: bool
    account: str | None = None
    by: str = ""


class DndServerCodeSent(Event):
    """A server was called with the on or off code.

    Attributes:
        call: the call that told it.
        taken: the server answered 200.
        status: its SIP status, where there was one.
    """

    domain = "dnd"
    what = "server_code_sent"
    account: str
    code_kind: Literal["on", "off"]
    call: Name
    taken: bool
    status: int | None = None
