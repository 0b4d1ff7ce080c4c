"""What is heard at the door, as a pure rule; the tones' table; the recording."""

from pathlib import Path

import pytest

from doorbus.audio.wav import WavFile, begin_anew
from doorbus_sip import ringset
from doorbus_sip.calls import Record
from doorbus_sip.facts import Reason
from doorbus_sip.limits import Limits
from doorbus_sip.sounds import Early, Sound, Talk, farewell, sound_of
from doorbus_sip.tones import TONES, Tone
from doorbus_testkit.tones import read_wav


def _incoming(**fields: object) -> Record:
    record = Record("in", "in", None, "", 0, Limits(), {"in": ""}, "ringing", leg="in")
    return _with(record, fields)


def _dialed(*legs: str, **fields: object) -> Record:
    names = legs or ("l",)
    ring = ringset.ring_set(names)
    record = Record("out", "out", None, "", 0, Limits(), dict.fromkeys(names, ""), "dialing", ring=ring)
    return _with(record, fields)


def _with(record: Record, fields: dict[str, object]) -> Record:
    for name, value in fields.items():
        setattr(record, name, value)
    return record


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([], None),
        ([_incoming(state="incoming")], None),
        ([_incoming()], Tone.RING),
        ([_incoming(accepting=True)], None),
        ([_incoming(state="answered", answered=1.0)], Talk()),
        ([_dialed()], Tone.RINGBACK),
        ([_dialed(state="ringing")], Tone.RINGBACK),
        ([_dialed(early="l")], Early("l")),
        ([_dialed("l", "m", early="l")], Tone.RINGBACK),
        ([_dialed(state="answered", answered=1.0, early="l")], Talk()),
        ([_dialed(state="answered", answered=1.0, silent=True)], None),
        ([_dialed(silent=True)], None),
        ([_dialed(silent=True), _incoming()], Tone.RING),
        ([_dialed(), _incoming()], Tone.RING),
        ([_incoming(state="answered", answered=1.0), _incoming()], Talk()),
    ],
)
def test_what_is_heard(calls: list[Record], expected: Sound) -> None:
    """Each line of the rules in `sounds`."""
    assert expected == sound_of(calls)


@pytest.mark.parametrize(
    ("call", "reason", "expected"),
    [
        (_dialed(), Reason.NO_ROUTE, Tone.ERROR),
        (_dialed(), Reason.DIAL_TIMEOUT, Tone.ERROR),
        (_dialed(), Reason.REFUSED, Tone.BUSY),
        (_dialed(), Reason.PUSH_BUTTON, None),
        (_dialed(), Reason.LOCAL_HANGUP, None),
        (_dialed(), Reason.SHUTDOWN, None),
        (_dialed(final=False), Reason.NO_ROUTE, None),
        (_dialed(silent=True), Reason.NO_ROUTE, None),
        (_dialed(answered=1.0), Reason.REMOTE_HANGUP, None),
        (_incoming(), Reason.DIAL_TIMEOUT, None),
    ],
)
def test_what_is_left_to_be_heard(call: Record, reason: Reason, expected: Tone | None) -> None:
    """Only a dialed call that reached nobody, and that is not dialed on, leaves a tone."""
    assert expected == farewell(call, reason)


def test_every_tone_is_playable() -> None:
    """The table has each tone; pjmedia takes 32 bursts of frequencies below half its rate; what ends has a length."""
    assert set(TONES) == set(Tone)
    for spec in TONES.values():
        assert 0 < len(spec.bursts) * max(spec.times, 1) <= 32
        assert all(0 < burst.hz < 4000 and burst.on_ms > 0 <= burst.off_ms for burst in spec.bursts)
        assert (spec.length_s == float("inf")) == (spec.times == 0)


def test_recording_grows_and_can_always_be_read(tmp_path: Path) -> None:
    """Two writers that take turns add to one file whose header says its length, with a pause or without."""
    path = tmp_path / "speaker.wav"
    begin_anew(str(path))
    one, two = WavFile(str(path)), WavFile(str(path))
    expected: list[int] = []
    for number, writer in enumerate((one, one, two, one, two), start=1):
        writer.write(number.to_bytes(2, "little") * 4)
        expected += [number] * 4
        samples, rate = read_wav(path)
        assert (expected, 16_000) == (samples.tolist(), rate)
        assert int.from_bytes(path.read_bytes()[40:44], "little") == 2 * len(expected)
        if number == 2:
            one.pause()


@pytest.mark.parametrize("pauses", [True, False])
def test_recording_that_was_deleted_begins_anew(tmp_path: Path, pauses: bool) -> None:
    """The next samples make a new file, also when one call follows another without a pause."""
    path = tmp_path / "speaker.wav"
    file = WavFile(str(path))
    file.write(b"\x01\x00")
    path.unlink()
    if pauses:
        file.pause()
    file.write(b"\x02\x00")
    assert read_wav(path)[0].tolist() == [2]


def test_recording_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past its greatest length it begins anew instead of filling the disk."""
    monkeypatch.setattr("doorbus.audio.wav.MAX_BYTES", 55)
    file = WavFile(str(tmp_path / "speaker.wav"))
    for number in (1, 2, 3, 4):
        file.write(number.to_bytes(2, "little") * 4)
    assert read_wav(tmp_path / "speaker.wav")[0].tolist() == [3] * 4 + [4] * 4


def test_unwritable_recording_is_an_error(tmp_path: Path) -> None:
    """A folder that is not there is told to whoever writes."""
    with pytest.raises(OSError, match="No such file"):
        begin_anew(str(tmp_path / "none" / "speaker.wav"))
    with pytest.raises(OSError, match="No such file"):
        WavFile(str(tmp_path / "none" / "speaker.wav")).write(b"\x00\x00")
