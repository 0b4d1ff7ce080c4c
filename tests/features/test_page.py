"""Pages over RTP multicast: real multicast between network namespaces, the sound at a real PulseAudio sink.

One door for the file, in a namespace of its own; senders are in another one. Barge is in `test_page_barge.py`.
"""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from tests.features.conftest import NewPhone
from tests.features.doors import ANSWER_S, ENV, document, stays

from doorbus_testkit.listener import RATE, Listener
from doorbus_testkit.netns import Host, Namespaces
from doorbus_testkit.page_sender import Network, PageSender
from doorbus_testkit.peers import require_program
from doorbus_testkit.polling import eventually
from doorbus_testkit.processes import Process
from doorbus_testkit.sound_server import SoundServer
from doorbus_testkit.stack import Options, Stack, Told
from doorbus_testkit.tones import window_levels

pytestmark = [pytest.mark.netns, pytest.mark.asyncio(loop_scope="module")]

GROUP = "239.1.1.1"
LISTENERS = 32
LOUD = 0.3
"""What the testkit sends, and what a listener at full volume gives."""
SINE = 1 / 8
"""What ffmpeg's sine has; made two channels, 3 dB less in each."""
TRIES = 4
"""A machine that does other things leaves gaps in any sound now and then: what must be whole may be sent so often."""


def port(place: int) -> int:
    """Returns a listener's port."""
    return 5002 + 2 * place


def multicast(**more: Any) -> dict[str, Any]:
    """Returns 32 listeners, `l1` the highest; the third at half volume, the fourth with a type of its own."""
    listeners: list[dict[str, Any]] = [
        {"label": f"l{place}", "address": f"{GROUP}:{port(place)}"} for place in range(1, LISTENERS + 1)
    ]
    listeners[2]["volume"] = 50
    listeners[3]["codecs"] = {96: "L16/16000/1"}
    return {"interface": "eth0", "listeners": listeners, **more}


def page_document(**more: Any) -> str:
    """Returns the document of a door that plays pages through the sound server."""
    audio = {"backend": "device", "volume": {"page": 100}}
    return document(audio=audio) + f"multicast: {json.dumps(multicast(**more))}\n"


@dataclass
class House:
    """The hosts and the sound server."""

    here: Host
    there: Host
    sound: SoundServer


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The door's host, entered, the senders', and the door's loudspeaker."""
    with ExitStack() as stack:
        here, there = stack.enter_context(Namespaces(2))
        stack.enter_context(here.entered())
        yield House(here, there, stack.enter_context(SoundServer(tmp_path_factory.mktemp("pa"))))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_door(house: House) -> AsyncIterator[Stack]:
    """The file's door, in its namespace."""
    async with Stack(page_document(), Options(env={**ENV, **house.sound.env})) as stack:
        yield stack


@pytest_asyncio.fixture(loop_scope="module")
async def ear(house: House) -> AsyncIterator[Listener]:
    """What is heard at the sink."""
    with house.sound.listen() as listener:
        yield listener


async def hears(ear: Listener, hz: float, since: float, level: float = LOUD) -> None:
    """Waits until a tone is heard at about this level for 0.3 s."""

    def loud() -> bool:
        levels = window_levels(ear.heard(since), RATE, hz)
        return int(np.sum(np.abs(levels - level) < level / 4)) >= 15

    await eventually(loud, what=f"{hz:g} Hz is heard at {level:g}")


async def started(door: Stack, place: int, **fields: Any) -> Told:
    """Waits for a listener's page."""
    return await door.event("page.started", ANSWER_S, listener=f"l{place}", **fields)


async def silence(door: Stack) -> None:
    """Waits until every page that was begun is over."""

    def over() -> bool:
        begun = {told.data["page"] for told in door.told("page.started")}
        return begun == {told.data["page"] for what in ("ended", "replaced") for told in door.told(f"page.{what}")}

    await eventually(over, what="no page plays")


@pytest.mark.feature("page.listen")
@pytest.mark.parametrize(
    ("codec", "place"),
    [
        ("pcm_mulaw -ar 8000 -ac 1 -payload_type 0", 1),
        ("pcm_alaw -ar 8000 -ac 1 -payload_type 8", 1),
        ("g722 -ar 16000 -ac 1 -payload_type 9", 2),
        ("pcm_s16be -ar 44100 -ac 2 -payload_type 10", 2),
        ("pcm_s16be -ar 44100 -ac 1 -payload_type 11", 32),
        ("pcm_s16be -ar 16000 -ac 1 -payload_type 96", 4),
    ],
)
async def test_ffmpegs_pages_play(
    door: Stack, house: House, ear: Listener, tmp_path: Path, codec: str, place: int
) -> None:
    """Each payload type, sent by Debian's ffmpeg, a program that nobody here wrote: its tone is at the sink."""
    source = "sine=frequency=700:sample_rate=16000:duration=3"
    words = ["-nostdin", "-loglevel", "error", "-re", "-f", "lavfi", "-i", source, "-c:a", *codec.split(), "-f", "rtp"]
    url = f"rtp://{GROUP}:{port(place)}?ttl=1&pkt_size=652"
    argv: list[str | Path] = [*house.there.prefix, require_program("ffmpeg"), *words, url]
    with Process(argv, log=tmp_path / "ffmpeg.log") as ffmpeg:
        page = await started(door, place)
        await hears(ear, 700, page.at - 1, SINE / 2**0.5 if "-ac 2" in codec else SINE)
        await ffmpeg.wait_exit()
    ended = await door.event("page.ended", page=page.data["page"])
    assert ended.data["reason"] == "silence"
    assert ended.data["packets"] > 20


@pytest.mark.feature("page.listen")
async def test_every_listener_plays_at_its_volume(door: Stack, house: House, ear: Listener) -> None:
    """All 32 hear their own port, from the lowest up, each replacing the last; the third at half the level."""
    for place in range(LISTENERS, 0, -1):
        with PageSender(GROUP, port(place), host=house.there, seconds=0.5) as page:
            told = await started(door, place)
            assert (told.data["place"], told.data["ssrc"]) == (place, page.ssrc)
            assert told.data["source"] == f"{house.there.address}{page.source}"
    await silence(door)
    for place, level in ((3, LOUD / 2), (5, LOUD)):
        with PageSender(GROUP, port(place), host=house.there) as page:
            await hears(ear, 440, page.first_at, level)
        await silence(door)


@pytest.mark.feature("page.address")
@pytest.mark.parametrize(
    ("addresses", "says"),
    [
        (["223.255.255.255:5004"], "multicast.listeners[0].address"),
        (["239.1.1.1:5004", "240.0.0.0:5006"], "multicast.listeners[1].address"),
        (["239.1.1.1:5004", "239.1.1.2:5004"], "multicast.listeners[1].address"),
    ],
)
async def test_other_addresses_are_refused(door: Stack, tmp_path: Path, addresses: list[str], says: str) -> None:
    """No multicast address, or a port twice: `doorbus apply` names the entry and takes nothing."""
    listeners = [{"label": f"l{index}", "address": address} for index, address in enumerate(addresses)]
    file = tmp_path / "door.yaml"
    file.write_text(door.fill(document() + f"multicast: {json.dumps({'listeners': listeners})}\n"))
    code, output = await door.cli("apply", "-f", str(file))
    assert code == 2
    assert says in output
    assert "nothing was written" in output
    assert door.told("document.changed") == []


@pytest.mark.feature("page.priority_on")
async def test_a_higher_page_replaces_a_lower_one(door: Stack, house: House, ear: Listener) -> None:
    """It is heard in place of the lower, which plays again, as a new page, when the higher one ends."""
    with PageSender(GROUP, port(5), host=house.there, hz=440) as low:
        first = await started(door, 5)
        await hears(ear, 440, low.first_at)
        with PageSender(GROUP, port(2), host=house.there, hz=1000) as high:
            second = await started(door, 2)
            replaced = await door.event("page.replaced", page=first.data["page"])
            assert replaced.data["by"] == second.data["page"]
            await hears(ear, 1000, high.first_at)
            since = second.at + 0.3
            await stays(lambda: True, 0.4)
            assert ear.tone_level(440, since) < LOUD / 10
        again = await door.event("page.started", listener="l5", since=second.at)
        assert again.data["page"] != first.data["page"]
        await hears(ear, 440, again.at)
    await silence(door)


@pytest.mark.feature("page.priority_on")
async def test_a_lower_page_stays_silent(door: Stack, house: House, ear: Listener) -> None:
    """That is told once; one that ends before the higher never plays."""
    with PageSender(GROUP, port(2), host=house.there, hz=1000) as high:
        await started(door, 2)
        with PageSender(GROUP, port(5), host=house.there, hz=440) as low:
            told = await door.event("page.suppressed", listener="l5")
            assert (told.data["because"], told.data["ssrc"]) == ("page", low.ssrc)
            await hears(ear, 1000, high.first_at)
            await stays(lambda: len(door.told("page.suppressed")) == 1, 1.0, "it is told once")
            assert ear.tone_level(440, low.first_at) < LOUD / 10
        await stays(lambda: len(door.told("page.started")) == 1, 0.8, "the higher page plays on")
    await silence(door)
    assert door.told("page.started", listener="l5") == []


@pytest.mark.feature("page.priority_off")
async def test_without_priority_the_first_page_plays_to_its_end(door: Stack, house: House, ear: Listener) -> None:
    """A higher one stays silent until then. A call outranks both, whatever `barge` says."""
    await door.apply(page_document(priority_active=False, barge=32))
    try:
        with PageSender(GROUP, port(5), host=house.there, hz=440) as low:
            first = await started(door, 5)
            assert not first.data["outranks_calls"]
            await hears(ear, 440, low.first_at)
            with PageSender(GROUP, port(2), host=house.there, hz=1000) as high:
                await door.event("page.suppressed", listener="l2", because="page")
                await stays(lambda: door.told("page.started", listener="l2") == [], 0.5)
                low.stop()
                await door.event("page.ended", page=first.data["page"], reason="silence")
                await started(door, 2)
                await hears(ear, 1000, first.at)
                assert high.sent > 0
        await silence(door)
    finally:
        await door.apply(page_document())


@pytest.mark.feature("page.priority_off")
async def test_without_priority_calls_outrank_pages(door: Stack, house: House, ear: Listener, phone: NewPhone) -> None:
    """A page ends when a call comes in, is silent during it, and plays when it is over."""
    await door.apply(page_document(priority_active=False, barge=32))
    try:
        caller = await phone()
        with PageSender(GROUP, port(1), host=house.there) as sender:
            first = await started(door, 1)
            await hears(ear, 440, sender.first_at)
            call = await caller.invite(door.uri)
            await call.wait("ringing")
            ended = await door.event("page.ended", page=first.data["page"])
            assert ended.data["reason"] == "call"
            await stays(lambda: len(door.told("page.started")) == 1, 0.7, "the page is silent")
            await door.wish("hangup")
            over = await door.event("call.ended")
            again = await door.event("page.started", since=over.at)
            assert again.data["page"] != first.data["page"]
            await hears(ear, 440, again.at)
        await silence(door)
    finally:
        await door.apply(page_document())


@pytest.mark.feature("page.end")
async def test_a_page_ends_after_its_last_packet(door: Stack, house: House) -> None:
    """500 ms after it, not sooner; what it was is told."""
    with PageSender(GROUP, port(6), host=house.there, seconds=1.0) as page:
        await eventually(lambda: page.sent == 50, what="the page is sent")
        last = page.first_at + 0.98
        told = await door.event("page.ended", listener="l6")
        assert 0.45 < told.at - last < 2.0
        assert (told.data["reason"], told.data["packets"], told.data["lost"]) == ("silence", 50, 0)
        assert 1.4 < told.data["duration_s"] < 3.0


@pytest.mark.feature("page.end")
async def test_a_new_ssrc_is_a_new_page(door: Stack, house: House, ear: Listener) -> None:
    """On the same listener, from the same sender, without a pause: the first page ends by that, the next is heard."""
    with PageSender(GROUP, port(6), host=house.there, ssrc=7) as page:
        first = await started(door, 6, ssrc=7)
        await hears(ear, 440, page.first_at)
    with PageSender(GROUP, port(6), host=house.there, ssrc=8, hz=1000) as page:
        second = await started(door, 6, ssrc=8)
        ended = await door.event("page.ended", page=first.data["page"])
        assert ended.data["reason"] == "new_ssrc"
        assert second.data["page"] != first.data["page"]
        await hears(ear, 1000, page.first_at)
    await silence(door)


@pytest.mark.feature("page.loss")
async def test_loss_and_jitter_leave_no_gap(door: Stack, house: House, ear: Listener) -> None:
    """3 % loss and 40 ms jitter, packets overtaking each other: under 1 % of the tone below half its level."""
    shares = []
    for seed in range(TRIES):
        network = Network(loss=0.03, jitter_ms=40, seed=seed)
        with PageSender(GROUP, port(5), host=house.there, network=network) as page:
            await hears(ear, 440, page.first_at)
            await stays(lambda: True, 4.0)
            until = page.first_at + page.sent * 0.02 - 0.1
        onset = ear.onset(page.first_at)
        assert onset is not None
        levels = window_levels(ear.heard(onset + 0.02, until), RATE, 440)
        shares.append(float(np.mean(levels < LOUD / 2)))
        await silence(door)
        told = door.told("page.ended", listener="l5")[-1].data
        assert told["lost"] > 0
        if shares[-1] < 0.01:
            break
    assert min(shares) < 0.01, shares


@pytest.mark.feature("page.source")
async def test_only_named_sources_are_heard_and_rubbish_is_counted(door: Stack, house: House, ear: Listener) -> None:
    """A foreign sender is dropped, silently; malformed packets amid a page are, too, and the page goes on."""
    await door.apply(page_document(sources=["10.77.0.200/32"]))
    try:
        with PageSender(GROUP, port(5), host=house.there) as page:
            await eventually(lambda: dropped(door, "source") > 5, what="it is counted", every_s=0.5, within_s=20)
            assert page.sent > 5
        assert door.told("page.started") == []
        await door.apply(page_document(sources=[f"{house.there.address}/32"]))
        before = dropped(door, "malformed")
        with PageSender(GROUP, port(5), host=house.there) as page:
            await started(door, 5)
            for _ in range(20):
                page.send(b"\x80\x00rubbish")
                page.send(bytes(500))
                await asyncio.sleep(0.01)
            await hears(ear, 440, page.first_at)
        await silence(door)
        assert dropped(door, "malformed") == before + 40
        assert len(door.told("page.started")) == 1
    finally:
        await door.apply(page_document())


def dropped(door: Stack, reason: str) -> float:
    """Returns multicast's metric; this thread is in the door's namespace."""
    health = re.search(r'"port": (\d+), "event": "health"', door.log_of("multicast"))
    assert health is not None
    with urllib.request.urlopen(f"http://127.0.0.1:{health[1]}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    found = re.search(rf'dropped_total{{reason="{reason}"}} (\S+)', text)
    return 0.0 if found is None else float(found[1])
