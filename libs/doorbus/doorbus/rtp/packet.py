"""RTP packets (RFC 3550, section 5.1) as values.

Taken apart strictly: what a field promises must be there. Anything may come to a multicast address, so refusing is no
exception but an answer, and cheap.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import NamedTuple

HEADER_BYTES = 12
VERSION = 2
_HEADER = struct.Struct("!BBHII")
_RTCP_TYPES = range(192, 224)
"""Second bytes that are RTCP packet types, with which RTP shares a port at times (RFC 5761, section 4)."""


class Refused(StrEnum):
    """Why a datagram is no RTP packet for a listener."""

    SHORT = "short"
    VERSION = "version"
    RTCP = "rtcp"
    CSRC = "csrc"
    EXTENSION = "extension"
    PADDING = "padding"
    EMPTY = "empty"


class Packet(NamedTuple):
    """One packet. `timestamp` counts in the payload's clock; contributing sources and the extension are left out."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    def encode(self) -> bytes:
        """Returns the datagram; sequence and timestamp wrap as RTP's do."""
        second = self.payload_type | (0x80 if self.marker else 0)
        head = _HEADER.pack(VERSION << 6, second, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc)
        return head + self.payload


def parse(data: bytes | memoryview) -> Packet | Refused:
    """Takes a datagram apart."""
    size = len(data)
    if size < HEADER_BYTES:
        return Refused.SHORT
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first >> 6 != VERSION:
        return Refused.VERSION
    if second in _RTCP_TYPES:
        return Refused.RTCP
    begin, end = HEADER_BYTES + 4 * (first & 0x0F), size
    if begin > size:
        return Refused.CSRC
    if first & 0x10:
        if begin + 4 > size:
            return Refused.EXTENSION
        begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
        if begin > size:
            return Refused.EXTENSION
    if first & 0x20:
        padding = data[size - 1]
        end = size - padding
        if padding == 0 or end < begin:
            return Refused.PADDING
    if end == begin:
        return Refused.EMPTY
    return Packet(second & 0x7F, sequence, timestamp, ssrc, bytes(data[begin:end]), bool(second & 0x80))
