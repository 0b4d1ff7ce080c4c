"""The backends `none` and `file`: a clock, and WAV files in place of loudspeaker and microphone.

Rules
- They keep real time as a device does, so that callers work alike on all of them.
- A recording gets all that is read while it is open; one that cannot be written is reported once and tried each time.
- A file for the microphone is one channel of 16-bit samples at the caller's rate; it is played again from its beginning
  for ever. One that cannot be read is silence, and is reported.
"""

import wave
from pathlib import Path

from doorbus.audio.streams import SAMPLE_BYTES, TICK_MS, Condition, OnProblem, Sink, Source
from doorbus.audio.ticker import Ticker
from doorbus.audio.wav import WavFile


def play(rate: int, source: Source, path: str | None, on_problem: OnProblem) -> Ticker:
    """Reads `source` in real time, into the file if there is one."""
    frames = rate * TICK_MS // 1000
    recording = None if path is None else _Recording(path, rate, on_problem)

    def tick() -> None:
        samples = source.read(frames)
        if recording is not None:
            recording.write(samples)

    return Ticker("playback", tick)


def capture(rate: int, sink: Sink, path: str | None, on_problem: OnProblem) -> Ticker:
    """Gives `sink` the file's samples in real time, or silence."""
    size = rate * TICK_MS // 1000 * SAMPLE_BYTES
    samples = b""
    if path is not None:
        try:
            samples = read_wav(path, rate)
        except (OSError, EOFError, wave.Error, ValueError) as error:
            on_problem(f"{path} cannot be played: {error}")
        else:
            on_problem(None)
    loop = samples * (size // len(samples) + 1) if samples else bytes(size)
    place = 0

    def tick() -> None:
        nonlocal place
        piece = loop[place : place + size]
        place = (place + size) % len(loop)
        sink(piece if len(piece) == size else piece + loop[:place])

    return Ticker("capture", tick)


def read_wav(path: str, rate: int) -> bytes:
    """Returns the samples of a WAV file at `rate`.

    Raises:
        OSError: it cannot be read.
        EOFError, wave.Error: it is no WAV file.
        ValueError: its shape is not one that is understood; the text says which is.
    """
    with wave.open(str(Path(path)), "rb") as file:
        shape = (file.getnchannels(), file.getsampwidth(), file.getframerate())
        if shape != (1, SAMPLE_BYTES, rate):
            raise ValueError(f"one channel of 16 bits at {rate} Hz is needed, it has {shape[0]} at {shape[2]} Hz")
        return file.readframes(file.getnframes())


class _Recording:
    """A WAV file; told is its first failure, and when it can be written."""

    def __init__(self, path: str, rate: int, on_problem: OnProblem) -> None:
        self._file = WavFile(path, rate)
        self._condition = Condition(on_problem)

    def write(self, samples: bytes) -> None:
        try:
            self._file.write(samples)
        except OSError as error:
            self._condition.fails(f"{self._file.path} cannot be written: {error.strerror}")
        else:
            self._condition.works()
