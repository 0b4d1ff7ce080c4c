"""A scripted SIP socket that sends any bytes and carries on what comes back, however odd.

It acknowledges final answers of INVITEs from what the answer itself says (RFC 3261, 17.1.1.3 and 13.2.2.4), answers
requests of the door, and keeps all answers. Nothing it receives is trusted to be well formed.
"""

import asyncio
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_START = re.compile(rb"SIP/2\.0 (\d{3})(?: |\r)")
_COPIED = {b"v": b"via", b"f": b"from", b"t": b"to", b"i": b"call-id", b"m": b"contact", b"l": b"content-length"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; `headers` have long names in lower case, folded lines unfolded, the first of each name."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def method(self) -> bytes:
        """The method in CSeq."""
        return self.headers.get(b"cseq", b"").rpartition(b" ")[2]

    @property
    def call_id(self) -> bytes:
        """The Call-ID."""
        return self.headers.get(b"call-id", b"")


class Talker:
    """One UDP socket, or one TCP connection, to a door: `async with Talker(door) as talker: talker.send(…)`.

    Args:
        door: its HOST:PORT, on loopback.
        transport: `UDP` or `TCP`.
        bye: send BYE to each call that was answered.
        keep: called with each answer; where it is given they are not kept here.
    """

    def __init__(
        self, door: str, transport: str = "UDP", *, bye: bool = True, keep: Callable[[Answer], None] | None = None
    ) -> None:
        self.answers: list[Answer] = []
        self.requests: list[bytes] = []
        self.closed = False
        self.transport = transport
        self._keep = keep or self.answers.append
        self._bye = bye
        self._stream = bytearray()
        kind = socket.SOCK_DGRAM if transport == "UDP" else socket.SOCK_STREAM
        self._socket = socket.socket(socket.AF_INET, kind)
        if kind == socket.SOCK_DGRAM:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(5)
        host, _, port = door.rpartition(":")
        self._socket.connect((host, int(port)))
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        self.me = f"127.0.0.1:{self._socket.getsockname()[1]}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()

    def send(self, data: bytes) -> bool:
        """Sends a datagram, or as much of a stream as goes at once; False when it is lost or the connection is."""
        try:
            return self._socket.send(data) == len(data)
        except (BlockingIOError, ConnectionRefusedError):
            return False
        except OSError:
            self.close()
            return False

    def finals(self, call_id: bytes) -> list[int]:
        """The statuses of the final answers with a Call-ID."""
        return [answer.status for answer in self.answers if answer.call_id == call_id and answer.status >= 200]

    def _read(self) -> None:
        for _ in range(500):
            try:
                data = self._socket.recv(65_535)
            except BlockingIOError:
                return
            except ConnectionRefusedError:  # an ICMP error of a datagram sent before
                continue
            except OSError:
                data = b""
            if self.transport == "UDP":
                self._take(data)
                continue
            if not data:
                self.close()
                return
            self._stream += data
            while (size := _whole(self._stream)) is not None:
                one = bytes(self._stream[:size])
                del self._stream[:size]
                self._take(one)

    def _take(self, data: bytes) -> None:
        head, _, body = data.partition(b"\r\n\r\n")
        lines = re.sub(rb"\r\n[ \t]+", b" ", head).split(b"\r\n")
        found = _START.match(lines[0] + b"\r")
        if found is None:
            self._request(lines[0], lines)
            return
        answer = Answer(int(found[1]), _headers(lines), body)
        self._keep(answer)
        if answer.status >= 200 and answer.method == b"INVITE":
            self._acknowledge(answer)

    def _request(self, start: bytes, lines: list[bytes]) -> None:
        method = start.split(b" ")[0]
        if method in (b"", b"ACK"):
            return
        self.requests.append(start)
        copied = [line for line in lines[1:] if _name(line) in (b"via", b"from", b"to", b"call-id", b"cseq")]
        self.send(b"\r\n".join((b"SIP/2.0 200 OK", *copied, b"Content-Length: 0", b"", b"")))

    def _acknowledge(self, answer: Answer) -> None:
        number = answer.headers[b"cseq"].split(b" ")[0]
        via = answer.headers.get(b"via", b"").split(b",")[0]
        target = re.search(rb"<([^>]+)>", answer.headers.get(b"contact", b""))
        uri = target[1] if target else b"sip:door@127.0.0.1"
        self.send(self._in_dialog(b"ACK", uri, via, number, answer))
        if answer.status < 300 and self._bye:
            via = b"SIP/2.0/%s %s;rport;branch=z9hG4bKbye%s" % (
                self.transport.encode(),
                self.me.encode(),
                re.sub(rb"\W", b"", answer.call_id),
            )
            self.send(self._in_dialog(b"BYE", uri, via, b"%d" % (int(number) % 2**31 + 1), answer))

    @staticmethod
    def _in_dialog(method: bytes, uri: bytes, via: bytes, number: bytes, answer: Answer) -> bytes:
        return b"\r\n".join(
            (
                b"%s %s SIP/2.0" % (method, uri),
                b"Via: " + via,
                b"From: " + answer.headers.get(b"from", b""),
                b"To: " + answer.headers.get(b"to", b""),
                b"Call-ID: " + answer.call_id,
                b"CSeq: %s %s" % (number, method),
                b"Max-Forwards: 70",
                b"Content-Length: 0",
                b"",
                b"",
            )
        )


def _headers(lines: list[bytes]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for line in lines[1:]:
        headers.setdefault(_name(line), line.partition(b":")[2].strip())
    return headers


def _name(line: bytes) -> bytes:
    name = line.partition(b":")[0].strip().lower()
    return _COPIED.get(name, name)


def _whole(stream: bytearray) -> int | None:
    """The size of the first message of a stream, line ends in front of it included, once it is there."""
    start = len(stream) - len(stream.lstrip(b"\r\n"))
    end = stream.find(b"\r\n\r\n", start)
    if end < 0:
        return None
    found = re.search(rb"\r\n(?:Content-Length|l)\s*:\s*(\d+)", bytes(stream[start:end]), re.IGNORECASE)
    size = end + 4 + (int(found[1]) if found else 0)
    return size if len(stream) >= size else None
