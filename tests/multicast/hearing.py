"""Listeners at work in a namespace, with another host that sends: what tests of the sockets share."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from prometheus_client import REGISTRY

from doorbus.contract.document.multicast import Listener, Multicast
from doorbus_multicast.arbiter_model import Heard
from doorbus_multicast.links import Links
from doorbus_multicast.listeners import Listeners
from doorbus_testkit.netns import Host, Namespaces

GROUP = "239.1.1.1"
SENDER = "10.77.0.2"


class Hearing:
    """What listeners told."""

    def __init__(self) -> None:
        self.streams: list[Heard] = []
        self.problems: list[str | None] = []
        self.listeners = Listeners(self.streams.append, self.problems.append)


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """The door's host, entered, and the sender's."""
    with Namespaces(2) as (here, there), here.entered():
        yield here, there


@asynccontextmanager
async def hearing(multicast: Multicast) -> AsyncIterator[Hearing]:
    """Listens until the block is left, watching the network."""
    heard = Hearing()
    watch = asyncio.create_task(Links(heard.listeners.join).run())
    heard.listeners.configure(multicast)
    try:
        yield heard
    finally:
        heard.listeners.close()
        watch.cancel()


def multicast(count: int = 1, first: int = 5004, **more: object) -> Multicast:
    """Returns listeners on ports from `first`, by twos, on eth0."""
    listeners = tuple(Listener(label=f"l{index}", address=f"{GROUP}:{first + 2 * index}") for index in range(count))
    return Multicast.model_validate({"interface": "eth0", "listeners": listeners, **more})


def sender(host: Host) -> socket.socket:
    """Returns a socket there."""
    with host.entered():
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def dropped(reason: str) -> float:
    """Returns how many packets were dropped for a reason so far."""
    return REGISTRY.get_sample_value("doorbus_multicast_dropped_total", {"reason": reason}) or 0.0


def joined() -> float:
    """Returns how many groups are joined."""
    return REGISTRY.get_sample_value("doorbus_multicast_joined") or 0.0
