"""Sound through each codec is the sound that it was; G.711's tables are those of Python's own (removed) module."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from doorbus.rtp.codecs import decoder, encoder
from doorbus.rtp.payloads import Codec, Format, read_format
from doorbus_testkit.rtp import tone
from doorbus_testkit.tones import window_levels

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    audioop = pytest.importorskip("audioop")

EVERY_CODE = bytes(range(256))


@pytest.mark.parametrize(("codec", "expand"), [(Codec.PCMU, "ulaw2lin"), (Codec.PCMA, "alaw2lin")])
def test_g711_expands_as_the_standard_says(codec: Codec, expand: str) -> None:
    """All 256 codes."""
    expected = np.frombuffer(getattr(audioop, expand)(EVERY_CODE, 2), np.int16)
    decoded = decoder(Format(codec, 8000))(EVERY_CODE) * 32768
    assert expected.tolist() == np.round(decoded).astype(int).tolist()


@pytest.mark.parametrize(("codec", "expand"), [(Codec.PCMU, "ulaw2lin"), (Codec.PCMA, "alaw2lin")])
def test_g711_compresses_to_the_nearest_level(codec: Codec, expand: str) -> None:
    """No other code is nearer, for samples of all sizes."""
    samples = np.linspace(-1, 1, 5001, dtype=np.float32)
    form = Format(codec, 8000)
    levels = np.frombuffer(getattr(audioop, expand)(EVERY_CODE, 2), np.int16) / 32768
    nearest = np.abs(samples[:, None] - levels[None, :]).min(axis=1)
    reached = np.abs(decoder(form)(encoder(form)(samples)) - samples)
    assert float(np.max(reached - nearest)) < 1e-6


@pytest.mark.parametrize("name", ["PCMU/8000", "PCMA/8000", "G722/8000", "L16/8000", "L16/44100/2", "L16/48000/1"])
def test_a_tone_stays_a_tone(name: str) -> None:
    """Packet by packet through encoder and decoder: the same length, the same loudness."""
    form = read_format(name)
    encode, decode = encoder(form), decoder(form)
    frames = form.rate // 50
    decoded = []
    for index in range(20):
        samples = tone(1000, frames, rate=form.rate, start=index * frames).astype(np.float32) / np.float32(32768)
        payload = encode(samples)
        assert frames == form.frames(len(payload))
        decoded.append(decode(payload))
    sound = (np.concatenate(decoded) * 32767).astype(np.int16)
    levels = window_levels(sound, form.rate, 1000)[2:]
    assert float(levels.min()) == pytest.approx(0.3, abs=0.02)


def test_two_channels_are_mixed() -> None:
    """Half of each is heard."""
    stereo = np.array([[8000, 16000], [-4000, 4000]], ">i2").tobytes()
    mixed = decoder(Format(Codec.L16, 44100, 2))(stereo) * 32768
    assert mixed.astype(int).tolist() == [12000, 0]
