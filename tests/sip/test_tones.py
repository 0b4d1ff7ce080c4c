"""Tones and early media at the door's loudspeaker, measured in the recording of the `file` backend."""

import os
import signal
from pathlib import Path

import pytest
from tests.sip.conftest import Door, MakeDoor

from doorbus_sip import facts
from doorbus_sip.config import FileAudio
from doorbus_sip.facts import Reason
from doorbus_sip.limits import Limits
from doorbus_sip.tones import TONES, Tone
from doorbus_testkit.behaviour import Answer, Refuse, Ring
from doorbus_testkit.polling import eventually
from doorbus_testkit.tones import AUDIBLE, WINDOW_S, audible_spans, read_wav, tone_share, window_levels, write_tone
from doorbus_testkit.wire import WirePhone
from doorbus_testkit.wire_call import WireCall

OF_DOOR_HZ, OF_PHONE_HZ = 580.0, 1150.0
RINGBACK_HZ, RING_HZ = 425.0, (660.0, 880.0)
SIT_HZ = (950.0, 1400.0, 1800.0)
WARNING_HZ = 1400.0


@pytest.fixture
def speaker(tmp_path: Path) -> Path:
    """What the loudspeaker plays."""
    return tmp_path / "speaker.wav"


@pytest.fixture
async def door(make_door: MakeDoor, speaker: Path, tmp_path: Path) -> Door:
    """A door with a tone for a microphone."""
    write_tone(tmp_path / "play.wav", OF_DOOR_HZ, 1.0)
    return await make_door(audio=FileAudio(play=str(tmp_path / "play.wav"), record=str(speaker)), codecs=("PCMU",))


def heard_s(path: Path, hz: float) -> float:
    """Returns the seconds in which a tone is audible in a file that still grows."""
    try:
        return float((window_levels(*read_wav(path), hz) >= AUDIBLE).sum() * WINDOW_S)
    except (OSError, ValueError):
        return 0.0


async def hears(path: Path, hz: float, seconds: float = 0.3) -> None:
    """Waits until so much of a tone was played."""
    await eventually(lambda: heard_s(path, hz) >= seconds, what=f"{hz} Hz for {seconds} s in {path.name}")


async def _settled(path: Path) -> float:
    """Waits until nothing more is played; returns the length of the recording in seconds."""
    sizes = [-1, -2]

    def quiet() -> bool:
        sizes.append(path.stat().st_size)
        return sizes[-1] == sizes[-2]

    await eventually(quiet, every_s=0.3, what="the loudspeaker is quiet")
    samples, rate = read_wav(path)
    return len(samples) / rate


async def test_incoming_call_rings_at_the_door(door: Door, speaker: Path) -> None:
    """While it rings both frequencies of the ring tone are played; with the answer they end, and the call is heard."""
    async with WirePhone(rtp=True) as phone:
        call = await phone.invite(door.uri)
        incoming = await door.wait(facts.IncomingCall)
        await door.engine.ring(incoming.call)
        await call.wait("ringing")
        for hz in RING_HZ:
            await hears(speaker, hz)
        await door.engine.answer(incoming.call, Limits())
        await door.wait(facts.CallAnswered)
        rung = heard_s(speaker, RING_HZ[0])
        call.send_audio(OF_PHONE_HZ)
        await hears(speaker, OF_PHONE_HZ, 2.5)  # longer than the ring tone's pause
        assert heard_s(speaker, RING_HZ[0]) - rung < 0.3
        call.bye()
        await door.wait(facts.CallEnded)
    assert door.told(facts.AudioFailed) == []


async def test_ring_tone_ends_with_the_refusal(door: Door, speaker: Path) -> None:
    """When the caller gives up, the loudspeaker falls silent: an incoming call leaves no tone behind."""
    async with WirePhone() as phone:
        call = await phone.invite(door.uri)
        incoming = await door.wait(facts.IncomingCall)
        await door.engine.ring(incoming.call)
        await hears(speaker, RING_HZ[0])
        call.cancel()
        await door.wait(facts.CallEnded)
        await _settled(speaker)
    assert heard_s(speaker, RINGBACK_HZ) + heard_s(speaker, SIT_HZ[0]) == 0


async def test_ringback_until_the_answer(door: Door, speaker: Path) -> None:
    """Ringback has its cadence while a phone rings; the answer ends it and the phone is heard in its place."""
    async with WirePhone(Ring(), rtp=True) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        await eventually(lambda: heard_s(speaker, RINGBACK_HZ) > 1.5, 15, what="the second ring")
        (first, second) = audible_spans(speaker, RINGBACK_HZ)[:2]
        assert first[1] - first[0] == pytest.approx(1.0, abs=0.1)
        assert second[0] - first[0] == pytest.approx(5.0, abs=0.2)
        call = await phone.wait_call()
        call.respond(200)
        await door.wait(facts.CallAnswered)
        call.send_audio(OF_PHONE_HZ)
        rung = heard_s(speaker, RINGBACK_HZ)
        await hears(speaker, OF_PHONE_HZ, 1)
        assert heard_s(speaker, RINGBACK_HZ) - rung < 0.3
        await door.engine.hangup("c")
        await call.wait("ended")
        length = await _settled(speaker)
    assert length > 6


async def test_early_media_in_place_of_ringback(door: Door, speaker: Path, tmp_path: Path) -> None:
    """183 with a description lets the one phone be heard before it answers, in place of ringback, and not the door."""
    async with WirePhone(Ring(), rtp=True) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        call = await phone.wait_call()
        await hears(speaker, RINGBACK_HZ)
        call.send_audio(OF_PHONE_HZ)
        call.respond(183, sdp=call.description())
        await hears(speaker, OF_PHONE_HZ, 1)
        rung = heard_s(speaker, RINGBACK_HZ)
        await hears(speaker, OF_PHONE_HZ, 6)  # ringback would have come again after 4 s of silence
        assert heard_s(speaker, RINGBACK_HZ) - rung < 0.1
        call.rtp.record(tmp_path / "early.wav")
        assert tone_share(tmp_path / "early.wav", OF_DOOR_HZ) == 0
        call.respond(200)
        await door.wait(facts.CallAnswered)
        await _phone_hears(call, OF_DOOR_HZ, tmp_path)
        await door.engine.hangup("c")
        await call.wait("ended")


async def test_no_early_media_in_a_group(door: Door, speaker: Path) -> None:
    """With two phones ringing, neither one's early media is heard: ringback goes on."""
    async with WirePhone(Ring(), rtp=True) as one, WirePhone(Ring(), rtp=True) as two:
        await door.engine.dial("c", None, (("l", one.uri), ("m", two.uri)), Limits())
        for phone in (one, two):
            call = await phone.wait_call()
            call.send_audio(OF_PHONE_HZ)
            call.respond(183, sdp=call.description())
        await eventually(lambda: heard_s(speaker, RINGBACK_HZ) > 1.5, 15, what="the second ring")
        await door.engine.hangup("c")
        await door.wait(facts.CallEnded)
        await _settled(speaker)
    assert heard_s(speaker, OF_PHONE_HZ) == 0


async def test_winner_in_another_process_joins_the_same_recording(door: Door, speaker: Path) -> None:
    """Ringback by the front and the call of a dialer are one recording: neither destroys the other's part."""
    async with WirePhone(Ring(), rtp=True) as one, WirePhone(Ring(), rtp=True) as two:
        await door.engine.dial("c", None, (("l", one.uri), ("m", two.uri)), Limits())
        await hears(speaker, RINGBACK_HZ)
        call = await two.wait_call()
        assert door.engine.worker_of("m") == "dialer1"
        call.respond(200)
        await door.wait(facts.CallAnswered)
        call.send_audio(OF_PHONE_HZ)
        await hears(speaker, OF_PHONE_HZ, 1)
        await door.engine.hangup("c")
        await call.wait("ended")
    await door.engine.stop()
    assert audible_spans(speaker, RINGBACK_HZ)[0][0] < audible_spans(speaker, OF_PHONE_HZ)[0][0]


@pytest.mark.parametrize(
    ("code", "reason", "frequencies"), [(404, Reason.NO_ROUTE, SIT_HZ), (486, Reason.REFUSED, (RINGBACK_HZ,))]
)
async def test_farewell(door: Door, speaker: Path, code: int, reason: Reason, frequencies: tuple[float, ...]) -> None:
    """A failure is followed by the special information tone, a refusal by the busy tone, then there is silence."""
    async with WirePhone(Refuse(code)) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        assert (await door.wait(facts.CallEnded)).reason == reason
        for hz in frequencies:
            await hears(speaker, hz, 0.5)
        spec = TONES[Tone.ERROR if reason is Reason.NO_ROUTE else Tone.BUSY]
        assert await _settled(speaker) == pytest.approx(spec.length_s, abs=0.7)


async def test_farewell_makes_way_for_a_call(door: Door, speaker: Path) -> None:
    """A call that is answered while the error tone plays is heard alone; one that is refused leaves the tone be."""
    async with WirePhone(Refuse(404), rtp=True) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        await hears(speaker, SIT_HZ[0], 0.2)
        refused = await phone.invite(door.uri)
        await door.engine.refuse((await door.wait(facts.IncomingCall)).call, 486)
        await refused.wait_final()
        await hears(speaker, SIT_HZ[2], 0.2)
        call = await phone.invite(door.uri)
        await door.engine.answer((await door.wait(facts.IncomingCall, 2)).call, Limits())
        await door.wait(facts.CallAnswered)
        call.send_audio(OF_PHONE_HZ)
        await hears(speaker, OF_PHONE_HZ, 2.5)  # the tone's second round would have come within
        call.bye()
        await door.wait(facts.CallEnded, 3)
    assert heard_s(speaker, SIT_HZ[0]) < 0.5


async def test_a_hangup_is_silent(door: Door, speaker: Path) -> None:
    """What the door's own people end leaves no tone."""
    async with WirePhone(Ring()) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        await hears(speaker, RINGBACK_HZ)
        await door.engine.hangup("c", Reason.PUSH_BUTTON)
        await door.wait(facts.CallEnded)
        assert await _settled(speaker) < 1.5
    assert all(heard_s(speaker, hz) == 0 for hz in SIT_HZ)


async def test_between_two_numbers_there_is_no_farewell(door: Door, speaker: Path) -> None:
    """The refusal of a number that is not the last one leaves ringback alone."""
    async with WirePhone(Refuse(404)) as first, WirePhone(Ring()) as second:
        await door.engine.dial("c", None, (("l", first.uri),), Limits(), final=False)
        await door.wait(facts.CallEnded)
        await door.engine.dial("c", None, (("m", second.uri),), Limits())
        await hears(speaker, RINGBACK_HZ, 0.8)
        await door.engine.hangup("c")
        await (await second.wait_call()).wait("ended")
    assert all(heard_s(speaker, hz) == 0 for hz in SIT_HZ)


async def test_a_code_call_is_silent(door: Door, speaker: Path, tmp_path: Path) -> None:
    """A call that tells a server a code has no tone, and neither side hears the other."""
    async with WirePhone(Answer(0.3), rtp=True) as server:
        await door.engine.dial("c", None, (("l", server.uri),), Limits(), silent=True)
        await door.wait(facts.CallAnswered)
        call = await server.wait_call()
        call.send_audio(OF_PHONE_HZ)
        await eventually(lambda: call.rtp.sent > 50, what="a second of sound")
        call.rtp.record(tmp_path / "server.wav")
        await door.engine.hangup("c")
        await call.wait("ended")
    assert audible_spans(speaker, OF_PHONE_HZ) == audible_spans(speaker, RINGBACK_HZ) == []
    assert tone_share(tmp_path / "server.wav", OF_DOOR_HZ) == 0


async def test_warning_is_heard_by_both(door: Door, speaker: Path, tmp_path: Path) -> None:
    """`warn_s` before the limit both sides hear the warning tone, once."""
    async with WirePhone(Answer(), rtp=True) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits(max_call_s=4, warn_s=2))
        await door.wait(facts.CallAnswered)
        call = await phone.wait_call()
        call.send_audio(0)
        await door.wait(facts.CallEnding)
        await hears(speaker, WARNING_HZ, 0.25)
        await _phone_hears(call, WARNING_HZ, tmp_path, 0.25)
        await call.wait("ended")
        call.rtp.record(tmp_path / "phone.wav")
    for path in (speaker, tmp_path / "phone.wav"):
        assert heard_s(path, WARNING_HZ) < 0.8


async def test_unwritable_recording_costs_no_call(make_door: MakeDoor, tmp_path: Path) -> None:
    """A loudspeaker file in a folder that is not there is told once; two calls ring and talk all the same."""
    door = await make_door(audio=FileAudio(record=str(tmp_path / "none" / "speaker.wav")), codecs=("PCMU",))
    async with WirePhone(rtp=True) as phone:
        for number in (1, 2):
            call = await phone.invite(door.uri)
            incoming = await door.wait(facts.IncomingCall, number)
            await door.engine.ring(incoming.call)
            await call.wait("ringing")
            await door.engine.answer(incoming.call, Limits())
            await door.wait(facts.CallAnswered, number)
            call.send_audio(OF_PHONE_HZ)
            await eventually(lambda call=call: call.rtp.sent > 25, what="half a second of sound")  # type: ignore[misc]
            call.bye()
            await door.wait(facts.CallEnded, number)
    assert len(door.told(facts.AudioFailed)) == 1
    assert door.told(facts.CallbackFailed) + door.told(facts.WorkerLost) == []


async def test_another_volume_leaves_recording_and_outage_as_they_are(make_door: MakeDoor, tmp_path: Path) -> None:
    """Only another place ends an outage, and begins its own recording anew."""
    broken, path = FileAudio(record=str(tmp_path / "none" / "speaker.wav")), tmp_path / "speaker.wav"
    door = await make_door(audio=broken)

    async def use(audio: FileAudio) -> None:
        await door.engine.reconfigure(door.engine.config.model_copy(update={"audio": audio}))

    assert len(door.told(facts.AudioFailed)) == 1
    await use(broken.model_copy(update={"volume_ring": 10}))
    assert door.told(facts.AudioRecovered) == []
    await use(FileAudio(record=str(path)))
    assert len(door.told(facts.AudioRecovered)) == 1
    path.write_bytes(b"what was recorded")
    await use(FileAudio(record=str(path), volume_call=10))
    assert path.read_bytes() == b"what was recorded"
    assert len(door.told(facts.AudioFailed)) == 1


async def test_recording_that_is_deleted_begins_anew(door: Door, speaker: Path) -> None:
    """Whoever deletes the file between two calls finds the second one in a new file."""
    async with WirePhone(Ring()) as phone:
        for call in ("c", "d"):
            await door.engine.dial(call, None, ((call, phone.uri),), Limits())
            await hears(speaker, RINGBACK_HZ, 0.5)
            await door.engine.hangup(call)
            await _settled(speaker)
            _delete(speaker)


async def test_a_new_front_goes_on_ringing(door: Door, speaker: Path) -> None:
    """The front dies while another process has a ringing leg: its successor plays ringback again."""
    async with WirePhone(Ring()) as one, WirePhone(Ring()) as two:
        await door.engine.dial("c", None, (("l", one.uri), ("m", two.uri)), Limits())
        await hears(speaker, RINGBACK_HZ)
        await two.wait_call()
        os.kill(door.engine.workers["front"], signal.SIGKILL)
        await door.wait(facts.LegFailed)  # the dead one writes no more; its successor may ring already
        rung = heard_s(speaker, RINGBACK_HZ)
        await eventually(lambda: heard_s(speaker, RINGBACK_HZ) > rung + 0.5, what="ringback again")
        await door.engine.hangup("c")
        await (await two.wait_call()).wait("ended")


async def _phone_hears(call: WireCall, hz: float, folder: Path, seconds: float = 0.3) -> None:
    def heard() -> bool:
        call.rtp.record(folder / "heard.wav")
        return heard_s(folder / "heard.wav", hz) >= seconds

    await eventually(heard, what=f"the phone hears {hz} Hz")


def _delete(path: Path) -> None:
    path.unlink()
