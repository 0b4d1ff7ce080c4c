"""The bare baseline of idle listeners: `python -m bench.bare_page COUNT` joins groups and plays silence."""

from __future__ import annotations

import selectors
import socket
import struct
import sys
from collections.abc import Generator

import miniaudio

GROUP, PORT = "239.1.1.1", 5004
LATENCY_MS, PERIODS = 60, 3


def silence() -> Generator[bytes, int, None]:
    """Gives what the sound server asks for."""
    frames = yield b""
    while True:
        frames = yield bytes(2 * frames)


def main(count: int) -> None:
    """Listens until it is killed."""
    ready = selectors.DefaultSelector()
    for index in range(count):
        heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        heard.bind((GROUP, PORT + 2 * index))
        heard.setsockopt(
            socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack("=4sI", socket.inet_aton(GROUP), socket.INADDR_ANY)
        )
        ready.register(heard, selectors.EVENT_READ)
    device = miniaudio.PlaybackDevice(
        output_format=miniaudio.SampleFormat.SIGNED16,
        nchannels=1,
        sample_rate=48_000,
        buffersize_msec=LATENCY_MS // PERIODS,
        callback_periods=PERIODS,
        backends=[miniaudio.Backend.PULSEAUDIO],
    )
    playing = silence()
    next(playing)
    device.start(playing)
    while True:
        for key, _ in ready.select():
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.recv(9000)


if __name__ == "__main__":
    main(int(sys.argv[1]))
