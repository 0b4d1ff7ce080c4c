"""What a payload type means: the static ones of RFC 3551 (section 6, table 4), the others by a listener's `codecs`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

MOST_PACKET_MS = 200
"""A longer packet than RFC 3551 (section 4.2) asks receivers to take."""


class Codec(StrEnum):
    """How samples are written."""

    PCMU = "PCMU"
    PCMA = "PCMA"
    G722 = "G722"
    L16 = "L16"


@dataclass(frozen=True, slots=True)
class Format:
    """What a payload holds.

    Attributes:
        codec: how samples are written.
        clock_hz: of the RTP timestamp.
        channels: 1 or 2, interleaved.
    """

    codec: Codec
    clock_hz: int
    channels: int = 1

    @property
    def rate(self) -> int:
        """Samples a second of the sound. G.722 has twice its clock's, by a mistake that stayed (RFC 3551, 4.5.2)."""
        return 2 * self.clock_hz if self.codec is Codec.G722 else self.clock_hz

    @property
    def frame_bytes(self) -> int:
        """Bytes of one tick of the clock."""
        return (2 if self.codec is Codec.L16 else 1) * self.channels

    def frames(self, size: int) -> int | None:
        """Returns the samples (of each channel) in a payload of `size` bytes; None where no packet has that size."""
        ticks, rest = divmod(size, self.frame_bytes)
        if rest or not 0 < ticks <= self.clock_hz * MOST_PACKET_MS // 1000:
            return None
        return ticks * self.rate // self.clock_hz

    def __str__(self) -> str:
        return f"{self.codec}/{self.clock_hz}" + (f"/{self.channels}" if self.channels > 1 else "")


STATIC: Mapping[int, Format] = MappingProxyType(
    {
        0: Format(Codec.PCMU, 8000),
        8: Format(Codec.PCMA, 8000),
        9: Format(Codec.G722, 8000),
        10: Format(Codec.L16, 44100, 2),
        11: Format(Codec.L16, 44100, 1),
    }
)


def read_format(text: str) -> Format:
    """Reads a document's `L16/16000/1`, `PCMU/8000`, `G722/8000`. Raises ValueError for what is none."""
    name, _, rest = text.partition("/")
    clock, _, channels = rest.partition("/")
    return Format(Codec(name), int(clock), int(channels or 1))


def formats(codecs: Mapping[int, str]) -> dict[int, Format]:
    """Returns what each payload type means to a listener with these `codecs`."""
    return {**STATIC, **{number: read_format(text) for number, text in codecs.items()}}
