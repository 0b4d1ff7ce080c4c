"""A WAV file that grows: what several processes play one after another, in one recording.

Rules
- Samples are appended; the header is corrected with each piece, so the file can be read at any time.
- Somebody may delete the file: it is made anew with the next samples, as one call may follow another without a pause.
  Somebody may begin it anew, or put another in its place: that one is continued, at the latest after a pause.
- A recording never gets longer than `MAX_BYTES`: it begins anew.
"""

import os
import struct
from pathlib import Path

RATE = 16_000
MAX_BYTES = 512 * 1024 * 1024
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")


class WavFile:
    """16-bit mono samples at `rate`; `path` is opened with the first ones of a sound."""

    def __init__(self, path: str, rate: int = RATE) -> None:
        self.path = path
        self._rate = rate
        self._data: int | None = None
        self._head: int | None = None

    def write(self, samples: bytes) -> None:
        """Appends samples.

        Raises:
            OSError: the file cannot be written.
        """
        if self._data is not None and os.fstat(self._data).st_nlink == 0:
            self.pause()
        if self._data is None or self._head is None:
            self._data = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            self._head = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)  # a file of O_APPEND writes at its end only
        size = os.fstat(self._data).st_size
        if size > MAX_BYTES:
            os.ftruncate(self._data, size := 0)
        if size < _HEADER.size:
            os.pwrite(self._head, _header(0, self._rate), 0)
        os.write(self._data, samples)
        size = os.fstat(self._data).st_size
        os.pwrite(self._head, _header(size - _HEADER.size, self._rate), 0)

    def pause(self) -> None:
        """The sound is over; the file is complete."""
        for descriptor in (self._data, self._head):
            if descriptor is not None:
                os.close(descriptor)
        self._data = self._head = None


def begin_anew(path: str, rate: int = RATE) -> None:
    """Makes an empty recording.

    Raises:
        OSError: the file cannot be written.
    """
    Path(path).write_bytes(_header(0, rate))


def _header(data_bytes: int, rate: int) -> bytes:
    riff = _HEADER.size - 8 + data_bytes
    return _HEADER.pack(
        b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", data_bytes
    )  # PCM, one channel, 16 bits
