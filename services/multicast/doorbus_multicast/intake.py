"""What of all that comes to a listener belongs to its stream: checks, SSRC, order of numbers (RFC 3550, appendix A.1).

Rules
- A datagram must be an RTP packet, of a payload type that the listener knows, of a size that type can have.
- A listener hears one stream: SSRC and sender's address. The first valid packet on a silent one begins it at once.
- Another stream takes over when it has sent `PROBATION` packets in sequence, and the present one has been quiet for
  `QUIET_S`: a sender that begins anew does so within 3 packets, none of which is lost; two that send at the same time
  do not chop each other up; and random SSRCs never begin a page while one is there.
- Numbers are counted on beyond 65535. A packet that jumps (more than `MOST_DROPOUT` ahead, `MOST_MISORDER` back, or 3 s
  in its timestamp) is dropped; when the next one follows it, the stream goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from doorbus.rtp.packet import Packet, Refused, parse
from doorbus.rtp.payloads import Format

PROBATION = 2
"""MIN_SEQUENTIAL of RFC 3550, appendix A.1."""
QUIET_S = 0.05
"""Two packets of 20 ms and some jitter."""
HELD = 5
"""Packets of a stream on probation that are kept: 100 ms."""
MOST_DROPOUT = 3000
MOST_MISORDER = 100
MOST_JUMP_S = 3.0
MAX_BYTES = 8192
"""200 ms of L16 need more than any network carries in one piece; larger datagrams are no pages."""

Sender = tuple[str, int]


class Drop(StrEnum):
    """Why a packet is not played; labels of the metric `dropped`."""

    SOURCE = "source"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    RTCP = "rtcp"
    PAYLOAD_TYPE = "payload_type"
    PAYLOAD_SIZE = "payload_size"
    OVERFLOW = "overflow"
    OTHER_STREAM = "other_stream"
    JUMP = "jump"
    REPEATED = "repeated"
    LATE = "late"
    EARLY = "early"


class Taken(NamedTuple):
    """A packet of the stream. `number` and `timestamp` do not wrap; `frames` is its length in samples."""

    number: int
    timestamp: int
    frames: int
    form: Format
    payload: bytes
    at: float


@dataclass(slots=True)
class _Stream:
    ssrc: int
    sender: Sender
    number: int
    timestamp: int
    last: float
    held: list[Taken] = field(default_factory=list)
    resume: int | None = None


class Intake:
    """One listener's.

    Args:
        formats: what each payload type means.
        end_s: silence after which whoever sends next begins a stream at once.
    """

    def __init__(self, formats: Mapping[int, Format], end_s: float) -> None:
        self.end_s = end_s
        self._formats = formats
        self._stream: _Stream | None = None
        self._other: _Stream | None = None

    @property
    def ssrc(self) -> int | None:
        """The present stream's."""
        return None if self._stream is None else self._stream.ssrc

    @property
    def last(self) -> float | None:
        """When the present stream's last packet came; None while there is none."""
        return None if self._stream is None else self._stream.last

    def forget(self) -> None:
        """The present stream is over."""
        self._stream = self._other = None

    def take(self, data: bytes | memoryview, sender: Sender, now: float) -> Drop | tuple[bool, list[Taken]]:
        """Takes a datagram.

        Returns:
            Why it is dropped; or whether another stream began with it, and the packets to play.
        """
        packet = parse(data)
        if isinstance(packet, Refused):
            return Drop.RTCP if packet is Refused.RTCP else Drop.MALFORMED
        form = self._formats.get(packet.payload_type)
        if form is None:
            return Drop.PAYLOAD_TYPE
        frames = form.frames(len(packet.payload))
        if frames is None:
            return Drop.PAYLOAD_SIZE
        stream = self._stream
        if stream is None or now - stream.last >= self.end_s:
            self._stream = _begun(packet, sender, now)
            self._other = None
            return True, [_taken(packet, frames, form, self._stream, now)]
        if packet.ssrc != stream.ssrc or sender != stream.sender:
            return self._take_other(packet, sender, frames, form, now)
        if not _follows(stream, packet, form):
            return Drop.JUMP
        stream.last = now
        return False, [_taken(packet, frames, form, stream, now)]

    def _take_other(
        self, packet: Packet, sender: Sender, frames: int, form: Format, now: float
    ) -> Drop | tuple[bool, list[Taken]]:
        other = self._other
        known = other is not None and (other.ssrc, other.sender) == (packet.ssrc, sender)
        if other is None or not known or packet.sequence != (other.number + 1) & 0xFFFF:
            if known or other is None or other.last + QUIET_S < now:
                self._other = _begun(packet, sender, now)
                self._other.held.append(_taken(packet, frames, form, self._other, now))
            return Drop.OTHER_STREAM
        taken = _taken(packet, frames, form, other, now)
        other.last = now
        other.held = [*other.held, taken][-HELD:]
        if len(other.held) < PROBATION or self._stream is None or now - self._stream.last < QUIET_S:
            return Drop.OTHER_STREAM
        self._stream, self._other = other, None
        held, other.held = other.held, []
        return True, held


def _begun(packet: Packet, sender: Sender, now: float) -> _Stream:
    """A stream of which this is the first packet. Its numbers begin a lap up, so that none before it is negative."""
    return _Stream(packet.ssrc, sender, packet.sequence + 0x10000, packet.timestamp, now)


def _follows(stream: _Stream, packet: Packet, form: Format) -> bool:
    step = (packet.sequence - stream.number) & 0xFFFF
    jump = abs(_signed(packet.timestamp - stream.timestamp, 32)) > MOST_JUMP_S * form.clock_hz
    if not jump and (step < MOST_DROPOUT or step >= 0x10000 - MOST_MISORDER):
        stream.resume = None
        return True
    if stream.resume != packet.sequence:
        stream.resume = (packet.sequence + 1) & 0xFFFF
        return False
    stream.resume = None
    stream.number += step
    stream.timestamp += _signed(packet.timestamp - stream.timestamp, 32)
    return True


def _taken(packet: Packet, frames: int, form: Format, stream: _Stream, now: float) -> Taken:
    number = stream.number + _signed(packet.sequence - stream.number, 16)
    timestamp = stream.timestamp + _signed(packet.timestamp - stream.timestamp, 32)
    if number >= stream.number:
        stream.number, stream.timestamp = number, timestamp
    return Taken(number, timestamp, frames, form, packet.payload, now)


def _signed(difference: int, bits: int) -> int:
    half = 1 << (bits - 1)
    return ((difference + half) & (2 * half - 1)) - half
