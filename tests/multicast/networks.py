"""Networks to try the jitter buffer against: a tone's packets, delayed, lost, out of order, and what came out."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from doorbus.rtp.codecs import encoder
from doorbus.rtp.payloads import Codec, Format
from doorbus_multicast.intake import Taken
from doorbus_multicast.playout import Playout
from doorbus_testkit.rtp import tone
from doorbus_testkit.tones import window_levels

PCMU = Format(Codec.PCMU, 8000)
HZ, LEVEL = 440.0, 0.3
PERIOD_S = 0.01
"""How often the loudspeaker asks."""


@dataclass(frozen=True)
class Sent:
    """A packet and when it arrives, seconds."""

    packet: Taken
    at: float


def packets(seconds: float, form: Format = PCMU, packet_ms: int = 20, hz: float = HZ) -> list[Sent]:
    """Returns a tone's packets, each as it is sent."""
    encode = encoder(form)
    frames = form.rate * packet_ms // 1000
    sent = []
    for index in range(round(seconds * 1000 / packet_ms)):
        samples = tone(hz, frames, rate=form.rate, amplitude=LEVEL, start=index * frames).astype(
            np.float32
        ) / np.float32(32768)
        at = index * packet_ms / 1000
        ticks = form.clock_hz * packet_ms // 1000
        sent.append(Sent(Taken(70000 + index, 90000 + index * ticks, frames, form, encode(samples), at), at))
    return sent


def through(sent: Iterable[Sent], delay: Callable[[random.Random, int], float | None], seed: int) -> list[Sent]:
    """Returns what arrives, in the order of arrival; `delay` says after how long, None = never."""
    dice = random.Random(seed)
    arrived = []
    for index, each in enumerate(sent):
        late = delay(dice, index)
        if late is not None:
            at = each.at + late
            arrived.append(Sent(each.packet._replace(at=at), at))
    return sorted(arrived, key=lambda each: each.at)


def played(
    arrived: Iterable[Sent],
    playout: Playout,
    seconds: float,
    *,
    clock: float = 1.0,
    phase: float = 0.003,
    away: tuple[float, float] = (0, 0),
) -> npt.NDArray[np.int16]:
    """Returns what a loudspeaker gets that asks every 10 ms.

    Args:
        arrived: the packets.
        playout: where they go.
        seconds: how long it asks.
        clock: it is so many times as fast as the network's.
        phase: when it asks first.
        away: from when to when it does not ask.
    """
    waiting = list(arrived)
    sound: list[npt.NDArray[np.float32]] = []
    rate, owed = waiting[0].packet.form.rate, 0.0
    now = phase - PERIOD_S / clock
    while now + PERIOD_S / clock < seconds:
        now += PERIOD_S / clock
        while waiting and waiting[0].at <= now:
            playout.put(waiting.pop(0).packet)
        if away[0] <= now < away[1]:
            continue
        speed = playout.speed
        owed += rate * PERIOD_S * speed
        frames = int(owed)
        owed -= frames
        sound.append(playout.pull(frames, now, speed))
    return (np.concatenate(sound) * 32767).astype(np.int16)


def start_s(sound: npt.NDArray[np.int16], rate: int) -> float:
    """Returns when the tone begins to be heard."""
    return float(np.argmax(np.abs(sound) > 0.1 * 32767)) / rate


def gap_share(sound: npt.NDArray[np.int16], rate: int, hz: float = HZ) -> float:
    """Returns the share of the tone's time, from its first to its last window, in which it is below half its level."""
    levels = window_levels(sound, rate, hz)
    heard = np.flatnonzero(levels > LEVEL / 2)
    return float(np.mean(levels[heard[0] + 1 : heard[-1]] < LEVEL / 2))
