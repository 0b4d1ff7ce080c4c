"""The TCP listener of a worker, and why opening connections quickly cannot abort it.

Rules
- pjsip's own I/O queue has 64 places too; a closed connection keeps its place for `slots.COOL_S`. Before this guard was
  here, anybody who opened and closed 66 connections within 100 ms aborted the process.
- With more than `KEEP` connections open the newest is shut down: the registrar's is among the oldest.
- When `slots.HARD` connections are open or cool, the listener is closed, so that the kernel refuses new ones, and
  opened again on the same port when at most `KEEP` are left. UDP and the connections that stand do not notice.
"""

import time
from collections.abc import Callable

import pjsua2 as pj

from doorbus_sip.worker import slots

KEEP = 10


class Library(pj.Endpoint):  # type: ignore[misc]
    """pjsua2's endpoint, telling the guard about connections."""

    def __init__(self) -> None:
        super().__init__()
        self.on_connection: Callable[[int, int, object], None] | None = None

    def onTransportState(self, prm: pj.OnTransportStateParam) -> None:  # noqa: N802 - the library's name
        """A connection came, broke or is gone."""
        if self.on_connection is not None and prm.type in ("TCP", "TLS") and prm.hnd is not None:
            self.on_connection(int(prm.hnd), int(prm.state), prm.hnd)


class TcpGuard:
    """Opens the listener and keeps the number of connections within what the library survives."""

    def __init__(self, library: Library, config: Callable[[int], pj.TransportConfig], port: int) -> None:
        self._library = library
        self._config = config
        self._sockets = slots.Sockets()
        self._connections: dict[int, object] = {}
        self._listener: int | None = None
        self.port = port
        library.on_connection = self._changed
        self._open()

    def watch(self, now: float) -> None:
        """Closes or opens the listener as the rules say; call it in each round of the loop."""
        while len(self._connections) > KEEP:
            self._library.transportShutdown(self._connections.popitem()[1])
        if self._listener is not None and slots.is_full(self._sockets, now):
            self._library.transportClose(self._listener)
            self._listener = None
            self._sockets = slots.reopened(self._sockets, now)
        elif self._listener is None and slots.in_use(self._sockets, now) <= KEEP:
            self._open()

    def _open(self) -> None:
        self._listener = self._library.transportCreate(pj.PJSIP_TRANSPORT_TCP, self._config(self.port))
        if self.port == 0:
            name = str(self._library.transportGetInfo(self._listener).localName)
            self.port = int(name.rsplit(":", 1)[1])

    def _changed(self, key: int, state: int, handle: object) -> None:
        if state == pj.PJSIP_TP_STATE_CONNECTED:
            self._connections[key] = handle
            self._sockets = slots.opened(self._sockets)
        elif state == pj.PJSIP_TP_STATE_DESTROY:
            self._connections.pop(key, None)
            self._sockets = slots.closed(self._sockets, time.monotonic())
