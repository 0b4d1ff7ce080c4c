"""Sound through the `file` backend, and calls without any."""

import asyncio
from pathlib import Path

from tests.sip.conftest import MakeDoor

from doorbus_sip import facts
from doorbus_sip.config import FileAudio
from doorbus_sip.facts import Reason
from doorbus_sip.limits import Limits
from doorbus_testkit.behaviour import Answer, Ring
from doorbus_testkit.polling import eventually
from doorbus_testkit.tones import tone_share, write_tone
from doorbus_testkit.wire import WirePhone

OF_DOOR_HZ, OF_PHONE_HZ = 440.0, 1000.0


async def test_tones_go_both_ways(make_door: MakeDoor, tmp_path: Path) -> None:
    """The phone hears the door's file, and the door's recording holds what the phone sent."""
    play, record, heard = (tmp_path / name for name in ("play.wav", "record.wav", "heard.wav"))
    write_tone(play, OF_DOOR_HZ, 1.0)
    audio = FileAudio(play=str(play), record=str(record))
    door = await make_door(audio=audio, codecs=("PCMU",))
    async with WirePhone(Answer(), rtp=True) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        await door.wait(facts.CallAnswered)
        call = await phone.wait_call()
        call.send_audio(OF_PHONE_HZ)
        await eventually(lambda: len(call.rtp.received) > 150, what="3 s of RTP")
        await door.engine.hangup("c")
        await call.wait("ended")
        call.rtp.record(heard)
    await door.engine.stop()
    assert tone_share(heard, OF_DOOR_HZ) > 0.6
    assert tone_share(record, OF_PHONE_HZ) > 0.6


async def test_leg_that_has_not_won_hears_nothing(make_door: MakeDoor, tmp_path: Path) -> None:
    """A leg with early media gets none of the door's sound before it is answered and granted."""
    play, heard = tmp_path / "play.wav", tmp_path / "heard.wav"
    write_tone(play, OF_DOOR_HZ, 1.0)
    door = await make_door(audio=FileAudio(play=str(play)), codecs=("PCMU",))
    async with WirePhone(Ring(), rtp=True) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        call = await phone.wait_call()
        call.respond(183, sdp=call.description())
        await asyncio.sleep(1)  # as long as the tone would need to be seen
        call.rtp.record(heard)
        early = len(call.rtp.received)
        await door.engine.hangup("c")
        await call.wait("ended")
    assert early == 0 or tone_share(heard, OF_DOOR_HZ) == 0


async def test_silent_far_side_ends_the_call(make_door: MakeDoor) -> None:
    """No RTP and no RTCP for `media_timeout_s` ends an answered call with BYE, as media_failed."""
    door = await make_door(media_timeout_s=1)
    async with WirePhone(Answer()) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        ended = await door.wait(facts.CallEnded)
        await (await phone.wait_call()).wait("ended")
    assert ended.reason == Reason.MEDIA_FAILED


async def test_held_call_may_be_silent(make_door: MakeDoor) -> None:
    """On hold nobody sends anything, and the call stays."""
    door = await make_door(media_timeout_s=1)
    async with WirePhone(Answer(), rtp=True) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        await door.wait(facts.CallAnswered)
        call = await phone.wait_call()
        call.send_audio()
        await door.engine.hold("c")
        await door.wait(facts.CallHeld)
        call.rtp.stop_sending()
        await asyncio.sleep(3)  # three times the timeout
        assert door.told(facts.CallEnded) == []
        await door.engine.hangup("c")
        await call.wait("ended")
    assert door.told(facts.CallbackFailed) == []


async def test_missing_file_is_reported_and_the_call_goes_on(make_door: MakeDoor, tmp_path: Path) -> None:
    """A file that cannot be played is told, and is not the end of the call."""
    door = await make_door(audio=FileAudio(play=str(tmp_path / "none.wav")))
    async with WirePhone(Answer()) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        await door.wait(facts.CallAnswered)
        await door.wait(facts.AudioFailed)
        assert len(door.engine.snapshot()) == 1
        await door.engine.hangup("c")
        await (await phone.wait_call()).wait("ended")


async def test_far_side_that_only_listens_may_be_silent(make_door: MakeDoor) -> None:
    """A far side that has agreed to send nothing (`recvonly`) is not dead; once it may send again, silence counts."""
    door = await make_door(media_timeout_s=1)
    async with WirePhone(Answer(), rtp=True) as phone:
        await door.engine.dial("c", None, (("l", phone.uri),), Limits())
        await door.wait(facts.CallAnswered)
        call = await phone.wait_call()
        call.send_audio()
        listening = call.reinvite("recvonly")
        await eventually(lambda: listening.final, what="the answer to the re-INVITE")
        call.rtp.stop_sending()
        await asyncio.sleep(3)  # three times the timeout
        assert door.told(facts.CallEnded) == []
        talking = call.reinvite("sendrecv")
        await eventually(lambda: talking.final, what="the answer to the re-INVITE")
        ended = await door.wait(facts.CallEnded)
    assert ended.reason == Reason.MEDIA_FAILED
