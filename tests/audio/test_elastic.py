"""The buffer between two clocks, on simulated clocks: an hour takes a few seconds."""

import random
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorbus.audio.elastic import ElasticBuffer

RATE = 16_000
PUSHED, READ = 320, 160
HOUR_S = 3600.0


def _flow(
    buffer: ElasticBuffer, seconds: float, ppm: float, late_s: float = 0.0, seed: int = 0
) -> Iterator[tuple[float, bytes]]:
    """Pushes 20 ms of a tone by the network's clock and reads 10 ms by a card's, `ppm` slower; gives each reading.

    Each push is late by a random part of `late_s`.
    """
    jitter = random.Random(seed)
    period = np.round(8000 * np.sin(2 * np.pi * 400 * np.arange(PUSHED) / RATE)).astype("<i2").tobytes()  # 8 periods
    pushes, next_read = 0, 0.0031
    next_push = 0.0
    while next_read < seconds:
        if next_push <= next_read:
            buffer.push(period)
            pushes += 1
            next_push = pushes * PUSHED / RATE + jitter.random() * late_s
        else:
            yield next_read, buffer.read(READ)
            next_read += READ / RATE * (1 + ppm * 1e-6)


@pytest.mark.parametrize(("ppm", "seconds"), [(200.0, HOUR_S), (-200.0, HOUR_S / 10)])
def test_an_hour_of_drift_grows_no_delay(ppm: float, seconds: float) -> None:
    """An hour at 200 ppm, which would be 720 ms of delay, or gaps: no more delay at its end, no gap, nothing dropped.

    Accelerated: both clocks are simulated, 20 ms pushed and 10 ms read at a time, 360,000 readings for the hour. The
    other direction gets six minutes. The first ten seconds are not looked at: in them the buffer learns the drift.
    """
    buffer = ElasticBuffer(RATE)
    delays: list[float] = []
    begun = None
    for at, _ in _flow(buffer, seconds, ppm, late_s=0.002):
        if at > 10.0:
            begun = begun or (buffer.late, buffer.dropped)
            delays.append(buffer.delay_s)
    minute = round(60 * RATE / READ)
    assert (buffer.late, buffer.dropped) == begun
    assert abs(np.mean(delays[-minute:]) - np.mean(delays[:minute])) < 0.003
    assert max(delays) < 0.045


def test_drift_is_not_audible() -> None:
    """A 400 Hz tone read with 200 ppm of drift stays one: what is not the tone lies 40 dB below it, over 20 s."""
    buffer = ElasticBuffer(RATE)
    heard = b"".join(samples for at, samples in _flow(buffer, 40.0, 200.0) if at > 20.0)
    assert _purity_db(np.frombuffer(heard, "<i2")) > 40


def _purity_db(samples: npt.NDArray[np.int16]) -> float:
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    peak, width = int(power.argmax()), round(2.0 * len(samples) / RATE)  # within 2 Hz
    of_tone = power[peak - width : peak + width + 1].sum()
    return float(10 * np.log10(of_tone / (power.sum() - of_tone)))


@settings(max_examples=25, deadline=None)
@given(
    ppm=st.floats(-1000, 1000),
    late_ms=st.floats(0, 30),
    margin_ms=st.floats(1, 20),
    seed=st.integers(0, 2**16),
)
def test_delay_is_bounded_whatever_the_clocks_do(ppm: float, late_ms: float, margin_ms: float, seed: int) -> None:
    """With any drift up to 1000 ppm and pushes up to 30 ms late, a reading is whole and the delay below 130 ms."""
    buffer = ElasticBuffer(RATE, margin_ms=margin_ms)
    for _, samples in _flow(buffer, 20.0, ppm, late_ms / 1000, seed):
        assert len(samples) == 2 * READ
        assert buffer.delay_s < 0.13


def test_reader_that_stood_still_hears_what_is_new() -> None:
    """After three seconds without a reading the delay is at most what the buffer holds, and soon small again."""
    buffer = ElasticBuffer(RATE)
    for _ in _flow(buffer, 5.0, 0.0):
        pass
    for _ in range(150):
        buffer.push(bytes(2 * PUSHED))
    assert buffer.delay_s <= 0.17
    for _ in _flow(buffer, 3.0, 0.0):
        pass
    assert buffer.delay_s < 0.06


def test_reader_that_is_too_slow_hears_what_is_new() -> None:
    """A reader at two thirds of the speed, on a machine that is too busy, loses sound but is never 150 ms behind."""
    buffer = ElasticBuffer(RATE)
    delays = [buffer.delay_s for _ in _flow(buffer, 20.0, 500_000.0)]
    assert max(delays) < 0.15
    assert buffer.dropped > 0


def test_silence_where_there_is_nothing() -> None:
    """Before the first push, and after the last one, a reading is silence; the end of the sound is not a late one."""
    buffer = ElasticBuffer(RATE)
    assert buffer.read(READ) == bytes(2 * READ)
    for _ in _flow(buffer, 1.0, 0.0):
        pass
    last = [buffer.read(READ) for _ in range(50)]
    assert last[10:] == [bytes(2 * READ)] * 40
    assert buffer.late == 0
    for _ in _flow(buffer, 1.0, 0.0):
        pass
    assert buffer.late == 0


def test_late_sound_widens_the_margin() -> None:
    """Pushes that come 15 ms late make gaps at first; then the buffer has learnt to wait, and there are none."""
    buffer = ElasticBuffer(RATE)
    counts = [buffer.late for _, _ in _flow(buffer, 120.0, 0.0, late_s=0.015)]
    assert counts[-1] == counts[len(counts) // 2]
    assert counts[-1] <= 10
