"""How late a call is heard: RTP to the sound server's loudspeaker, and its microphone to RTP, beside ffmpeg.

Rules
- The sound server is PulseAudio with null sinks. `parec` hears the sink 2 ms at a time, and sound counts as heard when
  it has come out of `parec`; so also at the microphone, where that is the moment that the way out begins.
- The phone sends PCMU every 20 ms all the time; the sound is a tone that begins with one of its packets.
- Baseline: `ffmpeg` of Debian, told to buffer nothing, the same packets and the same sinks; it has no jitter buffer.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import numpy as np

from bench.figures import Figure, Result, UnavailableError, percentile
from bench.scale import Scale
from doorbus_sip.config import DeviceAudio, EngineConfig, Listen
from doorbus_sip.engine import SipEngine
from doorbus_sip.facts import Fact, IncomingCall
from doorbus_sip.limits import Limits
from doorbus_testkit import sound
from doorbus_testkit.listener import RATE
from doorbus_testkit.peers import require_program
from doorbus_testkit.polling import eventually
from doorbus_testkit.ports import free_port_block, free_udp_port
from doorbus_testkit.processes import Process
from doorbus_testkit.rtp import decode_ulaw, tone
from doorbus_testkit.rtp_socket import RtpSocket
from doorbus_testkit.sound import Sound
from doorbus_testkit.tones import AUDIBLE
from doorbus_testkit.wire import WirePhone

AIM_MS = 60.0
HZ = 1000.0
ROUNDS = {Scale.FULL: 60, Scale.QUICK: 15, Scale.SMOKE: 3}
_random = random.Random(1)


async def call_sound(scale: Scale) -> Result:
    """Runs both, one after the other, at one sound server."""
    for program in ("pulseaudio", "parec", "ffmpeg"):
        try:
            require_program(program)
        except Exception as error:
            raise UnavailableError(str(error)) from error
    rounds = ROUNDS[scale]
    with sound.running() as server, _environment(server.server.env):
        async with _door_in_call() as rtp:
            to_sink, to_wire = await _to_sink(server, rtp, rounds), await _to_wire(server, rtp, rounds)
        async with _ffmpeg_playing(server) as rtp:
            bare_to_sink = await _to_sink(server, rtp, rounds)
        async with _ffmpeg_recording(server) as rtp:
            bare_to_wire = await _to_wire(server, rtp, rounds)
    return Result(
        "call_sound",
        "a call's RTP to sound at PulseAudio's sink, and sound at its microphone to RTP",
        "ffmpeg from Debian (no jitter buffer, no SIP), in the same run",
        tuple(
            Figure(
                f"{label}, {name}, ms",
                value := percentile(door, share) * 1000,
                percentile(bare, share) * 1000,
                f"at most {AIM_MS:g} ms" if share == 0.5 else "",
                value <= AIM_MS if share == 0.5 else None,
            )
            for label, door, bare in (
                ("RTP to the sink", to_sink, bare_to_sink),
                ("microphone to RTP", to_wire, bare_to_wire),
            )
            for share, name in ((0.5, "p50"), (0.95, "p95"))
        ),
        (f"{rounds} sounds each way; parec's own delay, some 3 ms, is in the first and not in the second",),
    )


async def _to_sink(server: Sound, rtp: RtpSocket, rounds: int) -> list[float]:
    """Returns the seconds from a tone's first packet to its sound."""
    late = []
    for _ in range(rounds):
        rtp.hz = 0.0
        await asyncio.sleep(0.4 + _random.random() * 0.05)
        rtp.hz = HZ
        sent = await eventually(lambda: rtp.tone_at[1] if rtp.tone_at[0] == HZ else None, every_s=0.002)
        since: float = sent
        late.append(await eventually(lambda: server.speaker.onset(since), every_s=0.005) - since)  # noqa: B023
    rtp.hz = 0.0
    return late


async def _to_wire(server: Sound, rtp: RtpSocket, rounds: int) -> list[float]:
    """Returns the seconds from a sound at the microphone to the packet that has it."""
    late = []
    for _ in range(rounds):
        await asyncio.sleep(0.3 + _random.random() * 0.05)
        since = time.monotonic()
        with server.server.speak(tone(HZ, RATE // 10, rate=RATE)):
            spoken = await eventually(lambda: server.microphone.onset(since), every_s=0.005)  # noqa: B023
            late.append(await eventually(lambda: _loud(rtp, since), every_s=0.005) - spoken)  # noqa: B023
    return late


def _loud(rtp: RtpSocket, since: float) -> float | None:
    for received in rtp.received[-50:]:
        samples = decode_ulaw(received.packet.payload)
        if received.at > since and len(samples) and int(np.abs(samples.astype(np.int32)).max()) > AUDIBLE * 32768:
            return received.at
    return None


@contextmanager
def _environment(env: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@asynccontextmanager
async def _door_in_call() -> AsyncIterator[RtpSocket]:
    """A door that has answered a phone's call; gives the phone's media, which sends silence."""
    first, listen = free_port_block(72, even=True), free_udp_port()
    facts: list[Fact] = []
    config = EngineConfig(
        listen=Listen(host="127.0.0.1", udp=listen, tcp=None),
        rtp=(first, first + 71),
        spare_dialers=0,
        audio=DeviceAudio(volume_call=100),
        codecs=("PCMU",),
    )
    engine = SipEngine(config, facts.append)
    await engine.start()
    try:
        async with WirePhone(rtp=True) as phone:
            call = await phone.invite(f"sip:door@127.0.0.1:{listen}")
            asked = await eventually(lambda: next((each for each in facts if isinstance(each, IncomingCall)), None))
            await engine.answer(asked.call, Limits())
            await call.wait("answered")
            call.send_audio()
            await asyncio.sleep(3)
            yield call.rtp
            call.bye()
    finally:
        await engine.stop()


@asynccontextmanager
async def _ffmpeg_playing(server: Sound) -> AsyncIterator[RtpSocket]:
    """Ffmpeg plays what the socket sends."""
    port = free_port_block(2, even=True)
    description = server.server.folder / "in.sdp"
    description.write_text(f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n")
    words = ["-protocol_whitelist", "file,udp,rtp", "-fflags", "nobuffer", "-flags", "low_delay"]
    words += ["-probesize", "32", "-analyzeduration", "0", "-reorder_queue_size", "0", "-i", str(description)]
    words += ["-f", "pulse", "-buffer_duration", "20", "bench"]
    async with _socket() as rtp:
        with _ffmpeg(server.server.folder, words):
            rtp.start_sending("127.0.0.1", port)
            await asyncio.sleep(3)
            yield rtp


@asynccontextmanager
async def _ffmpeg_recording(server: Sound) -> AsyncIterator[RtpSocket]:
    """Ffmpeg sends what the microphone hears to the socket."""
    async with _socket() as rtp:
        words = [
            "-fflags",
            "nobuffer",
            "-f",
            "pulse",
            "-fragment_size",
            "320",
            "-sample_rate",
            "8000",
            "-channels",
            "1",
        ]
        words += ["-i", "default", "-acodec", "pcm_mulaw", "-flush_packets", "1"]
        words += ["-f", "rtp", f"rtp://127.0.0.1:{rtp.port}?pkt_size=172"]
        with _ffmpeg(server.server.folder, words):
            await eventually(lambda: rtp.received, 15, what="ffmpeg sends")
            await asyncio.sleep(2)
            yield rtp


@asynccontextmanager
async def _socket() -> AsyncIterator[RtpSocket]:
    rtp = RtpSocket("127.0.0.1", free_port_block(2, even=True))
    await rtp.open()
    try:
        yield rtp
    finally:
        rtp.close()


def _ffmpeg(folder: Path, words: list[str]) -> Process:
    return Process(["ffmpeg", "-nostdin", "-loglevel", "warning", *words], log=folder / "ffmpeg.log", env=os.environ)
