"""One listener's socket: joined, filtered, and shielded while a storm rages.

Rules
- Where the document names senders, the kernel drops all others.
- While a stream sends, and others send more than `STORM` packets in `STORM_S` to the same address, the kernel lets the
  stream's sender through, and of the others one in `ONE_OF`: nothing else could keep up. Until the stream ends.
- What the kernel dropped is counted: as `source` where it filters, as `overflow` where more came than was read.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket as sockets
from collections import deque
from dataclasses import dataclass, field

from doorbus.contract.document.multicast import Listener
from doorbus.contract.document.scalars import multicast_port
from doorbus_multicast import metrics, source_filter
from doorbus_multicast.groups import Route, open_group
from doorbus_multicast.intake import HELD, Drop, Intake, Sender, Taken
from doorbus_multicast.page_sound import PageSound

STORM, STORM_S = 200, 0.2
ONE_OF = 256

Networks = tuple[source_filter.Network, ...]


@dataclass(slots=True)
class Line:
    """One listener at work.

    Attributes:
        stream: the id of what it hears now, or heard last.
        began: when that began.
        sender: who sends it.
        recent: its last packets, while it does not sound.
        sound: where its packets go, while it does.
    """

    listener: Listener
    intake: Intake
    socket: sockets.socket | None = None
    route: Route | None = None
    stream: str | None = None
    began: float = 0.0
    sender: Sender = ("", 0)
    recent: deque[Taken] = field(default_factory=lambda: deque(maxlen=HELD + 1))
    sound: PageSound | None = None
    _sources: Networks = ()
    _shielded: bool = False
    _others: int = 0
    _others_since: float = 0.0
    _dropped: int = 0

    @property
    def address(self) -> str:
        """Group and port."""
        return self.listener.address

    @property
    def group(self) -> str:
        """The group."""
        return self.address.rpartition(":")[0]

    def open(self, route: Route) -> sockets.socket:
        """Joins the group. Raises NoRouteError."""
        self.socket, self.route = open_group(self.group, multicast_port(self.address), route), route
        self._dropped, self._shielded = 0, False
        self._filter()
        return self.socket

    def close(self) -> None:
        """Leaves the group."""
        if self.socket is not None:
            self.count_drops()
            self.socket.close()
            self.socket = self.route = None

    def hear_only(self, sources: Networks) -> None:
        """Says who may send; empty = all."""
        self._sources = sources
        self._filter()

    def note_other(self, now: float) -> None:
        """Notes a packet of another sender than the stream's."""
        if now - self._others_since > STORM_S:
            self._others, self._others_since = 0, now
        self._others += 1
        if self._others > STORM and not self._shielded and self.sender[0]:
            self._shielded = True
            self._filter()

    def unshield(self) -> None:
        """The stream has ended: whoever sends may begin one."""
        if self._shielded:
            self._shielded = False
            self._filter()

    def count_drops(self) -> None:
        """Counts what the kernel dropped since the last time."""
        if self.socket is None:
            return
        with contextlib.suppress(OSError):
            drops = source_filter.drops(self.socket)
            reason = Drop.SOURCE if self._sources or self._shielded else Drop.OVERFLOW
            metrics.DROPPED.labels(reason).inc((drops - self._dropped) & 0xFFFFFFFF)
            self._dropped = drops

    def _filter(self) -> None:
        if self.socket is None:
            return
        self.count_drops()
        with contextlib.suppress(OSError):  # the check of each packet stays
            if self._shielded:
                sender = ipaddress.ip_network(self.sender[0])
                others = () if self._sources else (ONE_OF,)
                source_filter.attach(self.socket, source_filter.program([sender], *others))
            elif self._sources:
                source_filter.attach(self.socket, source_filter.program(self._sources))
            else:
                source_filter.detach(self.socket)
