"""The jitter buffer: how soon, how whole, and never further behind than it must be.

A tone goes through simulated networks; seconds are simulated, so a minute takes milliseconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.multicast.networks import HZ, LEVEL, PCMU, Sent, gap_share, packets, played, start_s, through

from doorbus.rtp.codecs import decoder
from doorbus.rtp.payloads import Format, read_format
from doorbus_multicast.intake import Taken
from doorbus_multicast.playout import START_S, Playout
from doorbus_multicast.timeline import MOST_AHEAD_S
from doorbus_testkit.tones import window_levels

Delay = Callable[[random.Random, int], float | None]


def bad(dice: random.Random, _index: int) -> float | None:
    """3 % loss and 40 ms of jitter, packets overtake each other."""
    return None if dice.random() < 0.03 else dice.uniform(0, 0.04)


def clean(_dice: random.Random, _index: int) -> float:
    """1 ms, always."""
    return 0.001


def test_a_clean_network_costs_one_packet() -> None:
    """The tone begins after 20 ms and a period of the sound card, whole, and stays as near."""
    playout = Playout()
    sound = played(through(packets(20), clean, 1), playout, 19.9)
    assert start_s(sound, 8000) <= START_S + 0.011
    assert gap_share(sound, 8000) == 0.0
    assert playout.delay_s < 0.03
    assert playout.counts.lost == 0
    assert playout.counts.concealed_s == 0.0


@pytest.mark.parametrize("name", ["PCMU/8000", "G722/8000", "L16/16000", "L16/44100/2"])
@pytest.mark.parametrize("seed", range(3))
def test_loss_and_jitter_are_not_heard(name: str, seed: int) -> None:
    """3 % loss and 40 ms of jitter: under 1 % of the tone's time below half its level, the start within 80 ms."""
    form: Format = read_format(name)
    playout = Playout()
    sound = played(through(packets(10, form), bad, seed), playout, 9.9)
    assert gap_share(sound, form.rate) < 0.01
    assert start_s(sound, form.rate) < 0.08
    assert playout.delay_s < 0.1


@pytest.mark.parametrize("hz", [200, 700, 1000, 2500])
def test_other_tones_neither(hz: float) -> None:
    """The measure does not hang on one frequency."""
    sound = played(through(packets(10, hz=hz), bad, 7), Playout(), 9.9)
    assert gap_share(sound, 8000, hz) < 0.01


@pytest.mark.parametrize("clock", [0.998, 0.9998, 1.0002, 1.002])
def test_a_sound_card_with_another_clock_is_followed(clock: float) -> None:
    """2 minutes at 200 and 2,000 ppm: neither a gap nor a growing delay."""
    playout = Playout()
    sound = played(through(packets(120), clean, 1), playout, 119.9, clock=clock)
    assert gap_share(sound, 8000) == 0.0
    assert playout.delay_s < 0.045


def test_after_a_pause_of_the_network_the_delay_shrinks_again() -> None:
    """200 ms late at once, everything that was sent is played, and 15 s later the delay is as it was."""

    def pause(_dice: random.Random, index: int) -> float:
        at = index * 0.02
        return 4.2 - at + 0.001 if 4 <= at < 4.2 else 0.001

    playout = Playout()
    sound = played(through(packets(20), pause, 1), playout, 19.9)
    assert gap_share(sound, 8000) < 0.01
    assert playout.counts.lost == 0
    assert playout.delay_s < 0.045


def test_a_sender_that_pauses_loses_nothing() -> None:
    """Numbers go on, timestamps jump: silence that long, and no loss is counted."""
    sent = packets(1)
    later = []
    for index, each in enumerate(sent):
        pause = 10 if index >= 25 else 0
        packet = each.packet._replace(timestamp=each.packet.timestamp + pause * 160, at=each.at + pause * 0.02)
        later.append(Sent(packet, packet.at))
    playout = Playout()
    sound = played(later, playout, 1.3)
    loud = np.flatnonzero(window_levels(sound, 8000, HZ) > LEVEL / 2)
    assert 5 <= np.diff(loud).max() <= 8  # 200 ms less what is made up while nobody knows what comes
    assert len(loud) >= 45
    assert playout.counts.lost == 0


def test_the_end_is_no_gap() -> None:
    """What is made up when no more packets come is not counted, and is silent 120 ms later."""
    playout = Playout()
    sound = played(through(packets(1), clean, 1), playout, 2.0)
    assert playout.counts.concealed_s == 0.0
    assert np.abs(sound[round(1.2 * 8000) :]).max() == 0


def test_the_first_packets_may_come_in_any_order() -> None:
    """One that was overtaken by the very first is played before it."""
    sent = packets(1)
    playout = Playout()
    for each in (sent[1], sent[0], *sent[2:4]):
        playout.put(each.packet._replace(at=0.0))
    sound = np.concatenate([playout.pull(160, 0.02 + index * 0.02) for index in range(4)])
    whole = np.concatenate([decoder(PCMU)(each.packet.payload) for each in sent[:4]])
    assert whole.tolist() == sound.tolist()
    assert playout.counts.packets == 4


def test_repeated_packets_are_played_once() -> None:
    """Each of those sent within 4.9 s comes three times, once late: no delay is learnt from that."""
    sent = packets(5)
    thrice = sorted([*sent, *through(sent, clean, 1), *through(sent, lambda *_: 0.09, 1)], key=lambda each: each.at)
    playout = Playout()
    sound = played(thrice, playout, 4.9)
    assert gap_share(sound, 8000) == 0.0
    assert playout.counts.packets == 245
    assert playout.delay_s < 0.03


def test_a_sender_that_hurries_fills_no_memory() -> None:
    """Of a file sent at once, only the first second is kept; the rest is early."""
    playout = Playout()
    sent = packets(60)
    playout.put(sent[0].packet)
    playout.pull(80, START_S)
    fates = [playout.put(each.packet._replace(at=0.02)) for each in sent[1:]]
    assert round(MOST_AHEAD_S * 50) + 1 >= fates.count("taken")
    assert fates[-1] == "early"


def test_a_loudspeaker_that_was_away_misses_what_was_said() -> None:
    """For 3 s nobody asks: then the newest is played, not what waited; so it is before the first time."""
    for away in ((2.0, 5.0), (0.0, 3.0)):
        playout = Playout()
        played(packets(12), playout, 11.9, away=away)
        assert playout.delay_s < 0.05
        assert playout.counts.lost == 0


def test_another_timeline_goes_on_where_the_old_one_ends() -> None:
    """A timestamp that jumps by an hour makes no pause."""
    sent = packets(2)
    jumped = [
        (each, each.packet._replace(timestamp=each.packet.timestamp + (3600 * 8000 if index >= 50 else 0)))
        for index, each in enumerate(sent)
    ]
    arrived = [type(each)(packet, each.at) for each, packet in jumped]
    assert gap_share(played(arrived, Playout(), 1.9), 8000) == 0.0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 300), st.integers(-20_000, 80_000), st.sampled_from([80, 160, 320]), st.integers(0, 30)
        ),
        max_size=80,
    ),
    st.sampled_from([80, 441, 1000]),
)
def test_whatever_comes_the_sound_goes_on(strange: list[tuple[int, int, int, int]], frames: int) -> None:
    """Any numbers and timestamps, at any times: always so many samples as were asked for, none of them too loud."""
    playout, now = Playout(), 0.0
    for number, timestamp, size, pause_ms in strange:
        playout.put(Taken(70_000 + number, 100_000 + timestamp, size, PCMU, bytes(size), now))
        now += pause_ms / 1000
        sound = playout.pull(frames, now, playout.speed)
        assert frames == len(sound)
        assert bool(np.all(np.abs(sound) <= 1.0))
