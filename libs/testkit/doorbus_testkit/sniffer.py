"""Reads along on loopback, as anybody in the middle could: what RTP really looks like on the wire; root only."""

import asyncio
import socket
import struct
from types import TracebackType
from typing import Self

from doorbus_testkit.peers import require_root

ETH_P_IP = 0x0800
PACKET_OUTGOING = 4
UDP = 17
MAX_PACKET = 65_535
RECEIVE_BUFFER = 4 << 20


class Sniffer:
    """Keeps the UDP datagrams on `lo` of this network namespace: `with Sniffer() as sniffer: …`.

    Needs a running event loop; without root the test is skipped, or fails with `CI=true`.
    """

    def __init__(self) -> None:
        self._datagrams: list[tuple[int, int, bytes]] = []
        self._socket: socket.socket | None = None

    def rtp(self, first: int, last: int) -> list[bytes]:
        """Returns the datagrams, each once, that were sent from or to an even port from `first` to `last`."""

        def is_rtp(port: int) -> bool:
            return first <= port <= last and port % 2 == 0

        return [data for source, target, data in self._datagrams if is_rtp(source) or is_rtp(target)]

    def __enter__(self) -> Self:
        require_root("reading along on loopback")
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._socket.bind(("lo", ETH_P_IP))
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()

    def _read(self) -> None:
        assert self._socket is not None
        while True:
            try:
                packet, address = self._socket.recvfrom(MAX_PACKET)
            except BlockingIOError:
                return
            if address[2] != PACKET_OUTGOING and packet[9] == UDP:  # loopback shows each packet going out and coming in
                header = (packet[0] & 0x0F) * 4
                source, target, length = struct.unpack_from("!HHH", packet, header)
                self._datagrams.append((source, target, packet[header + 8 : header + length]))
