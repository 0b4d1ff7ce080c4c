"""A sender of many INVITEs a second, on one socket, in a thread.

Rules
- Each INVITE is sent again after 0.5 s, 1 s, 2 s … (RFC 3261, timer A) until a response comes; given up after 8 s.
- The first final response counts, its repeats are counted apart; each is acknowledged.
- When all are sent, calls that only ring are cancelled, so that each one ends with a final response.
- It ends when all are answered, when nothing has come for `SILENT_S` and nothing is to be sent again, or when `alive`
  says so.
"""

from __future__ import annotations

import heapq
import secrets
import select
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bench import wire

T1_S = 0.5
GIVE_UP_S = 8.0
SILENT_S = 10.0
BURST = 20
RECEIVE_BUFFER = 8_000_000


@dataclass
class Flood:
    """What came of it.

    Attributes:
        sent: INVITEs.
        again: INVITEs sent again.
        codes: first final responses by code.
        repeats: final responses that came again.
        latencies_s: INVITE to first final response, of those not sent again.
        took_s: seconds until the last INVITE was sent.
    """

    sent: int = 0
    again: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    repeats: int = 0
    latencies_s: list[float] = field(default_factory=list)
    took_s: float = 0.0

    @property
    def unanswered(self) -> int:
        """INVITEs without a final response."""
        return self.sent - self.codes.total()


@dataclass
class _Open:
    request: wire.Request
    invite: bytes
    sent_ns: int
    provisional: bool = False
    attempts: int = 0


class Flooder:
    """Floods one address.

    Args:
        target: whom.
        rate: INVITEs a second.
        seconds: for how long.
        alive: asked now and then; False ends the flood.
    """

    def __init__(self, target: wire.Address, rate: int, seconds: float, alive: Callable[[], bool]) -> None:
        self._target = target
        self._rate = rate
        self._count = int(rate * seconds)
        self._alive = alive
        self._socket = wire.timed_socket(RECEIVE_BUFFER)
        self._socket.setblocking(False)
        self._port = self._socket.getsockname()[1]
        self._run = secrets.token_hex(4)
        self._open: dict[str, _Open] = {}
        self._done: dict[str, wire.Request] = {}
        self._due: list[tuple[float, str]] = []
        self._result = Flood()

    def run(self) -> Flood:
        """Floods, and waits for what is still to come; blocks."""
        began = heard = asked = time.monotonic()
        cancelled = False
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        result = self._result
        while True:
            now = time.monotonic()
            for _ in range(min(int((now - began) * self._rate) + 1, self._count, result.sent + BURST) - result.sent):
                self._send(now)
            if self._receive():
                heard = now
            self._send_again(now)
            if result.sent == self._count:
                result.took_s = result.took_s or now - began
                if not cancelled and now - began - result.took_s > T1_S:
                    cancelled = True
                    self._cancel()
                if not self._open or (now - heard > SILENT_S and not self._due):
                    break
            if now - asked > 0.1:
                asked = now
                if not self._alive():
                    break
            poll.poll(1)
        self._receive()
        self._socket.close()
        return result

    def _send(self, now: float) -> None:
        key = f"{self._run}{self._result.sent}"
        request = wire.Request(key, "flood", self._port, self._target)
        invite = request.invite(9)  # nobody answers 200, so nothing is sent there
        self._open[key] = _Open(request, invite, time.time_ns())
        self._put(invite)
        heapq.heappush(self._due, (now + T1_S, key))
        self._result.sent += 1

    def _send_again(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            _, key = heapq.heappop(self._due)
            waiting = self._open.get(key)
            if waiting is None or waiting.provisional:
                continue
            waiting.attempts += 1
            wait_s = T1_S * 2**waiting.attempts
            if wait_s * 2 - T1_S > GIVE_UP_S:
                continue
            self._put(waiting.invite)
            self._result.again += 1
            heapq.heappush(self._due, (now + wait_s, key))

    def _receive(self) -> bool:
        """Takes what has come; returns whether anything has."""
        any_came = False
        while True:
            try:
                response = wire.receive(self._socket)
            except BlockingIOError:
                return any_came
            any_came = True
            if response is None or response.method != "INVITE":
                continue
            if response.code < 200:
                if response.key in self._open:
                    self._open[response.key].provisional = True
            else:
                self._final(response)

    def _final(self, response: wire.Response) -> None:
        waiting = self._open.pop(response.key, None)
        if waiting is None:
            self._result.repeats += 1
            done = self._done.get(response.key)
            if done is not None:
                self._put(done.ack(response))
            return
        self._done[response.key] = waiting.request
        self._result.codes[response.code] += 1
        if not waiting.attempts:
            self._result.latencies_s.append((response.at_ns - waiting.sent_ns) / 1e9)
        self._put(waiting.request.ack(response))

    def _cancel(self) -> None:
        for waiting in self._open.values():
            if waiting.provisional:
                self._put(waiting.request.cancel())

    def _put(self, data: bytes) -> None:
        try:
            self._socket.sendto(data, self._target)
        except (BlockingIOError, ConnectionRefusedError):
            return  # as lost on the way: it is sent again
