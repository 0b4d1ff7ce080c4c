"""Tones in wav files: written for a phone to play, measured in what a phone has recorded.

The measure is the amplitude of one frequency by the Goertzel sum in windows of 20 ms, each a share of full scale
(a full-scale sine is 1.0). A window of 20 ms tells frequencies 50 Hz apart; choose tones at least 150 Hz apart.
"""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

from doorbus_testkit.rtp import tone

WINDOW_S = 0.02
AUDIBLE = 0.02  # -34 dBFS: over the noise of G.711 and resampling, far under the tones we play (0.3)


def write_tone(path: Path, hz: float, seconds: float, rate: int = 16_000, amplitude: float = 0.3) -> None:
    """Writes a mono 16-bit wav with a sine.

    Args:
        path: file to write.
        hz: frequency; 0 is silence.
        seconds: length.
        rate: samples a second.
        amplitude: peak, as a share of full scale.
    """
    write_wav(path, tone(hz, round(seconds * rate), rate=rate, amplitude=amplitude), rate)


def write_wav(path: Path, samples: npt.NDArray[np.int16], rate: int) -> None:
    """Writes mono 16-bit samples."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())


def read_wav(path: Path) -> tuple[npt.NDArray[np.int16], int]:
    """Returns the first channel's samples and the rate of a 16-bit wav.

    A file that is still being written is read up to its end, whatever length its header claims.
    """
    data = path.read_bytes()
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError(f"{path}: no wav file")
    position, channels, rate = 12, 1, 8000
    while position + 8 <= len(data):
        name, size = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        position += 8
        if name == b"fmt ":
            channels = int.from_bytes(data[position + 2 : position + 4], "little")
            rate = int.from_bytes(data[position + 4 : position + 8], "little")
            if int.from_bytes(data[position + 14 : position + 16], "little") != 16:
                raise ValueError(f"{path}: not 16 bits a sample")
        elif name == b"data":
            last = position + size if 0 < size <= len(data) - position else len(data)
            whole = (last - position) // (2 * channels) * 2 * channels
            samples = np.frombuffer(data[position : position + whole], dtype="<i2")
            return samples.reshape(-1, channels)[:, 0].astype(np.int16), rate
        position += size + size % 2
    return np.zeros(0, dtype=np.int16), rate


def window_levels(samples: npt.NDArray[np.int16], rate: int, hz: float) -> npt.NDArray[np.float64]:
    """Returns the amplitude of `hz` in each whole window of 20 ms, as a share of full scale."""
    size = round(WINDOW_S * rate)
    count = len(samples) // size
    windows = samples[: count * size].reshape(count, size).astype(np.float64) / 32768
    probe = np.exp(-2j * np.pi * hz * np.arange(size) / rate)
    levels: npt.NDArray[np.float64] = np.abs(windows @ probe) * 2 / size
    return levels


def tone_level(path: Path, hz: float) -> float:
    """Returns the median amplitude of `hz` over the file's windows, as a share of full scale; 0.0 for an empty file."""
    levels = window_levels(*read_wav(path), hz)
    return float(np.median(levels)) if len(levels) else 0.0


def tone_share(path: Path, hz: float, audible: float = AUDIBLE) -> float:
    """Returns the share of the file's 20 ms windows in which `hz` has at least the amplitude `audible`."""
    levels = window_levels(*read_wav(path), hz)
    return float(np.mean(levels >= audible)) if len(levels) else 0.0


def audible_spans(path: Path, hz: float, audible: float = AUDIBLE) -> list[tuple[float, float]]:
    """Returns begin and end, in seconds of the file, of each run of windows in which `hz` is audible."""
    heard = np.concatenate(([False], window_levels(*read_wav(path), hz) >= audible, [False]))
    edges = np.flatnonzero(heard[1:] != heard[:-1])
    return [
        (float(begin) * WINDOW_S, float(end) * WINDOW_S) for begin, end in zip(edges[::2], edges[1::2], strict=True)
    ]
