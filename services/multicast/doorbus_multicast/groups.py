"""Sockets that hear one multicast group each, on one interface.

A socket is bound to its group, so it hears no unicast; `IP_MULTICAST_ALL` is off, so it hears its own memberships only
and not those of other programs on this host. `ip_mreqn` names the interface by its number.
"""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
from dataclasses import dataclass

IP_MULTICAST_ALL = 49
"""linux/in.h; Python's module does not name it."""
SO_TIMESTAMPNS = 64
"""asm-generic/socket.h, the one with 64 bits on every machine."""
SIOCGIFFLAGS = 0x8913
IFF_UP, IFF_RUNNING = 0x1, 0x40
RECEIVE_BUFFER = 512 * 1024
"""Half a second of a storm, while the loop does something else."""
LATE_S = 10.0
"""A packet waits no longer in a socket, unless somebody set the clock."""
_TIMESPEC = struct.Struct("=qq")
NOTES_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)
_MREQN = struct.Struct("=4s4si")
_IFREQ = struct.Struct("16sH14x")


@dataclass(frozen=True, slots=True)
class Route:
    """Which interface pages come in on; equal as long as a membership there lasts.

    Attributes:
        index: the interface's number; 0 = the system chooses.
        address: our address there, where the system chooses.
    """

    index: int
    address: str = ""


class NoRouteError(Exception):
    """Pages cannot come in now; the text says why."""


def find_route(interface: str | None, group: str) -> Route:
    """Finds the interface.

    Raises:
        NoRouteError: it is not there, or down.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        if interface is None:
            try:
                probe.connect((group, 9))  # nothing is sent: it only asks for the route
            except OSError as error:
                raise NoRouteError(f"no route to {group}: {error.strerror}") from None
            return Route(0, str(probe.getsockname()[0]))
        try:
            index = socket.if_nametoindex(interface)
            answer = fcntl.ioctl(probe, SIOCGIFFLAGS, _IFREQ.pack(interface.encode(), 0))
        except OSError:
            raise NoRouteError(f"there is no interface {interface}") from None
    flags = int(_IFREQ.unpack(answer)[1])
    if not flags & IFF_UP or not flags & IFF_RUNNING:
        raise NoRouteError(f"the interface {interface} is down")
    return Route(index)


def open_group(group: str, port: int, route: Route) -> socket.socket:
    """Joins a group and returns its socket, which does not block.

    Raises:
        NoRouteError: it cannot be joined.
    """
    heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # other programs may listen as well
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        heard.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        heard.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
        heard.bind((group, port))
        membership = _MREQN.pack(socket.inet_aton(group), bytes(4), route.index)
        heard.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    except OSError as error:
        heard.close()
        hint = "; raise net.ipv4.igmp_max_memberships" if error.errno == errno.ENOBUFS else ""
        raise NoRouteError(f"{group}:{port} cannot be joined: {error.strerror}{hint}") from None
    return heard


def arrived_at(notes: list[tuple[int, int, bytes]], from_wall_clock: float, now: float) -> float:
    """Returns when a datagram arrived, by the kernel's note beside it, as monotonic seconds.

    Args:
        notes: the ancillary data of `recvmsg`.
        from_wall_clock: monotonic minus wall clock.
        now: monotonic; where there is no note that can be believed, this is returned.
    """
    for level, kind, data in notes:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS) and len(data) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            at = float(seconds + nanoseconds * 1e-9 + from_wall_clock)
            return min(at, now) if at > now - LATE_S else now
    return now
