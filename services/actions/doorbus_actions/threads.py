"""Blocking clients of the standard library, each try in a thread of its own, which can be broken off from the loop.

No pool: a server that is slow would fill it, and delay the others. How many threads there are is bounded by
`actions_at_once` of each action, and by how long a resolver looks for a name, which nothing can break off.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from threading import Thread
from typing import TypeVar

from doorbus.runtime.logs import detached
from doorbus_actions.delivery import End

NAME = "try"

S = TypeVar("S", bound=socket.socket)


class Sockets:
    """The sockets of one try. Shut down from the loop they end what the thread waits for; the thread closes them."""

    def __init__(self) -> None:
        self._used: list[socket.socket] = []
        self._is_cut = False

    def watch(self, used: S) -> S:
        """Takes a socket that the thread uses from now on, and returns it."""
        self._used.append(used)
        if self._is_cut:
            self.cut()
        return used

    def cut(self) -> None:
        """Shuts all of them down, and those that are still to come."""
        self._is_cut = True
        for each in self._used:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)  # not TLS's own, which is the thread's to use


async def in_thread(work: Callable[[Sockets], End]) -> End:
    """Runs `work` in a thread and returns its end; cancelled, it cuts the thread's sockets."""
    loop, sockets = asyncio.get_running_loop(), Sockets()
    done: asyncio.Future[End] = loop.create_future()

    def finish(end: End | None, error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        elif end is not None:
            done.set_result(end)

    def run() -> None:
        end, failure = None, None
        try:
            end = work(sockets)
        except Exception as error:  # noqa: BLE001  # raised where it is awaited
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(finish, end, failure, context=detached())

    Thread(target=run, name=NAME, daemon=True).start()
    try:
        return await done
    finally:
        sockets.cut()
