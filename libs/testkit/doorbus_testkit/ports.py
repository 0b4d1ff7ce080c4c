"""Free ports on loopback that concurrent test processes do not hand out twice.

A port is reserved until it is given back, or to the end of this process, by a record lock (fcntl(2), one byte a port)
on one file in
the temporary directory, so binding it may come later, and by another program. Places are random and below
32768, where Linux begins to pick ports for outgoing connections by itself.
"""

import fcntl
import os
import random
import socket
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path

FIRST_PORT = 10_000
FIRST_OF_BLOCKS = 14_000  # below lie the single ports, which would leave no long runs among them
FIRST_OF_RTP = 20_000  # from here on `doorbus up` takes TCP ports without asking; RTP does not mind
END_PORT = 32_768  # net.ipv4.ip_local_port_range begins here
BARRED = frozenset({10080})
"""Browsers refuse it ("port blocking" of the Fetch standard): the only such port in these ranges."""
ATTEMPTS = 500

_reserved: set[int] = set()  # record locks do not conflict within one process
_random = random.SystemRandom()


def free_udp_port() -> int:
    """Returns a port free for UDP (and TCP: SIP wants both) on 127.0.0.1, reserved by this process."""
    return free_port_block(1)


def free_tcp_port() -> int:
    """Returns a port free for TCP (and UDP) on 127.0.0.1, reserved by this process."""
    return free_port_block(1)


def free_port_block(count: int, *, even: bool = False) -> int:
    """Returns the first of `count` ports in a row, each free for UDP and TCP on loopback and reserved.

    Args:
        count: length of the run.
        even: it is for RTP, which wants the first one even (RFC 3550, section 11) and UDP only.

    Raises:
        RuntimeError: when no such run was found in 500 random places.
    """
    lowest, end = _range_of(count, even)
    for _ in range(ATTEMPTS):
        first = _random.randrange(lowest, end - count)
        if even:
            first &= ~1
        ports = range(first, first + count)
        if BARRED.isdisjoint(ports) and _reserve(ports):
            return first
    raise RuntimeError(f"no {count} free ports in a row from {lowest} to {end}, {ATTEMPTS} tries")


def _range_of(count: int, even: bool) -> tuple[int, int]:
    if count == 1:
        return FIRST_PORT, FIRST_OF_BLOCKS
    return (FIRST_OF_RTP, END_PORT) if even else (FIRST_OF_BLOCKS, FIRST_OF_RTP)


def give_back(first: int, count: int = 1) -> None:
    """Ends the reservation of `count` ports from `first` on; what is not reserved by this process is left alone."""
    ports = range(first, first + count)
    if _reserved.issuperset(ports):
        _reserved.difference_update(ports)
        fcntl.lockf(_lock_file(os.getpid()), fcntl.LOCK_UN, count, first)


def _reserve(ports: range) -> bool:
    if not _reserved.isdisjoint(ports) or not _lock(ports):
        return False
    if not all(_is_free(port) for port in ports):
        fcntl.lockf(_lock_file(os.getpid()), fcntl.LOCK_UN, len(ports), ports.start)
        return False
    _reserved.update(ports)
    return True


def _lock(ports: range) -> bool:
    try:
        fcntl.lockf(_lock_file(os.getpid()), fcntl.LOCK_EX | fcntl.LOCK_NB, len(ports), ports.start)
    except OSError:
        return False
    return True


@cache
def _lock_file(_pid: int) -> int:
    """Opens the lock file once a process: closing any descriptor of it drops all of the process's locks."""
    path = Path(tempfile.gettempdir()) / f"doorbus-ports-{os.getuid()}.lock"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_free(port: int) -> bool:
    with ExitStack() as sockets:
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            probe = sockets.enter_context(socket.socket(socket.AF_INET, kind))
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT is no owner
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
