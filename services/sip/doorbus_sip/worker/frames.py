"""The samples of pjsua2's frames, as bytes and back.

The wheel's own way is a list of numbers: 0.1 to 0.3 ms a frame on the bridge's clock thread. A frame's buffer is a
`std::vector<unsigned char>`, whose first two words are its begin and its end in the C++ ABI of Linux; that is checked
once with a vector of known contents, and where it is not so the slow way is used.
"""

import ctypes
import functools

import pjsua2 as pj

_WORD = ctypes.sizeof(ctypes.c_void_p)


def samples_of(frame: pj.MediaFrame) -> bytes:
    """Returns the samples of a frame that was received."""
    return _bytes_of(frame.buf) if _is_known() else bytes(frame.buf)


class Filler:
    """Puts samples into frames that were asked for, all of one size."""

    def __init__(self, size: int) -> None:
        self._vector = pj.ByteVector(bytes(size))
        self._size = size

    def fill(self, frame: pj.MediaFrame, samples: bytes) -> None:
        """Gives exactly `size` bytes."""
        if _is_known():
            ctypes.memmove(_bounds(self._vector)[0], samples, self._size)
        else:
            self._vector = pj.ByteVector(samples)
        frame.type = pj.PJMEDIA_FRAME_TYPE_AUDIO
        frame.buf = self._vector
        frame.size = self._size


def _bytes_of(vector: pj.ByteVector) -> bytes:
    begin, end = _bounds(vector)
    return ctypes.string_at(begin, end - begin)


def _bounds(vector: pj.ByteVector) -> tuple[int, int]:
    address = int(vector.this)
    return tuple(ctypes.c_size_t.from_address(address + place * _WORD).value for place in range(2))  # type: ignore[return-value]


@functools.cache
def _is_known() -> bool:
    """Whether vectors are laid out as they should be; looks at the vector's own memory alone."""
    known = bytes(range(1, 200))
    vector = pj.ByteVector(known)
    begin, end = _bounds(vector)
    return end - begin == len(known) and ctypes.string_at(begin, len(known)) == bytes(vector)
