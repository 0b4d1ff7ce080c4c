"""Payloads to samples and back: G.711 by tables, L16 as it stands, G.722 by libg722.

Samples are float32 mono from -1 to 1; two channels are mixed into one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from G722 import G722

from doorbus.rtp.payloads import Codec, Format

Samples: TypeAlias = npt.NDArray[np.float32]
Decode: TypeAlias = Callable[[bytes], Samples]
Encode: TypeAlias = Callable[[Samples], bytes]

FULL_SCALE = 32768.0
G722_BITS_S = 64000


def decoder(form: Format) -> Decode:
    """Returns a decoder for one stream; that of G.722 remembers, so packets go through it in their order."""
    match form.codec:
        case Codec.PCMU:
            return lambda payload: _mono(_ULAW[np.frombuffer(payload, np.uint8)], form.channels)
        case Codec.PCMA:
            return lambda payload: _mono(_ALAW[np.frombuffer(payload, np.uint8)], form.channels)
        case Codec.L16:
            return lambda payload: _mono(np.frombuffer(payload, ">i2").astype(np.float32) / FULL_SCALE, form.channels)
        case Codec.G722:
            g722 = G722(form.rate, G722_BITS_S)
            return lambda payload: (
                np.asarray(g722.decode(payload), np.int16).astype(np.float32) / np.float32(FULL_SCALE)
            )


def encoder(form: Format) -> Encode:
    """Returns an encoder for one stream of mono sound at `form.rate`; each channel gets it."""
    match form.codec:
        case Codec.PCMU:
            return lambda samples: _both(_law(samples, _ULAW, _ULAW_ORDER), form.channels).tobytes()
        case Codec.PCMA:
            return lambda samples: _both(_law(samples, _ALAW, _ALAW_ORDER), form.channels).tobytes()
        case Codec.L16:
            return lambda samples: _both(_linear(samples).astype(">i2"), form.channels).tobytes()
        case Codec.G722:
            g722 = G722(form.rate, G722_BITS_S)
            return lambda samples: bytes(g722.encode(_linear(samples).tolist()))


def _mono(samples: Samples, channels: int) -> Samples:
    return samples if channels == 1 else samples.reshape(-1, channels).mean(axis=1, dtype=np.float32)


def _both(samples: npt.NDArray[np.generic], channels: int) -> npt.NDArray[np.generic]:
    return samples if channels == 1 else np.repeat(samples, channels)


def _linear(samples: Samples) -> npt.NDArray[np.int16]:
    return np.clip(np.round(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def _ulaw_table() -> Samples:
    """G.711, table 2: sign, three bits of exponent, four of mantissa, all inverted; biased by 33 of 8159 units."""
    code = np.arange(256) ^ 0xFF
    magnitude = ((((code & 0x0F) << 3) + 132) << ((code >> 4) & 7)) - 132
    return (np.where(code & 0x80, -magnitude, magnitude) / FULL_SCALE).astype(np.float32)


def _alaw_table() -> Samples:
    """G.711, table 1: as above, every other bit inverted, and no bias in the first segment."""
    code = np.arange(256) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 0x0F
    magnitude = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 264) << np.maximum(exponent - 1, 0))
    return (np.where(code & 0x80, magnitude, -magnitude) / FULL_SCALE).astype(np.float32)


def _law(samples: Samples, table: Samples, order: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Returns the codes whose levels are nearest."""
    levels = table[order]
    middles = (levels[1:] + levels[:-1]) / 2
    return order[np.searchsorted(middles, samples)]


_ULAW, _ALAW = _ulaw_table(), _alaw_table()
_ULAW_ORDER = np.argsort(_ULAW, kind="stable").astype(np.uint8)
_ALAW_ORDER = np.argsort(_ALAW, kind="stable").astype(np.uint8)
