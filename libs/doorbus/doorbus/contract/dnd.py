"""Do not disturb: what is told of it."""

from __future__ import annotations

from typing import Literal

from doorbus.contract.base import Event


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
        taken: the server answered 200.
    """

    domain = "dnd"
    what = "server_code_sent"
    account: str
    code_kind: Literal["on", "off"]
    taken: bool
    status: int | None = None
