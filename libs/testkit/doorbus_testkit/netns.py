"""Network namespaces: several hosts on one machine, in 10.77.0.0/24, joined by veth pairs; root only.

A bridge in a namespace of its own joins them. Multicast is routed onto the veth. Names carry the process id, so several
test runs do not meet, and everything goes at the end: a veth goes with its namespace.
"""

import ctypes
import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from doorbus_testkit.peers import missing, require_program, require_root

NAMESPACES = "/run/netns"
CLONE_NEWNET = 0x40000000

_serial = itertools.count(1)
_libc = ctypes.CDLL(None, use_errno=True)


class Host:
    """One namespace.

    Attributes:
        name: of the namespace.
        address: its IPv4 address on the veth `eth0`.
    """

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address

    @property
    def prefix(self) -> tuple[str, ...]:
        """The words that run a command line inside: `[*host.prefix, "ping", …]`."""
        return ("ip", "netns", "exec", self.name)

    def run(self, *argv: str) -> str:
        """Runs a command inside and returns its standard output; raises CalledProcessError when it fails."""
        return subprocess.run([*self.prefix, *argv], check=True, capture_output=True, text=True).stdout

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Puts the calling thread into the namespace: sockets made meanwhile stay there. Do not await inside."""
        with Path("/proc/thread-self/ns/net").open() as before, Path(NAMESPACES, self.name).open() as here:
            _set_namespace(here.fileno())
            try:
                yield
            finally:
                _set_namespace(before.fileno())


class Namespaces:
    """Hosts with addresses from 10.77.0.1 up: `with Namespaces(2) as (door, phone): …`.

    Without root, or where the kernel forbids namespaces, the test is skipped; with `CI=true` it fails.

    Args:
        count: number of hosts, up to 200.
    """

    def __init__(self, count: int = 2) -> None:
        base = f"db{os.getpid()}-{next(_serial)}"
        self.hosts = [Host(f"{base}-{number}", f"10.77.0.{number}") for number in range(1, count + 1)]
        self._switch = f"{base}-sw"

    def __enter__(self) -> list[Host]:
        require_root("network namespaces")
        require_program("ip")
        try:
            _ip("netns", "add", self._switch)
        except subprocess.CalledProcessError as error:
            missing(f"this machine makes no network namespaces: {error.stderr.strip()}")
        try:
            self._build()
        except BaseException:
            self.remove()
            raise
        return self.hosts

    def _build(self) -> None:
        _ip("-n", self._switch, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        _ip("-n", self._switch, "link", "set", "br0", "up")
        for number, host in enumerate(self.hosts, 1):
            _ip("netns", "add", host.name)
            _ip(
                "-n",
                self._switch,
                "link",
                "add",
                f"p{number}",
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "netns",
                host.name,
            )
            _ip("-n", self._switch, "link", "set", f"p{number}", "master", "br0", "up")
            _ip("-n", host.name, "link", "set", "lo", "up")
            _ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", "eth0")
            _ip("-n", host.name, "link", "set", "eth0", "up")
            _ip("-n", host.name, "route", "add", "224.0.0.0/4", "dev", "eth0")

    def remove(self) -> None:
        """Removes everything; what is not there is passed over."""
        for name in (*(host.name for host in self.hosts), self._switch):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def _set_namespace(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "setns")
