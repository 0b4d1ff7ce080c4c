"""RTP packets (RFC 3550), telephone events (RFC 4733) and PCMU (G.711) as values, without sockets."""

import struct
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

PCMU = 0
CLOCK_HZ = 8000
FRAME_MS = 20
FRAME_SAMPLES = CLOCK_HZ * FRAME_MS // 1000
DIGITS = "0123456789*#ABCD"  # RFC 4733, table 3: the event code is the place

_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet; `timestamp` in units of the payload's clock."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    def encode(self) -> bytes:
        """Returns the bytes, without contributing sources, padding or extension."""
        second = self.payload_type | (0x80 if self.marker else 0)
        head = _HEADER.pack(0x80, second, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc)
        return head + self.payload

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parses a datagram; raises ValueError when it is no RTP of version 2."""
        if len(data) < _HEADER.size or data[0] >> 6 != 2:
            raise ValueError("no RTP packet of version 2")
        first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
        start = _HEADER.size + 4 * (first & 0x0F)
        if first & 0x10 and len(data) >= start + 4:
            start += 4 + 4 * struct.unpack_from("!H", data, start + 2)[0]
        end = len(data) - data[-1] if first & 0x20 else len(data)
        return cls(second & 0x7F, sequence, timestamp, ssrc, data[start:end], bool(second & 0x80))


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """The payload of one RFC 4733 packet; `duration` in timestamp units, `volume` in -dBm0."""

    digit: str
    end: bool
    duration: int
    volume: int = 10

    def encode(self) -> bytes:
        """Returns the four bytes."""
        flags = (0x80 if self.end else 0) | self.volume
        return _EVENT.pack(DIGITS.index(self.digit), flags, self.duration)

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Parses a payload; raises ValueError for events that are no digits."""
        if len(payload) < _EVENT.size:
            raise ValueError("telephone event of less than four bytes")
        code, flags, duration = _EVENT.unpack_from(payload)
        if code >= len(DIGITS):
            raise ValueError(f"telephone event {code} is no digit")
        return cls(DIGITS[code], bool(flags & 0x80), duration, flags & 0x3F)


def encode_ulaw(samples: npt.NDArray[np.int16]) -> bytes:
    """Compresses 16-bit linear samples to G.711 mu-law, one byte a sample."""
    wide = samples.astype(np.int32)
    sign = np.where(wide < 0, 0x80, 0)
    magnitude = np.minimum(np.abs(wide), 32635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    encoded: bytes = ((~(sign | (exponent << 4) | mantissa)) & 0xFF).astype(np.uint8).tobytes()
    return encoded


def decode_ulaw(data: bytes) -> npt.NDArray[np.int16]:
    """Expands G.711 mu-law to 16-bit linear samples."""
    code = (~np.frombuffer(data, dtype=np.uint8)).astype(np.uint8).astype(np.int32)
    magnitude = ((((code & 0x0F) << 3) + 132) << ((code >> 4) & 0x07)) - 132
    linear: npt.NDArray[np.int16] = np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)
    return linear


def tone(
    hz: float, samples: int, *, rate: int = CLOCK_HZ, amplitude: float = 0.3, start: int = 0
) -> npt.NDArray[np.int16]:
    """Returns a sine of `samples` samples; silence for 0 Hz.

    Args:
        hz: frequency.
        samples: length.
        rate: samples a second.
        amplitude: peak, as a share of full scale.
        start: index of the first sample, so that frames join without a click.
    """
    index = np.arange(start, start + samples)
    wave: npt.NDArray[np.int16] = np.round(amplitude * 32767 * np.sin(2 * np.pi * hz * index / rate)).astype(np.int16)
    return wave
