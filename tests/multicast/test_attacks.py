"""Rubbish, wrong types, huge packets and a storm: counted, dropped, and the page that plays is unharmed."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from tests.multicast.hearing import GROUP, SENDER, Hearing, dropped, hearing, multicast, two_hosts
from tests.multicast.storm import fuzzed

from doorbus.rtp.packet import Packet
from doorbus.rtp.payloads import formats
from doorbus_multicast.intake import Drop, Intake
from doorbus_multicast.page_sound import PageSound
from doorbus_multicast.playout import Playout
from doorbus_testkit.page_sender import PageSender
from doorbus_testkit.polling import eventually
from doorbus_testkit.processes import Process
from doorbus_testkit.tones import window_levels

ROOT = Path(__file__).parents[2]
FUZZED = 100_000
STORM_S = 3.0
PAGE, FOREIGN = ("10.77.0.2", 4000), ("10.77.0.9", 666)


def test_100_000_fuzzed_packets_do_not_touch_the_page() -> None:
    """Between a page's packets, 200 foreign ones to each: all of the page's are played, and it stays one stream."""
    dice = random.Random(5)
    intake, playout = Intake(formats({96: "L16/16000/2"}), 0.5), Playout()
    taken_packets, reasons = 0, set()
    for index in range(FUZZED // 200):
        now = index * 0.02
        good = Packet(0, index, index * 160, 77, bytes(160)).encode()
        taken = intake.take(good, PAGE, now)
        assert not isinstance(taken, Drop)
        assert taken[0] == (index == 0)
        taken_packets += sum(playout.put(each) == "taken" for each in taken[1])
        playout.pull(160, now + 0.01)
        for _ in range(200):
            foreign = intake.take(fuzzed(dice, good), FOREIGN, now)
            assert isinstance(foreign, Drop)
            reasons.add(foreign)
    assert taken_packets == FUZZED // 200
    assert playout.counts.lost == 0
    assert {Drop.MALFORMED, Drop.RTCP, Drop.PAYLOAD_TYPE, Drop.PAYLOAD_SIZE, Drop.OTHER_STREAM} == reasons


def test_fuzzed_packets_from_the_senders_own_address_break_nothing() -> None:
    """They may be heard, as nothing tells them from the sender's; but nothing is raised, and the sender goes on."""
    dice = random.Random(6)
    intake, playout = Intake(formats({}), 0.5), Playout()
    for index in range(20_000):
        good = Packet(0, index, index * 160, 77, bytes(160)).encode()
        for data in (good, fuzzed(dice, good)):
            taken = intake.take(data, PAGE, index * 0.02)
            for each in taken[1] if not isinstance(taken, Drop) else ():
                playout.put(each)
        assert len(playout.pull(160, index * 0.02 + 0.01, playout.speed)) == 160
    assert playout.counts.packets > 19_000


@pytest.mark.netns
@pytest.mark.parametrize("sources", [(f"{SENDER}/32",), ()], ids=["named sources", "any source"])
async def test_a_storm_to_the_same_group_does_not_harm_the_page(tmp_path: Path, sources: tuple[str, ...]) -> None:
    """For 3 s a foreign host sends 5,000 packets a second to the page's own group and port: the tone is whole."""
    before = all_dropped()
    with two_hosts() as (_, there):
        there.run("ip", "address", "add", "10.77.0.9/24", "dev", "eth0")
        words = [*there.prefix, sys.executable, "-m", "tests.multicast.storm", GROUP, "5004", "10.77.0.9"]
        async with hearing(multicast(2, sources=sources)) as door:
            with PageSender(GROUP, 5004, host=there):
                await eventually(lambda: door.streams, what="the page is heard")
                sound = PageSound(16_000, 1.0)
                door.listeners.play(door.streams[0].address, door.streams[0].id, sound)
                with Process([*words, str(STORM_S)], log=tmp_path / "storm.log", cwd=ROOT):
                    heard = await listened(sound, STORM_S + 1)
            assert len(door.streams) == 1
            assert all_dropped(door) - before > 5_000
            levels = window_levels(heard, 16_000, 440)[5:]
            assert float(np.mean(levels < 0.15)) < 0.1  # a busy machine adds gaps of its own
            assert sound.counts.packets > 10 * sound.counts.lost


def all_dropped(door: Hearing | None = None) -> float:
    """Returns how many packets were dropped for any reason so far, those that the kernel dropped as well."""
    if door is not None:
        door.listeners.join()
    return sum(dropped(reason) for reason in Drop)


async def listened(sound: PageSound, seconds: float) -> npt.NDArray[np.int16]:
    """Returns what a loudspeaker gets that asks every 10 ms."""
    pieces = []
    loop = asyncio.get_running_loop()
    begin = loop.time()
    for index in range(round(seconds * 100)):
        await asyncio.sleep(max(0.0, begin + index / 100 - loop.time()))
        pieces.append(np.frombuffer(sound.read(160), "<i2"))
    return np.concatenate(pieces).astype(np.int16)
