"""Makes a screenshot's PNG small: 256 colours are enough for a page, and a palette needs a third of the bytes."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = 256


def small_png(png: bytes) -> bytes:
    """Returns the picture with at most 256 colours: the most frequent ones, and for each other the nearest of them.

    Args:
        png: 8 bits, RGB or RGBA (whose alpha is dropped), not interlaced.

    Raises:
        ValueError: it is another kind of PNG.
    """
    pixels = _pixels(png)
    height, width, _ = pixels.shape
    flat = pixels.reshape(-1, 3).astype(np.int64)
    every_code = flat[:, 0] << 16 | flat[:, 1] << 8 | flat[:, 2]
    codes, place, count = np.unique(every_code, return_inverse=True, return_counts=True)
    order = np.argsort(-count)
    kept = codes[order[:COLOURS]]
    palette = np.stack([kept >> 16, kept >> 8 & 255, kept & 255], axis=1)
    every = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1)
    nearest = np.empty(len(codes), dtype=np.uint8)
    for begin in range(0, len(codes), 2048):
        some = every[begin : begin + 2048]
        nearest[begin : begin + 2048] = ((some[:, None, :] - palette[None]) ** 2).sum(axis=2).argmin(axis=1)
    rows = nearest[place].reshape(height, width)
    data = np.hstack([np.zeros((height, 1), dtype=np.uint8), rows]).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", header),
        (b"PLTE", palette.astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(data, 9)),
        (b"IEND", b""),
    )
    return _SIGNATURE + b"".join(_chunk(name, body) for name, body in parts)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _pixels(png: bytes) -> Pixels:
    at, data, width, height, channels = len(_SIGNATURE), b"", 0, 0, 0
    while at < len(png):
        length, name = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + length]
        if name == b"IHDR":
            width, height, bits, kind, _, _, interlace = struct.unpack(">IIBBBBB", body)
            channels = {2: 3, 6: 4}.get(kind, 0)
            if bits != 8 or not channels or interlace:
                raise ValueError("not an 8-bit RGB or RGBA picture without interlace")
        elif name == b"IDAT":
            data += body
        at += 12 + length
    raw = np.frombuffer(zlib.decompress(data), dtype=np.uint8).reshape(height, 1 + width * channels)
    rows = np.zeros((height + 1, width + 1, channels), dtype=np.uint8)  # with a row above and a pixel to the left
    for y in range(height):
        line = raw[y, 1:].reshape(width, channels)
        _unfilter(int(raw[y, 0]), line, rows[y], rows[y + 1])
    return rows[1:, 1:, :3]


def _unfilter(kind: int, line: Pixels, above: Pixels, out: Pixels) -> None:
    """Undoes one row's filter (PNG specification, 9.2); `above` and `out` have a pixel to the left."""
    match kind:
        case 0:
            out[1:] = line
        case 1:
            out[1:] = np.cumsum(line, axis=0, dtype=np.uint8)
        case 2:
            out[1:] = line + above[1:]
        case _:
            predict = _average if kind == 3 else _paeth
            for channel in range(line.shape[1]):
                ups, left, row = above[:, channel].tolist(), 0, [0]
                for x, value in enumerate(line[:, channel].tolist()):
                    left = (value + predict(left, ups[x + 1], ups[x])) & 255
                    row.append(left)
                out[:, channel] = row


def _average(left: int, up: int, _: int) -> int:
    return (left + up) >> 1


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    by_left, by_up, by_corner = abs(guess - left), abs(guess - up), abs(guess - corner)
    if by_left <= by_up and by_left <= by_corner:
        return left
    return up if by_up <= by_corner else corner
