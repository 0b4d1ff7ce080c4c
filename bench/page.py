"""First packet of a page to sound at the sink, clean and in a bad network, and what idle listeners cost.

Rules
- Both play through one PulseAudio with a null sink; the ear is `parec` at its monitor, so its delay is in both figures.
- The baseline is Debian's `ffplay` that listens to the same group, started before the page: a player in C, without
  arbiter or bus. Where it is not installed there is none.
- They are paged in turns. Senders are in a network namespace of their own.
- A gap is a window of 20 ms with the tone below half its level, between the tone's first and last.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import time
import unittest
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from bench.figures import Figure, Result, UnavailableError, percentile
from bench.scale import Amount, Scale
from doorbus_testkit.listener import RATE, Listener
from doorbus_testkit.netns import Host, Namespaces
from doorbus_testkit.page_sender import Network, PageSender
from doorbus_testkit.polling import eventually
from doorbus_testkit.processes import Process
from doorbus_testkit.sound_server import SoundServer
from doorbus_testkit.stack import Options, Stack
from doorbus_testkit.tones import window_levels

PAGES = Amount(20, 6, 1)
PAGE_S = Amount(3.0, 2.0, 1.0)
IDLE_S = Amount(10.0, 5.0, 1.0)
GROUP, PORT, HZ, LEVEL = "239.1.1.1", 5004, 440.0, 0.3
FIRST_MS, GAPS_PERCENT = 80.0, 1.0
WAIT_S = 4.0
QUIET_S = 0.5
SDP = "v=0\no=- 0 0 IN IP4 {group}\ns=page\nc=IN IP4 {group}/1\nt=0 0\nm=audio {port} RTP/AVP 0\n"
DOCUMENT = """door: front
audio: {{backend: device, volume: {{page: 100}}}}
io: {{relays: [{{id: gate, chip: sim, line: 8}}]}}
multicast: {{interface: eth0, listeners: [{listeners}]}}
"""


@dataclass
class Heard:
    """What was measured of one player."""

    first_s: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)

    def gap_percent(self) -> float:
        """Returns the share of gaps over all pages."""
        return 100 * float(np.mean(self.gaps))


async def page_to_sound(scale: Scale) -> Result:
    """First packet to sound."""
    bad = Network(loss=0.03, jitter_ms=40)
    async with AsyncExitStack() as running:
        here, there, server = _hosts(running)
        env = server.env
        door = await running.enter_async_context(Stack(document(1), Options(env=env)))
        results: dict[str, tuple[Heard, Heard]] = {}
        player = shutil.which("ffplay")
        for name, network in (("clean", Network()), ("3 % loss, 40 ms jitter", bad)):
            ours, theirs = Heard(), Heard()
            for number in range(PAGES.count(scale)):
                await _page(door, there, server, network, number, PAGE_S.at(scale), ours)
                if player is not None:
                    await _page_bare(player, here, there, server, network, number, PAGE_S.at(scale), theirs)
            results[name] = ours, theirs
    figures = []
    for name, (ours, theirs) in results.items():
        for share, label in ((0.5, "p50"), (0.9, "p90")):
            reached = percentile(ours.first_s, 0.5) * 1000 <= FIRST_MS if share == 0.5 and name == "clean" else None
            aim = f"at most {FIRST_MS:g} ms" if reached is not None else ""
            theirs_ms = percentile(theirs.first_s, share) * 1000 if theirs.first_s else None
            ours_ms = percentile(ours.first_s, share) * 1000
            figures.append(Figure(f"{name}: first packet, {label}, ms", ours_ms, theirs_ms, aim, reached))
        gaps = ours.gap_percent()
        aim = f"under {GAPS_PERCENT:g} %"
        bare = theirs.gap_percent() if theirs.gaps else None
        figures.append(Figure(f"{name}: gaps, %", gaps, bare, aim, gaps < GAPS_PERCENT))
    notes = [f"{PAGES.count(scale)} pages of {PAGE_S.at(scale):g} s each, in turns"]
    missed = [f"{name}: {PAGES.count(scale) - len(theirs.first_s)}" for name, (_, theirs) in results.items()]
    notes.append(f"pages of which the baseline was not heard: {', '.join(missed)}" if player else "ffplay is missing")
    return Result(
        "page_to_sound", "first packet of a page to sound at the sink", "ffplay (Debian)", tuple(figures), tuple(notes)
    )


async def page_idle(scale: Scale) -> Result:
    """Processor time of idle listeners."""
    figures = []
    async with AsyncExitStack() as running:
        _, _, server = _hosts(running)
        door = await running.enter_async_context(Stack(document(1), Options(env=server.env)))
        for count in (1, 32):
            if count > 1:
                await door.apply(document(count))
            await asyncio.sleep(1.0)
            ours = await _used(door.process("multicast"), IDLE_S.at(scale))
            words = [sys.executable, "-m", "bench.bare_page", str(count)]
            with Process(words, log=door.folder / "bare.log", env={**os.environ, **server.env}) as bare:
                await asyncio.sleep(2.0)
                theirs = await _used(psutil.Process(bare.pid), IDLE_S.at(scale))
            figures.append(Figure(f"{count} listener{'s' * (count > 1)}, % of a processor", ours, theirs))
    return Result(
        "page_idle",
        "processor time of idle listeners, their loudspeaker open",
        "a bare program with as many sockets, that plays silence by miniaudio",
        tuple(figures),
        (f"over {IDLE_S.at(scale):g} s each",),
    )


def document(listeners: int) -> str:
    """Returns a door with so many listeners, the first at `PORT`."""
    each = (f'{{label: l{index}, address: "{GROUP}:{PORT + 2 * index}"}}' for index in range(listeners))
    return DOCUMENT.format(listeners=", ".join(each))


def _hosts(running: AsyncExitStack) -> tuple[Host, Host, SoundServer]:
    hosts = running.enter_context(ExitStack())
    try:
        here, there = hosts.enter_context(Namespaces(2))
        hosts.enter_context(here.entered())
        folder = Path(tempfile.mkdtemp(prefix="doorbus-pa-"))
        hosts.callback(shutil.rmtree, folder, ignore_errors=True)
        return here, there, hosts.enter_context(SoundServer(folder))
    except unittest.SkipTest as reason:
        raise UnavailableError(str(reason)) from None


async def _page(
    door: Stack, there: Host, server: SoundServer, network: Network, number: int, seconds: float, heard: Heard
) -> None:
    with server.listen() as ear:
        begun = len(door.told("page.ended"))
        await _send(there, ear, network, number, seconds, heard)
        await eventually(lambda: len(door.told("page.ended")) > begun, what="the page is over")


async def _page_bare(
    player: str,
    here: Host,
    there: Host,
    server: SoundServer,
    network: Network,
    number: int,
    seconds: float,
    heard: Heard,
) -> None:
    with tempfile.TemporaryDirectory(prefix="doorbus-bare-") as name, server.listen() as ear:
        folder = Path(name)
        (folder / "page.sdp").write_text(SDP.format(group=GROUP, port=PORT))
        words = ["-nodisp", "-loglevel", "error", "-fflags", "nobuffer", "-flags", "low_delay", "-probesize", "32"]
        words += ["-analyzeduration", "0", "-protocol_whitelist", "file,rtp,udp", "-i", str(folder / "page.sdp")]
        env = {**server.env, "SDL_AUDIODRIVER": "pulseaudio", "HOME": name, "PATH": "/usr/bin:/bin"}
        with Process([player, *words], log=folder / "log", env=env):
            await asyncio.sleep(1.5)  # until it listens, which it tells nobody
            await _send(there, ear, network, number, seconds, heard)


async def _send(there: Host, ear: Listener, network: Network, number: int, seconds: float, heard: Heard) -> None:
    await eventually(lambda: _is_quiet(ear), what="the sink is quiet")
    lossy = Network(network.loss, network.jitter_ms, network.in_order, seed=number)
    with PageSender(GROUP, PORT, host=there, hz=HZ, level=LEVEL, network=lossy, seconds=seconds) as page:
        end = page.first_at + seconds
        await asyncio.sleep(max(0.0, end - time.monotonic()))
        onset = ear.onset(page.first_at)
        deadline = time.monotonic() + WAIT_S
        while onset is None and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            onset = ear.onset(page.first_at)
    if onset is None:
        heard.gaps.append(1.0)
        return
    heard.first_s.append(onset - page.first_at)
    levels = window_levels(ear.heard(onset, end), RATE, HZ)
    loud = np.flatnonzero(levels > LEVEL / 2)
    heard.gaps.append(float(np.mean(levels[loud[0] : loud[-1] + 1] < LEVEL / 2)) if len(loud) else 1.0)


def _is_quiet(ear: Listener) -> bool:
    """Tells whether nothing was heard for a while: players have a tail."""
    last = ear.heard(time.monotonic() - QUIET_S)
    return len(last) > RATE * QUIET_S / 2 and not np.any(last)


async def _used(process: psutil.Process, seconds: float) -> float:
    before, began = process.cpu_times(), time.monotonic()
    await asyncio.sleep(seconds)
    after = process.cpu_times()
    spent = after.user + after.system - before.user - before.system
    return 100 * spent / (time.monotonic() - began)
