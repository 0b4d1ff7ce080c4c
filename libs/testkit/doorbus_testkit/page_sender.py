"""A sender of pages: a tone over RTP multicast, through a network as bad as is asked for.

Every packet's time is fixed before the first is sent, and a thread of its own keeps it, so that a busy event loop adds
no jitter.
"""

from __future__ import annotations

import random
import secrets
import socket
import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from doorbus_testkit.netns import Host
from doorbus_testkit.rtp import RtpPacket, encode_ulaw, tone

PACKET_MS = 20
LONGEST_S = 120.0
"""A sender that nobody stops ends by itself."""


@dataclass(frozen=True)
class Network:
    """What happens to packets on their way.

    Attributes:
        loss: share that is lost.
        jitter_ms: each is delayed by 0 to so many milliseconds.
        in_order: none overtakes another.
        seed: of the dice.
    """

    loss: float = 0.0
    jitter_ms: float = 0.0
    in_order: bool = False
    seed: int = 1

    def times(self, count: int) -> list[tuple[float, int]]:
        """Returns (second, index) of each packet that arrives, in the order of arrival."""
        dice, arrived, last = random.Random(self.seed), [], 0.0
        for index in range(count):
            lost = dice.random() < self.loss
            at = index * PACKET_MS / 1000 + dice.uniform(0, self.jitter_ms) / 1000
            if self.in_order:
                at = last = max(at, last)
            if not lost or index == 0:
                arrived.append((at, index))
        return sorted(arrived)


class PageSender:
    """Sends a tone to a group: `with PageSender("239.1.1.1", 5004, host=there) as sender: …`.

    Args:
        group: multicast address.
        port: UDP port.
        host: the namespace it sends from; None = this one.
        hz: of the tone.
        rate: of linear samples (L16) with `payload_type`; None = PCMU, type 0.
        payload_type: in each packet.
        network: what happens on the way.
        ssrc: of the stream; random when left out.
        level: peak, as a share of full scale.
        seconds: length; it may be stopped earlier.
    """

    def __init__(
        self,
        group: str,
        port: int,
        *,
        host: Host | None = None,
        hz: float = 440.0,
        rate: int | None = None,
        payload_type: int = 0,
        network: Network | None = None,
        ssrc: int | None = None,
        level: float = 0.3,
        seconds: float = LONGEST_S,
    ) -> None:
        self.ssrc = secrets.randbits(32) if ssrc is None else ssrc
        self._target = (group, port)
        self._hz, self._rate, self._type, self._level = hz, rate, payload_type, level
        self._times = (network or Network()).times(round(min(seconds, LONGEST_S) * 1000 / PACKET_MS))
        with host.entered() if host is not None else nullcontext():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._over = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self.sent = 0
        self.first_at = 0.0

    @property
    def source(self) -> str:
        """Its address and port, as the door sees them; the address only where it was given a host."""
        return f":{self._socket.getsockname()[1]}"

    def start(self) -> float:
        """Begins to send; returns the monotonic second of the first packet."""
        self._thread.start()
        self._begun.wait(5)
        return self.first_at

    def stop(self) -> None:
        """Sends no more."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def send(self, data: bytes) -> None:
        """Sends any datagram to the group, from this sender's port."""
        self._socket.sendto(data, self._target)

    def packet(self, index: int) -> RtpPacket:
        """Returns the packet of a number."""
        rate = self._rate or 8000
        frames = rate * PACKET_MS // 1000
        samples = tone(self._hz, frames, rate=rate, amplitude=self._level, start=index * frames)
        payload = encode_ulaw(np.asarray(samples)) if self._rate is None else samples.astype(">i2").tobytes()
        return RtpPacket(self._type, 1000 + index, 5000 + index * frames, self.ssrc, payload, index == 0)

    def _run(self) -> None:
        begin = time.monotonic()
        for at, index in self._times:
            data = self.packet(index).encode()
            if self._over.wait(max(0.0, begin + at - time.monotonic())):
                return
            if self.sent == 0:
                self.first_at = time.monotonic()
            self._socket.sendto(data, self._target)
            self.sent += 1
            self._begun.set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops, and gives the socket back."""
        self.stop()
        self._socket.close()
