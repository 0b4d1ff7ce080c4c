"""The transaction layer of a scripted SIP phone on one UDP socket (RFC 3261, section 17).

Rules:
- Every datagram, sent and received, is recorded before anything else happens to it. The arrival time is the
  kernel's (SO_TIMESTAMPNS), so a busy event loop does not falsify it.
- A request is sent again after T1, then at doubled intervals up to T2, until a final response (an INVITE: any response)
  or 64 T1.
- A request that comes again gets the same response again and is not handed up.
- An INVITE's final response is sent again at the same pace until its ACK.
"""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from doorbus_testkit.sip_message import Address, SipMessage, SipSyntaxError

T1_S = 0.5
T2_S = 4.0
TIMEOUT_S = 64 * T1_S
SO_TIMESTAMPNS = 35
MAX_DATAGRAM = 65_535


@dataclass(frozen=True, slots=True)
class Record:
    """One message on the wire.

    Attributes:
        at: monotonic second of its arrival at the socket, or of its sending.
        incoming: False for what this phone sent.
        message: as parsed.
        peer: the other side's address.
        repeated: a retransmission.
    """

    at: float
    incoming: bool
    message: SipMessage
    peer: Address
    repeated: bool = False


@dataclass
class ClientTransaction:
    """A request sent, and its responses."""

    request: SipMessage
    target: Address
    on_response: Callable[[Record], None]
    responses: list[Record] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None

    @property
    def final(self) -> Record | None:
        """The first final response, None so far."""
        return next((record for record in self.responses if record.message.status >= 200), None)

    def settle(self) -> None:
        """Stops the retransmission."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


@dataclass
class ServerTransaction:
    """A request received, and the last response to it."""

    request: SipMessage
    peer: Address
    response: SipMessage | None = None
    timer: asyncio.TimerHandle | None = None

    def settle(self) -> None:
        """Stops the retransmission of a final response: its ACK has come."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class WireEndpoint:
    """Sends and receives SIP on a UDP socket; hands new requests and ACKs to `on_request`.

    Attributes:
        records: every message, in the order it was seen.
        malformed: datagrams that are no SIP message, with their times.
    """

    def __init__(self, host: str, port: int, on_request: Callable[[ServerTransaction, Record], None]) -> None:
        self.host = host
        self.port = port
        self.records: list[Record] = []
        self.malformed: list[tuple[float, bytes]] = []
        self._on_request = on_request
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        self._servers: dict[tuple[str, str], ServerTransaction] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.bind((host, port))
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Begins to receive; needs a running event loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._read)

    def close(self) -> None:
        """Stops all timers and closes the socket."""
        for client in self._clients.values():
            client.settle()
        for server in self._servers.values():
            server.settle()
        if self._loop is not None:
            self._loop.remove_reader(self._socket)
        self._socket.close()

    def request(
        self, request: SipMessage, target: Address, on_response: Callable[[Record], None] | None = None
    ) -> ClientTransaction:
        """Sends a request and sends it again as the rules above say; an ACK goes out once."""
        transaction = ClientTransaction(request, target, on_response or (lambda _record: None))
        self._put(request, target)
        if request.method != "ACK":
            self._clients[request.branch, request.method] = transaction
            self._repeat_request(transaction, T1_S, T1_S)
        return transaction

    def respond(self, transaction: ServerTransaction, response: SipMessage) -> None:
        """Sends a response and keeps it for retransmissions."""
        again = transaction.response is not None and transaction.response.status >= 200
        transaction.settle()
        transaction.response = response
        self._put(response, transaction.peer, repeated=again)
        if transaction.request.method == "INVITE" and response.status >= 200:
            self._repeat_response(transaction, T1_S, T1_S)

    def send_raw(self, data: bytes, target: Address) -> None:
        """Sends any bytes, recorded nowhere: for what a phone would not send."""
        self._socket.sendto(data, target)

    def _put(self, message: SipMessage, target: Address, *, repeated: bool = False) -> None:
        self.records.append(Record(time.monotonic(), False, message, target, repeated))
        self._socket.sendto(message.encode(), target)

    def _repeat_request(self, transaction: ClientTransaction, pause_s: float, elapsed_s: float) -> None:
        def again() -> None:
            self._put(transaction.request, transaction.target, repeated=True)
            longer = 2 * pause_s if transaction.request.method == "INVITE" else min(2 * pause_s, T2_S)
            self._repeat_request(transaction, longer, elapsed_s + longer)

        transaction.timer = self._later(pause_s, again) if elapsed_s < TIMEOUT_S else None

    def _repeat_response(self, transaction: ServerTransaction, pause_s: float, elapsed_s: float) -> None:
        def again() -> None:
            assert transaction.response is not None
            self._put(transaction.response, transaction.peer, repeated=True)
            longer = min(2 * pause_s, T2_S)
            self._repeat_response(transaction, longer, elapsed_s + longer)

        transaction.timer = self._later(pause_s, again) if elapsed_s < TIMEOUT_S else None

    def _later(self, delay_s: float, action: Callable[[], None]) -> asyncio.TimerHandle:
        assert self._loop is not None, "open() comes first"
        return self._loop.call_later(delay_s, action)

    def _read(self) -> None:
        while True:
            try:
                data, ancillary, _flags, peer = self._socket.recvmsg(MAX_DATAGRAM, 64)
            except BlockingIOError:
                return
            except ConnectionError:  # an ICMP error of a datagram sent before
                continue
            at = _arrival(ancillary)
            try:
                message = SipMessage.parse(data)
                key = (message.branch, message.cseq[1])
            except (SipSyntaxError, ValueError):
                self.malformed.append((at, data))
                continue
            if message.is_request:
                self._request_received(message, key[0], peer, at)
            else:
                self._response_received(message, key, peer, at)

    def _request_received(self, message: SipMessage, branch: str, peer: Address, at: float) -> None:
        if message.method == "ACK":
            self.records.append(Record(at, True, message, peer))
            answered = self._servers.get((branch, "INVITE"), ServerTransaction(message, peer))
            answered.settle()
            self._on_request(answered, self.records[-1])
            return
        known = self._servers.get((branch, message.method))
        self.records.append(Record(at, True, message, peer, known is not None))
        if known is None:
            transaction = ServerTransaction(message, peer)
            self._servers[branch, message.method] = transaction
            self._on_request(transaction, self.records[-1])
        elif known.response is not None:
            self._put(known.response, peer, repeated=True)

    def _response_received(self, message: SipMessage, key: tuple[str, str], peer: Address, at: float) -> None:
        transaction = self._clients.get(key)
        repeated = transaction is not None and transaction.final is not None
        self.records.append(Record(at, True, message, peer, repeated))
        if transaction is None:
            return
        if message.status >= 200 or key[1] == "INVITE":
            transaction.settle()
        transaction.responses.append(self.records[-1])
        transaction.on_response(self.records[-1])


def _arrival(ancillary: list[tuple[int, int, bytes]]) -> float:
    """Returns the kernel's time of arrival, moved from the wall clock to the monotonic one."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("ll", data[:16])
            age_s = time.time() - (float(seconds) + float(nanoseconds) / 1e9)
            return time.monotonic() - min(max(age_s, 0.0), 10.0)
    return time.monotonic()
