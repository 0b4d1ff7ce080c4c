"""A caller of raw SIP over UDP: as little as a call takes, so that what is measured is the far side.

Rules
- A latency lasts from the moment before `sendto` to the kernel's arrival time of the final response (SO_TIMESTAMPNS),
  both by the machine's wall clock. So this process's own delays after the arrival do not count.
- One call at a time on one blocking socket. A call whose INVITE had to be sent again is marked.
- Every final response is acknowledged, a 200 is followed by BYE, and BYE is waited for.
"""

from __future__ import annotations

import secrets
import socket
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from bench import wire

T1_S = 0.5
GIVE_UP_S = 8.0


@dataclass(frozen=True)
class Timing:
    """One call.

    Attributes:
        code: the final response's; 0 for none within `GIVE_UP_S`.
        latency_s: INVITE to final response.
        again: how often the INVITE was sent again.
    """

    code: int
    latency_s: float
    again: int


class Caller:
    """Makes calls: `with Caller() as caller: caller.call(address)`."""

    def __init__(self, user: str = "bench") -> None:
        self._user = user
        self._socket = wire.timed_socket()
        self._media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._media.bind(("127.0.0.1", 0))  # takes RTP, and lets it lie
        self._run = secrets.token_hex(4)
        self._count = 0

    def call(self, target: wire.Address) -> Timing:
        """Calls, and ends the call; returns when all is done."""
        self._count += 1
        request = self._request(target)
        invite = request.invite(self._media.getsockname()[1])
        sent_ns = time.time_ns()
        self._socket.sendto(invite, target)
        final, again = self._await_final(request, invite, target, "INVITE")
        if final is None:
            return Timing(0, GIVE_UP_S, again)
        self._socket.sendto(request.ack(final), target)
        if final.code < 300:
            bye = request.bye(final)
            self._socket.sendto(bye, target)
            self._await_final(request, bye, target, "BYE")
        return Timing(final.code, (final.at_ns - sent_ns) / 1e9, again)

    def _request(self, target: wire.Address) -> wire.Request:
        return wire.Request(f"{self._run}{self._count}", self._user, self._socket.getsockname()[1], target)

    def _await_final(
        self, request: wire.Request, data: bytes, target: wire.Address, method: str
    ) -> tuple[wire.Response | None, int]:
        """Returns the first final response to `method`, and how often `data` was sent again until then."""
        started = time.monotonic()
        again, wait_s = 0, T1_S
        next_at = started + wait_s
        while (now := time.monotonic()) < started + GIVE_UP_S:
            if now >= next_at:
                self._socket.sendto(data, target)
                again, wait_s = again + 1, wait_s * 2
                next_at = now + wait_s
            self._socket.settimeout(max(min(next_at, started + GIVE_UP_S) - now, 0.001))
            try:
                response = wire.receive(self._socket)
            except TimeoutError:
                continue
            if response is not None and response.key == request.key and response.method == method:
                if response.code >= 200:
                    return response, again
                next_at = started + GIVE_UP_S  # provisional: the request has arrived
        return None, again

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self._media.close()
