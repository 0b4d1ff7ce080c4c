"""What pages and API work with: one object, made by `app.compose`, handed to every request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from doorbus.runtime.bus import Bus
from doorbus.runtime.health import Health
from doorbus_web.access.access import Access
from doorbus_web.commands import Wishes
from doorbus_web.doors import Doors
from doorbus_web.live.hub import Hub
from doorbus_web.settings import WebSettings


@dataclass(frozen=True)
class Parts:
    """The parts of the running service.

    Attributes:
        settings: of the process.
        bus: its place on the bus; pages are served without it, too.
        health: its conditions of readiness.
        access: users, sessions, tokens.
        doors: the documents by door, and writing them.
        hub: the live state of each door, and its viewers.
        wishes: what may be asked of policy.
    """

    settings: WebSettings
    bus: Bus
    health: Health
    access: Access
    doors: Doors
    hub: Hub
    wishes: Wishes


def parts_of(connection: HTTPConnection) -> Parts:
    """Returns the parts, as a dependency."""
    return cast("Parts", connection.app.state.parts)


PartsOf = Annotated[Parts, Depends(parts_of)]
