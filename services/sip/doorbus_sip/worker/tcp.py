"""The TCP and TLS listeners of a worker, and why opening connections quickly cannot abort it.

Rules
- pjsip's own I/O queue has 64 places too; a closed connection keeps its place for `slots.COOL_S`. Before this guard was
  here, anybody who opened and closed 66 connections within 100 ms aborted the process.
- With more than `KEEP` connections open the newest is shut down: the registrar's is among the oldest.
- When `slots.HARD` connections are open or cool, the listeners are closed, so that the kernel refuses new ones, and
  opened again on the same ports when at most `KEEP` are left. UDP and the connections that stand do not notice.
- The library tells of TCP connections when they come and go. Of TLS connections it tells only when the handshake is
  done, so with TLS the process's own sockets are counted in each round: what is new, and what is gone, by inode.
- A handshake that takes longer than `HANDSHAKE_MS` is over; until then it may keep the listeners closed.
"""

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import pjsua2 as pj

from doorbus_sip.worker import slots

KEEP = 10
HANDSHAKE_MS = 3000


class Library(pj.Endpoint):  # type: ignore[misc]
    """pjsua2's endpoint, telling about connections, requests outside of calls, and its own refusals."""

    def __init__(self) -> None:
        super().__init__()
        self.on_connection: Callable[[int, int, object], None] | None = None
        self.on_request: Callable[[pj.OnSelectAccountParam], None] | None = None
        self.on_rejected: Callable[[int], None] | None = None

    def onTransportState(self, prm: pj.OnTransportStateParam) -> None:  # noqa: N802 - the library's name
        """A connection came, broke or is gone."""
        if self.on_connection is not None and prm.type in ("TCP", "TLS") and prm.hnd is not None:
            self.on_connection(int(prm.hnd), int(prm.state), prm.hnd)

    def onSelectAccount(self, prm: pj.OnSelectAccountParam) -> None:  # noqa: N802 - the library's name
        """A request outside of calls came: whose is it?"""
        if self.on_request is not None:
            self.on_request(prm)

    def onRejectedIncomingCall(self, prm: pj.OnRejectedIncomingCallParam) -> None:  # noqa: N802 - the library's name
        """The library itself has refused an INVITE: no slot, no socket, a description or a demand it cannot take."""
        if self.on_rejected is not None:
            self.on_rejected(int(prm.statusCode))


@dataclass(slots=True)
class _Listener:
    kind: int
    config: Callable[[int], pj.TransportConfig]
    port: int
    transport: int | None = None


class TcpGuard:
    """Opens the listeners and keeps the number of connections within what the library survives.

    Args:
        library: the endpoint, initialised.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._listeners: list[_Listener] = []
        self._sockets = slots.Sockets()
        self._connections: dict[int, object] = {}
        self._streams: frozenset[int] | None = None
        library.on_connection = self._changed

    def listen(self, kind: int, config: Callable[[int], pj.TransportConfig], port: int) -> int:
        """Opens a listener and returns its port.

        Args:
            kind: `pj.PJSIP_TRANSPORT_TCP` or `pj.PJSIP_TRANSPORT_TLS`.
            config: returns the settings for a port.
            port: 0 = any free one.

        Raises:
            pj.Error: the port is taken, or the settings are refused.
        """
        listener = _Listener(kind, config, port)
        self._open(listener)
        self._listeners.append(listener)
        if kind == pj.PJSIP_TRANSPORT_TLS:
            self._streams = frozenset()
        return listener.port

    def watch(self, now: float) -> None:
        """Closes or opens the listeners as the rules say; call it in each round of the loop."""
        if self._streams is not None:
            self._count(now)
        while len(self._connections) > KEEP:
            self._library.transportShutdown(self._connections.popitem()[1])
        if slots.is_full(self._sockets, now):
            self._close_all(now)
        elif slots.in_use(self._sockets, now) <= KEEP:
            for listener in self._listeners:
                if listener.transport is None:
                    self._open(listener)

    def _open(self, listener: _Listener) -> None:
        listener.transport = self._library.transportCreate(listener.kind, listener.config(listener.port))
        if listener.port == 0:
            name = str(self._library.transportGetInfo(listener.transport).localName)
            listener.port = int(name.rsplit(":", 1)[1])

    def _close_all(self, now: float) -> None:
        for listener in self._listeners:
            if listener.transport is not None:
                self._library.transportClose(listener.transport)
                listener.transport = None
                self._sockets = slots.reopened(self._sockets, now)

    def _changed(self, key: int, state: int, handle: object) -> None:
        if state == pj.PJSIP_TP_STATE_CONNECTED:
            self._connections[key] = handle
            if self._streams is None:
                self._sockets = slots.opened(self._sockets)
        elif state == pj.PJSIP_TP_STATE_DISCONNECTED:  # transactions may hold what is left of it for 32 s
            self._connections.pop(key, None)
        elif state == pj.PJSIP_TP_STATE_DESTROY:
            self._connections.pop(key, None)
            if self._streams is None:
                self._sockets = slots.closed(self._sockets, time.monotonic())

    def _count(self, now: float) -> None:
        before, after = self._streams or frozenset(), _connections()
        for _ in after - before:
            self._sockets = slots.opened(self._sockets)
        for _ in before - after:
            self._sockets = slots.closed(self._sockets, now)
        self._streams = after


def _connections() -> frozenset[int]:
    """Returns the inodes of this process's TCP sockets that do not listen, in whatever state they are."""
    found = set()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - a path object each costs more than the rest
        try:
            kind, _, inode = os.readlink(f"/proc/self/fd/{name}").partition(":")  # noqa: PTH115 - as above
            if kind == "socket" and _is_connection(int(name)):
                found.add(int(inode.strip("[]")))
        except OSError:  # it was the folder's own
            continue
    return frozenset(found)


def _is_connection(descriptor: int) -> bool:
    probe = socket.socket(fileno=os.dup(descriptor))
    with probe:
        is_tcp = probe.family in (socket.AF_INET, socket.AF_INET6) and probe.type == socket.SOCK_STREAM
        return is_tcp and not probe.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
