"""`doorbus page`: a WAV file becomes RTP that our own listener takes, in real time."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from doorbus.rtp.codecs import decoder
from doorbus.rtp.packet import Packet, parse
from doorbus.rtp.payloads import formats
from doorbus_testkit.polling import eventually
from doorbus_testkit.ports import free_udp_port
from doorbus_testkit.tones import window_levels, write_tone

Doorbus = Callable[..., Awaitable[Any]]
GROUP = "239.77.1.9"


class Ear:
    """Hears a group on loopback; `packets` with their times."""

    def __init__(self, port: int) -> None:
        self.packets: list[tuple[float, Packet]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((GROUP, port))
        membership = struct.pack("=4s4s", socket.inet_aton(GROUP), socket.inet_aton("127.0.0.1"))
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._hear)

    def _hear(self) -> None:
        packet = parse(self._socket.recv(9000))
        assert isinstance(packet, Packet)
        self.packets.append((time.monotonic(), packet))

    def close(self) -> None:
        """Hears no more."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


@pytest.mark.parametrize(
    ("codec", "number"), [("PCMU", 0), ("PCMA", 8), ("G722", 9), ("L16/44100/2", 10), ("L16", 11), ("L16/16000/1", 96)]
)
async def test_a_file_goes_out_as_rtp(codec: str, number: int, tmp_path: Path, doorbus: Doorbus) -> None:
    """Its tone is in the packets, each of which comes at its time, under the codec's payload type."""
    file = tmp_path / "tone.wav"
    write_tone(file, 440, 0.5, rate=22_050)
    port = free_udp_port()
    ear = Ear(port)
    try:
        done = await doorbus("page", file, f"{GROUP}:{port}", "--codec", codec, "--interface", "lo", "--json")
        assert done.exit_code == 0, done.output
        told = json.loads(done.output)
        assert (told["packets"], told["seconds"]) == (25, 0.5)
        await eventually(lambda: len(ear.packets) >= 25, what="all are heard")
    finally:
        ear.close()
    packets = [packet for _, packet in ear.packets]
    assert len(packets) == 25
    assert {number} == {packet.payload_type for packet in packets}
    assert [packets[0].sequence + index for index in range(25)] == [packet.sequence for packet in packets]
    took = ear.packets[-1][0] - ear.packets[0][0]
    assert 0.25 < took < 3.0  # the first ones may be read late
    form = formats({96: "L16/16000/1"})[number]
    decode = decoder(form)
    sound = np.concatenate([decode(packet.payload) for packet in packets])
    levels = window_levels((sound * 32767).astype(np.int16), form.rate, 440)[3:-2]
    assert float(levels.min()) == pytest.approx(0.3, abs=0.03)


async def test_what_cannot_be_sent_is_said(tmp_path: Path, doorbus: Doorbus) -> None:
    """Another address, codec or interface, and a file without sound: exit code 2, in words."""
    file = tmp_path / "tone.wav"
    write_tone(file, 440, 0.1)
    text = tmp_path / "text.wav"
    text.write_text("hello")
    for words, says in (
        ((file, "192.0.2.7:5004"), "224.0.0.0 to 239.255.255.255"),
        ((file, "somewhere"), "address:port"),
        ((file, "239.1.1.1:5004", "--codec", "MP3"), "PCMU, PCMA, G722"),
        ((file, "239.1.1.1:5004", "--interface", "nosuch0"), "no interface nosuch0"),
        ((text, "239.1.1.1:5004"), "text.wav"),
    ):
        done = await doorbus("page", *words)
        assert done.exit_code == 2
        assert says in done.output
