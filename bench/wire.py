"""The few SIP messages of the benchmarks' callers, as bytes (RFC 3261), and their reading. Cheap, and no more."""

from __future__ import annotations

import re
import socket
import struct
import time
from dataclasses import dataclass

Address = tuple[str, int]
SO_TIMESTAMPNS = 35
_FIRST = re.compile(rb"SIP/2\.0 (\d{3}) ")
_BRANCH = re.compile(rb"^Via:.*?branch=z9hG4bK([0-9a-zA-Z]+?)(?:m[a-z]+)?(?=[;,\s])", re.MULTILINE | re.IGNORECASE)
_CSEQ = re.compile(rb"^CSeq:\s*\d+\s+(\w+)", re.MULTILINE | re.IGNORECASE)
_TO = re.compile(rb"^To:\s*(.*?)\r?$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Response:
    """A response as far as a caller needs it.

    Attributes:
        code: its status.
        key: of the request (see `Request`).
        method: from CSeq.
        to: the To header's value, with its tag.
        at_ns: the kernel's arrival time, wall clock.
    """

    code: int
    key: str
    method: str
    to: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Request:
    """One call's requests.

    Attributes:
        key: letters and digits that no other call has; Call-ID, tag and branches are made of it.
        user: who calls.
        port: where from, on loopback.
        target: where to.
    """

    key: str
    user: str
    port: int
    target: Address

    def invite(self, media_port: int) -> bytes:
        """Returns the INVITE, with an offer of PCMU."""
        body = (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {media_port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
        )
        return self._bytes("INVITE", 1, self.key, self._there, body)

    def ack(self, final: Response) -> bytes:
        """Returns the ACK: in the INVITE's transaction for a refusal, in one of its own for a 200."""
        branch = self.key if final.code >= 300 else f"{self.key}mack"
        return self._bytes("ACK", 1, branch, final.to)

    def bye(self, final: Response) -> bytes:
        """Returns the BYE."""
        return self._bytes("BYE", 2, f"{self.key}mbye", final.to)

    def cancel(self) -> bytes:
        """Returns the CANCEL of the INVITE."""
        return self._bytes("CANCEL", 1, self.key, self._there)

    @property
    def _there(self) -> str:
        return f"<sip:door@{self.target[0]}:{self.target[1]}>"

    def _bytes(self, method: str, number: int, branch: str, to: str, body: str = "") -> bytes:
        here = f"sip:{self.user}@127.0.0.1:{self.port}"
        content = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} sip:door@{self.target[0]}:{self.target[1]} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};rport;branch=z9hG4bK{branch}\r\n"
            f"Max-Forwards: 70\r\nFrom: <{here}>;tag={self.key}\r\nTo: {to}\r\n"
            f"Call-ID: {self.key}@127.0.0.1\r\nCSeq: {number} {method}\r\nContact: <{here}>\r\n"
            f"{content}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


def timed_socket(receive_buffer: int = 0) -> socket.socket:
    """Returns a UDP socket on loopback whose arrivals the kernel times."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    if receive_buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    made.bind(("127.0.0.1", 0))
    return made


def receive(source: socket.socket) -> Response | None:
    """Takes one datagram; None when it is no response.

    Raises:
        TimeoutError, BlockingIOError: there is none (in time).
    """
    data, ancillary, _flags, _peer = source.recvmsg(65_535, 64)
    at_ns = time.time_ns()
    for level, kind, stamp in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("ll", stamp[:16])
            at_ns = int(seconds) * 1_000_000_000 + int(nanoseconds)
    first, branch = _FIRST.match(data), _BRANCH.search(data)
    cseq, to = _CSEQ.search(data), _TO.search(data)
    if first is None or branch is None or cseq is None or to is None:
        return None
    return Response(int(first[1]), branch[1].decode(), cseq[1].decode(), to[1].decode(), at_ns)
