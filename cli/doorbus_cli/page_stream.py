"""From a WAV file to RTP packets on the wire, 20 ms each, at their time."""

from __future__ import annotations

import secrets
import socket
import struct
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import samplerate

from doorbus.rtp.codecs import Samples, encoder
from doorbus.rtp.packet import Packet
from doorbus.rtp.payloads import STATIC, Format, read_format

PACKETS_A_SECOND = 50
SHORT = {"PCMU": "PCMU/8000", "PCMA": "PCMA/8000", "G722": "G722/8000", "L16": "L16/44100/1"}
_MREQN = struct.Struct("=4s4si")
_FULL_SCALE = {1: 128.0, 2: 32768.0, 4: 2147483648.0}


class PageError(Exception):
    """It cannot be sent; the text says why."""


def format_of(codec: str) -> Format:
    """Reads a codec's name. Raises PageError."""
    try:
        return read_format(SHORT.get(codec, codec))
    except ValueError:
        raise PageError(f"{codec!r} is none of PCMU, PCMA, G722, L16/RATE/CHANNELS") from None


def static_type(form: Format) -> int | None:
    """Returns the payload type that RFC 3551 gives a format, None where it gives none."""
    return next((number for number, known in STATIC.items() if known == form), None)


def read_sound(path: Path, rate: int) -> Samples:
    """Returns a WAV file's sound, mixed into one channel, at `rate`.

    Raises:
        PageError: it is none that is understood.
    """
    try:
        with wave.open(str(path), "rb") as file:
            width, channels, its_rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise PageError(f"{path}: {error}") from None
    if width not in _FULL_SCALE:
        raise PageError(f"{path}: {8 * width} bits a sample; 8, 16 and 32 are understood")
    raw = np.frombuffer(data, "u1" if width == 1 else f"<i{width}")
    whole = raw[: len(raw) // channels * channels].astype(np.float32)
    centred = whole - 128 if width == 1 else whole
    mixed = (centred / np.float32(_FULL_SCALE[width])).reshape(-1, channels).mean(axis=1, dtype=np.float32)
    if len(mixed) == 0:
        raise PageError(f"{path}: there is no sound in it")
    sound: Samples = samplerate.resample(mixed, rate / its_rate, "sinc_medium") if rate != its_rate else mixed
    return sound


def packets(sound: Samples, form: Format, payload_type: int) -> Iterator[Packet]:
    """Cuts sound into a stream's packets; the last one is filled up with silence."""
    encode, frames = encoder(form), form.rate // PACKETS_A_SECOND
    ticks = form.clock_hz // PACKETS_A_SECOND
    sequence, timestamp, ssrc = secrets.randbits(15), secrets.randbits(31), secrets.randbits(32)
    for index, begin in enumerate(range(0, len(sound), frames)):
        piece = sound[begin : begin + frames]
        whole = np.concatenate((piece, np.zeros(frames - len(piece), np.float32)))
        yield Packet(payload_type, sequence + index, timestamp + index * ticks, ssrc, encode(whole), index == 0)


def open_sender(interface: str | None, ttl: int) -> socket.socket:
    """Returns a socket that sends to groups. Raises PageError for an interface that is not there."""
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
    if interface is not None:
        try:
            index = socket.if_nametoindex(interface)
        except OSError:
            sender.close()
            raise PageError(f"there is no interface {interface}") from None
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, _MREQN.pack(bytes(4), bytes(4), index))
    return sender


def send(stream: Iterator[Packet], form: Format, sender: socket.socket, target: tuple[str, int]) -> int:
    """Sends packets, each at its time; returns how many. Raises OSError."""
    begin, sent = time.monotonic(), 0
    pause = (form.rate // PACKETS_A_SECOND) / form.rate
    for packet in stream:
        time.sleep(max(0.0, begin + sent * pause - time.monotonic()))
        sender.sendto(packet.encode(), target)
        sent += 1
    return sent
