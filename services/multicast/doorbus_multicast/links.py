"""Tells when something about interfaces, addresses or routes changed (rtnetlink(7))."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import structlog

RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE = 0x1, 0x10, 0x40
READ_BYTES = 65536
SETTLES_S = 0.05
"""A change is a burst of messages."""
LOOK_EVERY_S = 5.0
"""Also without a message: netlink may lose some, and may be forbidden."""

log = structlog.get_logger()


class Links:
    """Watches the network of this process.

    Args:
        changed: called after something may have changed.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Watches until cancelled."""
        loop = asyncio.get_running_loop()
        netlink: socket.socket | None = None
        try:
            netlink = _open()
            loop.add_reader(netlink, self._read, netlink)
            self._news.set()  # what changed before
        except OSError as error:
            log.warning("changes of the network cannot be watched, looking now and then", why=str(error))
        try:
            while True:
                try:
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._news.wait()
                    await asyncio.sleep(SETTLES_S)
                except TimeoutError:
                    pass
                self._news.clear()
                self._changed()
        finally:
            if netlink is not None:
                loop.remove_reader(netlink)
                netlink.close()

    def _read(self, netlink: socket.socket) -> None:
        self._news.set()
        try:
            while netlink.recv(READ_BYTES):
                pass
        except OSError:  # empty, or more came than fits: it changed in any case
            pass


def _open() -> socket.socket:
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0)
    try:
        netlink.bind((0, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE))
    except OSError:
        netlink.close()
        raise
    return netlink
