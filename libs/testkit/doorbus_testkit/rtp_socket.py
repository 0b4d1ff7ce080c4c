"""A socket for one call's RTP: it sends PCMU at an even pace and counts and keeps what arrives."""

import asyncio
import contextlib
import secrets
import socket
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from doorbus_testkit.ports import give_back
from doorbus_testkit.rtp import (
    FRAME_MS,
    FRAME_SAMPLES,
    PCMU,
    RtpPacket,
    TelephoneEvent,
    decode_ulaw,
    encode_ulaw,
    tone,
)
from doorbus_testkit.tones import write_wav

DIGIT_FRAMES = 5  # 100 ms, over the 40 ms that receivers need
GAP_FRAMES = 3


@dataclass(frozen=True, slots=True)
class ReceivedPacket:
    """A packet and the monotonic second of its arrival."""

    at: float
    packet: RtpPacket


class RtpSocket(asyncio.DatagramProtocol):
    """The media side of a scripted phone.

    Until `open` the port is bound and nobody reads it, which is all that a phone without media needs.

    Attributes:
        port: where RTP shall come to.
        received: each packet that arrived, in order.
        digits: the RFC 4733 digits that arrived, each once.
        sent: number of packets sent.
        hz: the tone that is sent, 0 for silence; may change while sending.
        tone_at: a tone, and the monotonic second at which its first packet was sent.
    """

    def __init__(self, host: str, port: int) -> None:
        self.port = port
        self.received: list[ReceivedPacket] = []
        self.digits = ""
        self.sent = 0
        self.hz = 0.0
        self.tone_at: tuple[float, float] = (0.0, 0.0)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, port))
        self._transport: asyncio.DatagramTransport | None = None
        self._sender: asyncio.Task[None] | None = None
        self._pending: deque[str] = deque()
        self._event_type = 101
        self._last_event: int | None = None

    async def open(self) -> None:
        """Begins to receive."""
        if self._transport is None:
            loop = asyncio.get_running_loop()
            self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=self._socket)

    def start_sending(self, host: str, port: int, *, hz: float = 0.0, telephone_event: int = 101) -> None:
        """Sends PCMU every 20 ms to an address until `stop_sending`; needs `open`.

        Args:
            host: IPv4 address.
            port: UDP port.
            hz: tone, 0 for silence.
            telephone_event: payload type for digits.
        """
        self.stop_sending()
        self.hz = hz
        self._event_type = telephone_event
        self._sender = asyncio.create_task(self._send((host, port)), name=f"rtp-{self.port}")

    def send_digits(self, digits: str) -> None:
        """Queues digits, 100 ms each, as RFC 4733 events in the running stream."""
        self._pending.extend(digits)

    @property
    def sending_digits(self) -> bool:
        """True while queued digits are not all sent."""
        return bool(self._pending)

    def stop_sending(self) -> None:
        """Ends the stream; receiving goes on."""
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None

    def close(self) -> None:
        """Ends both directions and frees the port."""
        self.stop_sending()
        give_back(self.port, 2)
        if self._transport is not None:
            self._transport.close()
        else:
            self._socket.close()

    def record(self, path: Path) -> None:
        """Writes the received PCMU payloads, in the order of arrival and without the gaps, to an 8 kHz wav."""
        payload = b"".join(item.packet.payload for item in self.received if item.packet.payload_type == PCMU)
        write_wav(path, decode_ulaw(payload), 8000)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Keeps a packet; what is no RTP is dropped."""
        with contextlib.suppress(ValueError):
            packet = RtpPacket.parse(data)
            self.received.append(ReceivedPacket(time.monotonic(), packet))
            if packet.payload_type == self._event_type:
                self._note_event(packet)

    def error_received(self, exc: Exception) -> None:
        """Ignores ICMP errors: the far side may close its port first."""

    def _note_event(self, packet: RtpPacket) -> None:
        event = TelephoneEvent.parse(packet.payload)
        if packet.timestamp != self._last_event:  # all packets of one digit share their timestamp
            self._last_event = packet.timestamp
            self.digits += event.digit

    async def _send(self, target: tuple[str, int]) -> None:
        ssrc = secrets.randbits(32)
        sequence, timestamp = secrets.randbits(15), secrets.randbits(30)
        frame, digit_frame, first = 0, 0, True
        begin = time.monotonic()
        while True:
            if self._pending and digit_frame < DIGIT_FRAMES:
                digit_frame += 1
                self._send_event(ssrc, sequence, timestamp, digit_frame, target)
                sequence += 3 if digit_frame == DIGIT_FRAMES else 1  # the end is sent three times, RFC 4733, 2.5.1.4
                frame += 1
                if digit_frame == DIGIT_FRAMES:
                    timestamp += DIGIT_FRAMES * FRAME_SAMPLES
            else:
                if self._pending:
                    digit_frame += 1
                    if digit_frame >= DIGIT_FRAMES + GAP_FRAMES:
                        self._pending.popleft()
                        digit_frame = 0
                if self.tone_at[0] != self.hz:
                    self.tone_at = (self.hz, time.monotonic())
                samples = tone(self.hz, FRAME_SAMPLES, start=frame * FRAME_SAMPLES)
                self._put(RtpPacket(PCMU, sequence, timestamp, ssrc, encode_ulaw(np.asarray(samples)), first), target)
                first = False
                frame, sequence, timestamp = frame + 1, sequence + 1, timestamp + FRAME_SAMPLES
            await asyncio.sleep(max(0.0, begin + frame * FRAME_MS / 1000 - time.monotonic()))

    def _send_event(self, ssrc: int, sequence: int, timestamp: int, frame: int, target: tuple[str, int]) -> None:
        end = frame == DIGIT_FRAMES
        payload = TelephoneEvent(self._pending[0], end, frame * FRAME_SAMPLES).encode()
        for copy in range(3 if end else 1):
            self._put(RtpPacket(self._event_type, sequence + copy, timestamp, ssrc, payload, frame == 1), target)

    def _put(self, packet: RtpPacket, target: tuple[str, int]) -> None:
        assert self._transport is not None, "open() comes first"
        self._transport.sendto(packet.encode(), target)
        self.sent += 1
