"""Loudspeaker and microphone by each backend: one suite for all three, then what only a device can lose."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from doorbus.audio import AudioSettings, open_capture, open_playback
from doorbus.audio.devices import NOBODY, Direction, list_devices
from doorbus.contract.document.audio import Audio
from doorbus_testkit import sound
from doorbus_testkit.listener import RATE as HEARD_RATE
from doorbus_testkit.polling import eventually_sync
from doorbus_testkit.rtp import tone
from doorbus_testkit.sound import Sound
from doorbus_testkit.sound_server import SoundServer
from doorbus_testkit.tones import tone_level, window_levels, write_tone

RATE = 16_000
HZ = 700.0


@pytest.fixture(scope="module", name="sound")
def _sound() -> Iterator[Sound]:
    with sound.running() as running:
        yield running


@pytest.fixture
def here(sound: Sound, monkeypatch: pytest.MonkeyPatch) -> Sound:
    """This process uses that sound server."""
    for name, value in sound.server.env.items():
        monkeypatch.setenv(name, value)
    return sound


class Tone:
    """A source without an end."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, frames: int) -> bytes:
        """Its next samples."""
        samples = tone(HZ, frames, start=self.given, rate=RATE)
        self.given += frames
        return samples.astype("<i2").tobytes()


@pytest.mark.parametrize("backend", ["none", "file", "device"])
def test_source_is_read_in_real_time(backend: str, here: Sound, tmp_path: Path) -> None:
    """Whatever the backend, a source is asked for about as many samples as time has passed, until it is closed."""
    source, told = Tone(), list[str | None]()
    path = str(tmp_path / "speaker.wav") if backend == "file" else None
    audio = AudioSettings.of(Audio.model_validate({"backend": backend, "record": path}))
    with open_playback(audio, RATE, source, on_problem=told.append):
        eventually_sync(lambda: source.given > RATE / 10, what="the source is asked")
        began, given = time.monotonic(), source.given
        eventually_sync(lambda: source.given - given > RATE, what="a second of sound")
        assert 0.8 < time.monotonic() - began < 3
    at_end = eventually_sync(lambda: source.given if _rests(source) else None, what="nobody asks any more")
    assert source.given == at_end
    assert told == ([] if backend == "none" else [None])
    if path is not None:
        assert tone_level(Path(path), HZ) == pytest.approx(0.3, abs=0.05)


def _rests(source: Tone) -> bool:
    given = source.given
    time.sleep(0.1)
    return source.given == given


@pytest.mark.parametrize("backend", ["none", "file", "device"])
def test_microphone_gives_real_time(backend: str, here: Sound, tmp_path: Path) -> None:
    """Whatever the backend, the sink gets as much as time has passed: silence, the file's or the microphone's tone."""
    write_tone(tmp_path / "play.wav", HZ, 1.0, RATE)
    path = str(tmp_path / "play.wav") if backend == "file" else None
    heard, told = bytearray(), list[str | None]()
    audio = AudioSettings.of(Audio.model_validate({"backend": backend, "play": path}))
    with (
        here.server.speak(tone(HZ, 30 * HEARD_RATE, rate=HEARD_RATE)),
        open_capture(audio, RATE, heard.extend, on_problem=told.append),
    ):
        eventually_sync(lambda: len(heard) > 2 * 2 * RATE, 15, what="two seconds of sound")
    levels = window_levels(np.frombuffer(bytes(heard[-2 * RATE :]), "<i2"), RATE, HZ)
    level = float(np.quantile(levels, 0.9))  # a busy machine leaves holes, and they are not what is shown here
    assert level == pytest.approx(0.0 if backend == "none" else 0.3, abs=0.05)
    assert told == ([] if backend == "none" else [None])


def test_device_is_heard_at_the_sink(here: Sound) -> None:
    """What a source gives comes out of the sound server's sink, as loud."""
    with open_playback(AudioSettings("device"), RATE, Tone(), on_problem=lambda _: None):
        here.speaker.await_onset(time.monotonic())

        def level() -> float:
            return here.speaker.tone_level(HZ, time.monotonic() - 0.5)

        eventually_sync(lambda: level() == pytest.approx(0.3, abs=0.05), 15, what="half a second of it, as loud")


def test_a_name_that_is_none_is_told_with_those_that_are(here: Sound) -> None:
    """A document that names a loudspeaker which the machine has not gets no sound, and a sentence that helps."""
    told = list[str | None]()
    audio = AudioSettings("device", playback="kitchen")
    with open_playback(audio, RATE, Tone(), on_problem=told.append):
        eventually_sync(lambda: told, what="the failure is told")
    assert told == ["loudspeaker kitchen: there is no playback device 'kitchen', only speaker, microphone"]


def test_devices_are_listed(here: Sound) -> None:
    """Outputs and inputs by the sound server's names, with the one that it uses by itself."""
    found = {(each.id, each.direction, each.default) for each in list_devices()}
    assert {("speaker", Direction.PLAYBACK, True), ("microphone.monitor", Direction.CAPTURE, True)} <= found


def test_sound_server_that_is_not_there_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that is opened before its sound server says so once, and flows when the server has come."""
    own = SoundServer(tmp_path / "s")
    for name, value in own.env.items():
        monkeypatch.setenv(name, value)
    source, told = Tone(), list[str | None]()
    with open_playback(AudioSettings("device"), RATE, source, on_problem=told.append):
        eventually_sync(lambda: told, what="the failure is told")
        with own:
            eventually_sync(lambda: source.given > RATE / 10, 15, what="the source is asked")
            eventually_sync(lambda: len(told) == 2, what="it is told that it works")
    assert told == [f"loudspeaker: {NOBODY}", None]


@pytest.mark.parametrize("content", [None, b"", b"no sound"])
def test_a_file_that_cannot_be_played_is_silence(content: bytes | None, tmp_path: Path) -> None:
    """A missing file, an empty one, and one that is no WAV: told once, and the microphone gives silence."""
    path = tmp_path / "play.wav"
    if content is not None:
        path.write_bytes(content)
    heard, told = bytearray(), list[str | None]()
    with open_capture(AudioSettings("file", play=str(path)), RATE, heard.extend, on_problem=told.append):
        eventually_sync(lambda: len(heard) > RATE / 10, what="silence")
    assert set(heard) == {0}
    assert [str(path) in (each or "") for each in told] == [True]


def test_a_recording_that_cannot_be_written_is_told_once(tmp_path: Path) -> None:
    """A folder that is not there costs the recording, not the source's clock."""
    source, told = Tone(), list[str | None]()
    audio = AudioSettings("file", record=str(tmp_path / "none" / "speaker.wav"))
    with open_playback(audio, RATE, source, on_problem=told.append):
        eventually_sync(lambda: source.given > RATE / 5, what="the source is asked")
    assert len(told) == 1
