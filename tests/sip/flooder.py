"""Sends INVITEs at a rate and counts what comes back: `python -m tests.sip.flooder URI RATE SECONDS [cancel]`.

A program of its own, so that its load does not slow the engine's parent down. Prints one JSON object: final answers by
status, INVITEs without any, and the p50 and p99 of the time to the final answer in ms. An INVITE is sent again after
T1 and then at doubled intervals (RFC 3261, 17.1.1.2), finals are acknowledged.
"""

import heapq
import json
import re
import secrets
import select
import socket
import sys
import time
from collections import Counter

_URI = re.compile(r"sip:(?:[^@]*@)?([\d.]+):(\d+)")
_SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
_T1_S = 0.5
_PATIENCE_S = 16.0


class Flooder:
    """One socket, many INVITEs."""

    def __init__(self, uri: str, *, cancel: bool) -> None:
        found = _URI.match(uri)
        if found is None:
            raise SystemExit(f"no usable URI: {uri}")
        self._uri = uri
        self._target = (found[1], int(found[2]))
        self._cancel = cancel
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self._port = self._socket.getsockname()[1]
        self._run = secrets.token_hex(4)
        self._sent: dict[str, float] = {}
        self._again: list[tuple[float, float, str]] = []
        self.took: dict[str, float] = {}
        self.finals: Counter[int] = Counter()

    def run(self, rate: int, seconds: float) -> None:
        """Sends `rate` INVITEs a second for `seconds`, then waits for the answers that miss."""
        begin = time.monotonic()
        total = int(rate * seconds)
        number = 0
        while number < total or (len(self.took) < total and time.monotonic() < begin + seconds + _PATIENCE_S):
            now = time.monotonic()
            while number < total and begin + number / rate <= now:
                self._first(f"{self._run}{number}", now)
                number += 1
            while self._again and self._again[0][0] <= now:
                _, pause, call = heapq.heappop(self._again)
                if call not in self.took:
                    self._put(call, "INVITE")
                    heapq.heappush(self._again, (now + pause * 2, pause * 2, call))
            select.select([self._socket], [], [], 0.001)
            self._read()

    def _first(self, call: str, now: float) -> None:
        self._sent[call] = now
        self._put(call, "INVITE")
        heapq.heappush(self._again, (now + _T1_S, _T1_S, call))
        if self._cancel:
            self._put(call, "CANCEL")

    def _put(self, call: str, method: str, to: str = "") -> None:
        body = _SDP if method == "INVITE" else ""
        lines = (
            f"{method} {self._uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._port};branch=z9hG4bK{call}",
            "Max-Forwards: 70",
            f"From: <sip:flood@127.0.0.1>;tag={call}",
            to or f"To: <{self._uri}>",
            f"Call-ID: {call}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:flood@127.0.0.1:{self._port}>",
            "Content-Type: application/sdp",
            f"Content-Length: {len(body)}",
        )
        try:
            self._socket.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), self._target)
        except BlockingIOError:
            return

    def _read(self) -> None:
        while True:
            try:
                text = self._socket.recv(65_535).decode()
            except BlockingIOError:
                return
            status = int(text.split(" ", 2)[1])
            headers = dict(line.split(": ", 1) for line in text.split("\r\n\r\n")[0].split("\r\n")[1:])
            if status < 200 or not headers["CSeq"].endswith("INVITE"):
                continue
            call = headers["Call-ID"]
            self._put(call, "ACK", f"To: {headers['To']}")
            if call not in self.took:
                self.took[call] = time.monotonic() - self._sent[call]
                self.finals[status] += 1

    def report(self) -> str:
        """The counts as JSON."""
        times = sorted(self.took.values()) or [0.0]
        return json.dumps(
            {
                "sent": len(self._sent),
                "finals": self.finals,
                "unanswered": len(self._sent) - len(self.took),
                "p50_ms": round(times[len(times) // 2] * 1000, 2),
                "p99_ms": round(times[int(len(times) * 0.99)] * 1000, 2),
            }
        )


def main() -> None:
    """Floods, then prints."""
    flooder = Flooder(sys.argv[1], cancel=sys.argv[4:] == ["cancel"])
    flooder.run(int(sys.argv[2]), float(sys.argv[3]))
    sys.stdout.write(flooder.report() + "\n")


if __name__ == "__main__":
    main()
