"""Measuring tones in wav files, and mu-law."""

from pathlib import Path

import numpy as np
import pytest

from doorbus_testkit.rtp import decode_ulaw, encode_ulaw, tone
from doorbus_testkit.tones import audible_spans, tone_level, tone_share, write_tone, write_wav


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_tone_is_measured_at_its_frequency_only(tmp_path: Path, rate: int) -> None:
    """The amplitude that was written is measured at the tone's frequency, and nearly nothing beside it."""
    path = tmp_path / "tone.wav"
    write_tone(path, 700, 1.0, rate)
    assert tone_level(path, 700) == pytest.approx(0.3, abs=0.01)
    assert tone_level(path, 1000) < 0.005
    assert tone_share(path, 700) == 1.0
    assert tone_share(path, 1000) == 0.0


def test_the_spans_in_which_a_tone_is_heard_are_found(tmp_path: Path) -> None:
    """Half a second of silence around half a second of tone: a share of a third and one span."""
    path = tmp_path / "parts.wav"
    silence, sound = np.zeros(4000, dtype=np.int16), tone(500, 4000)
    write_wav(path, np.concatenate((silence, sound, silence)), 8000)
    assert tone_share(path, 500) == pytest.approx(1 / 3, abs=0.02)
    assert [(round(begin, 2), round(end, 2)) for begin, end in audible_spans(path, 500)] == [(0.5, 1.0)]


def test_an_empty_file_has_no_tone(tmp_path: Path) -> None:
    """A recording that never began measures zero in place of failing."""
    path = tmp_path / "empty.wav"
    write_wav(path, np.zeros(0, dtype=np.int16), 8000)
    assert (tone_level(path, 500), tone_share(path, 500)) == (0.0, 0.0)


def test_mu_law_is_the_one_of_g711() -> None:
    """Codes of known samples are right, and every code expands to a sample that compresses to it."""
    samples = np.array([0, -1, 32767, -32768, 1000], dtype=np.int16)
    assert bytes([0xFF, 0x7F, 0x80, 0x00, 0xCE]) == encode_ulaw(samples)
    codes = bytes(code for code in range(256) if code != 0x7F)  # 0x7F is a second zero
    assert codes == encode_ulaw(decode_ulaw(codes))
