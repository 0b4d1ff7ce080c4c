"""Calls at a real sound server: heard at its loudspeaker's sink, spoken into its microphone, and without it."""

import asyncio
import time
from collections.abc import Iterator

import numpy as np
import pytest
from tests.sip.conftest import Door, MakeDoor

from doorbus_sip import facts
from doorbus_sip.config import DeviceAudio
from doorbus_sip.limits import Limits
from doorbus_testkit import sound
from doorbus_testkit.listener import RATE
from doorbus_testkit.polling import eventually
from doorbus_testkit.rtp import decode_ulaw, tone
from doorbus_testkit.sound import Sound
from doorbus_testkit.tones import AUDIBLE, window_levels
from doorbus_testkit.wire import WirePhone
from doorbus_testkit.wire_call import WireCall

OF_PHONE_HZ, OF_DOOR_HZ = 1150.0, 700.0


@pytest.fixture(scope="module", name="sound")
def _sound() -> Iterator[Sound]:
    with sound.running() as running:
        yield running


@pytest.fixture
async def door(make_door: MakeDoor, sound: Sound, monkeypatch: pytest.MonkeyPatch) -> Door:
    """A door at that sound server."""
    return await _door_at(sound, make_door, monkeypatch)


async def _door_at(sound: Sound, make_door: MakeDoor, monkeypatch: pytest.MonkeyPatch) -> Door:
    for name, value in sound.server.env.items():
        monkeypatch.setenv(name, value)
    return await make_door(audio=DeviceAudio(volume_call=100), codecs=("PCMU",))


async def _call(door: Door, phone: WirePhone) -> WireCall:
    """Returns a call that the door has answered, with the phone's tone in it."""
    call = await phone.invite(door.uri)
    incoming = await door.wait(facts.IncomingCall, len(door.told(facts.IncomingCall)) or 1)
    await door.engine.answer(incoming.call, Limits())
    await door.wait(facts.CallAnswered)
    call.send_audio(OF_PHONE_HZ)
    return call


async def _is_heard(sound: Sound, hz: float, within_s: float = 15) -> None:
    """Waits until the last half second at the loudspeaker is this tone."""

    def heard() -> bool:
        return sound.speaker.silent_share(hz, time.monotonic() - 0.5, time.monotonic()) < 0.1

    await eventually(heard, within_s, 0.1, f"{hz} Hz at the sink")


def _phone_hears(call: WireCall, hz: float, packets: int = 25) -> bool:
    payload = b"".join(item.packet.payload for item in call.rtp.received[-packets:])
    levels = window_levels(decode_ulaw(payload), 8000, hz)
    return len(levels) >= packets and float(np.mean(levels >= AUDIBLE)) > 0.9


async def test_call_is_heard_and_spoken_into(door: Door, sound: Sound) -> None:
    """Both ways at once: the phone at the loudspeaker's sink, the microphone in the phone's RTP; then silence."""
    async with WirePhone(rtp=True) as phone:
        call = await _call(door, phone)
        with sound.server.speak(tone(OF_DOOR_HZ, 30 * RATE, rate=RATE)):
            await _is_heard(sound, OF_PHONE_HZ)
            await eventually(lambda: _phone_hears(call, OF_DOOR_HZ), what="the microphone in the call")
        call.bye()
        await door.wait(facts.CallEnded)
    await eventually(lambda: "doorbus" not in sound.server.control("list", "source-outputs"), what="the mic is free")
    await eventually(
        lambda: "doorbus" not in sound.server.control("list", "sink-inputs"), 15, what="the device is free"
    )
    assert door.told(facts.AudioFailed) == []


async def test_ring_tone_comes_from_the_loudspeaker(door: Door, sound: Sound) -> None:
    """What rings at the door rings at the sound server, at the volume of the document."""
    async with WirePhone() as phone:
        call = await phone.invite(door.uri)
        await door.engine.ring((await door.wait(facts.IncomingCall)).call)
        since = time.monotonic()
        await eventually(
            lambda: sound.speaker.silent_share(880.0, since, time.monotonic()) < 0.98, what="the ring tone at the sink"
        )
        call.cancel()
        await door.wait(facts.CallEnded)


async def test_sound_server_that_stands_still_does_not_stall_calls(door: Door, sound: Sound) -> None:
    """With the server stopped in a call SIP goes on, as fast: the call ends, another one is answered; sound returns."""
    async with WirePhone(rtp=True) as phone:
        call = await _call(door, phone)
        await _is_heard(sound, OF_PHONE_HZ)
        sound.server.process.stall()
        try:
            call.bye()
            await door.wait(facts.CallEnded)
            second = await phone.invite(door.uri)
            incoming = await door.wait(facts.IncomingCall, 2)
            began = time.monotonic()
            await door.engine.answer(incoming.call, Limits())
            await second.wait("answered")
            assert time.monotonic() - began < 4.0
            second.send_audio(OF_PHONE_HZ)
            await door.wait(facts.AudioFailed)
            sent = len(second.rtp.received)
            await eventually(lambda: len(second.rtp.received) > sent + 50, what="the door goes on sending")
        finally:
            sound.server.process.resume()
        await _is_heard(sound, OF_PHONE_HZ)
        second.bye()
        await door.wait(facts.CallEnded, 2)
    assert len(door.told(facts.WorkerStarted)) == 1


async def test_sound_server_restarts_in_a_call(make_door: MakeDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sound server that crashes costs sound, and says so; the call stays, and is heard again at the next server."""
    with sound.running() as own:
        door = await _door_at(own, make_door, monkeypatch)
        async with WirePhone(rtp=True) as phone:
            call = await _call(door, phone)
            await _is_heard(own, OF_PHONE_HZ)
            own.server.kill()
            await door.wait(facts.AudioFailed)
            sent = len(call.rtp.received)
            await eventually(lambda: len(call.rtp.received) > sent + 50, what="the door goes on sending")
            await asyncio.to_thread(own.server.start)
            with await asyncio.to_thread(own.server.listen) as ear:
                await _is_heard(Sound(own.server, ear, own.microphone), OF_PHONE_HZ)
            await door.wait(facts.AudioRecovered)
            assert call.state == "answered"
            call.bye()
            await door.wait(facts.CallEnded)
        assert len(door.told(facts.AudioRecovered)) == 1
