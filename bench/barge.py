"""A page that outranks calls barges into one: until the call is silent and the page audible, at a real sound server.

Rules
- The door, its phone and the sender of the page live in one network namespace; the page is real RTP multicast. The call
  and the page are tones of different pitch, heard at the monitor of the one sink that sip and multicast share.
- Times begin with the page's first packet. A tone is audible in 10 ms windows, looked at each 2 ms.
- The baseline is one program that holds its pjsua2 call on the first packet (`bench.bare_hold`); it plays nothing, so
  only the hold on the wire is compared.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import time
import unittest
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.bare import Bare
from bench.bare_hold import GROUP
from bench.doors import document
from bench.figures import Figure, Result, UnavailableError, latencies, percentile
from bench.scale import Amount, Scale
from doorbus_testkit.behaviour import Answer
from doorbus_testkit.listener import RATE, Listener
from doorbus_testkit.netns import Namespaces
from doorbus_testkit.page_sender import PageSender
from doorbus_testkit.polling import eventually
from doorbus_testkit.sound_server import SoundServer
from doorbus_testkit.stack import Options, Stack
from doorbus_testkit.tones import AUDIBLE
from doorbus_testkit.wire import WirePhone
from doorbus_testkit.wire_call import WireCall

ROUNDS = Amount(30, 8, 1)
CALL_HZ, PAGE_HZ = 1000.0, 2500.0
FIRE, BARE = 5004, 5006
WINDOW, HOP = RATE // 100, RATE // 500
BEFORE_S, AFTER_S = 0.3, 0.5
AIM_MS = 120.0
LINE = 0


@dataclass(frozen=True)
class Barge:
    """Seconds from a page's first packet."""

    held: float
    silent: float
    audible: float


async def page_barge(scale: Scale) -> Result:
    """First packet of a page to the call silent, the page audible, the hold on the wire."""
    try:
        return await _measure(ROUNDS.count(scale))
    except unittest.SkipTest as missing:
        raise UnavailableError(str(missing)) from None


async def _measure(rounds: int) -> Result:
    multicast = {
        "interface": "eth0",
        "barge": 1,
        "listeners": [{"label": "fire", "address": f"{GROUP}:{FIRE}"}],
    }
    async with contextlib.AsyncExitStack() as running:
        (here,) = running.enter_context(Namespaces(1))
        running.enter_context(here.entered())
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="db-")))
        server = running.enter_context(SoundServer(folder))
        listener = running.enter_context(server.listen())
        phone = await running.enter_async_context(WirePhone(Answer(), rtp=True))
        text = document(phones=[phone.uri]).replace("audio: {backend: none}", "audio: {backend: device}")
        stack = await running.enter_async_context(
            Stack(f"{text}multicast: {json.dumps(multicast)}\n", Options(env=server.env))
        )
        door = await _of_door(stack, phone, listener, rounds)
        bare = await _of_bare(rounds)
    held, silent, audible = ([getattr(each, name) for each in door] for name in ("held", "silent", "audible"))
    done_ms = percentile([max(each.silent, each.audible) for each in door], 0.5) * 1000
    return Result(
        "page_barge",
        "a page's first packet to the call silent and the page audible, at PulseAudio's null sink",
        "one pjsua2 program that holds its call on the first packet, without sound: the hold alone is compared",
        (
            *latencies("to a=sendonly on the wire", held, bare),
            Figure("to the call silent at the sink, p50, ms", percentile(silent, 0.5) * 1000),
            Figure("to the page audible at the sink, p50, ms", percentile(audible, 0.5) * 1000),
            Figure("to both at the sink, p50, ms", done_ms, None, f"at most {AIM_MS:g} ms", done_ms <= AIM_MS),
        ),
        (f"{rounds} pages each", f"slowest to both {max(max(e.silent, e.audible) for e in door) * 1000:.0f} ms"),
    )


async def _of_door(stack: Stack, phone: WirePhone, listener: Listener, rounds: int) -> list[Barge]:
    await stack.chip.press(LINE)
    call = await phone.wait_call()
    await stack.event("call.answered")
    call.send_audio(CALL_HZ)
    taken = []
    for _ in range(rounds):
        await eventually(lambda: _heard(listener) > AUDIBLE, what="the call is heard")
        seen = len(phone.records)
        with PageSender(GROUP, FIRE, hz=PAGE_HZ) as page:
            held = await _hold(phone, seen) - page.first_at
            await asyncio.sleep(AFTER_S)
            silent, audible = _at_sink(listener, page.first_at)
        taken.append(Barge(held, silent, audible))
        await _resumed(call)
    return taken


async def _of_bare(rounds: int) -> list[float]:
    taken = []
    with Bare("bench.bare_hold", str(BARE)) as bare:
        async with WirePhone(rtp=True) as phone:
            call = await phone.invite(f"sip:bare@127.0.0.1:{bare.ready}")
            await call.wait("answered")
            call.send_audio(CALL_HZ)
            for _ in range(rounds):
                await asyncio.sleep(AFTER_S)
                seen = len(phone.records)
                with PageSender(GROUP, BARE, hz=PAGE_HZ) as page:
                    taken.append(await _hold(phone, seen) - page.first_at)
                await _resumed(call)
            call.bye()
    return taken


async def _hold(phone: WirePhone, seen: int) -> float:
    """Returns when the re-INVITE arrived that holds."""

    def first() -> float | None:
        new = phone.records[seen:]
        return next((each.at for each in new if each.incoming and b"a=sendonly" in each.message.body), None)

    return await eventually(first, 10.0, 0.005, "the hold")


async def _resumed(call: WireCall) -> None:
    def is_so() -> bool:
        return call.remote_audio is not None and call.remote_audio.direction == "sendrecv"

    await eventually(is_so, 10.0, 0.01, "the end of the hold")


def _heard(listener: Listener) -> float:
    return listener.tone_level(CALL_HZ, time.monotonic() - BEFORE_S)


def _at_sink(listener: Listener, began: float) -> tuple[float, float]:
    """Returns when the call was heard last, and the page first, in seconds after `began`."""
    first, samples = listener.timed(began - BEFORE_S)
    windows = np.lib.stride_tricks.sliding_window_view(samples / np.float32(32768), WINDOW)[::HOP]
    times = first + (np.arange(len(windows)) * HOP) / RATE - began
    call, page = (_amplitudes(windows, hz) >= AUDIBLE for hz in (CALL_HZ, PAGE_HZ))
    heard = np.flatnonzero(call)
    begun = np.flatnonzero(page & (times > 0))
    if not len(heard) or not len(begun):
        raise RuntimeError("the call or the page was not heard at the sink")
    return float(times[heard[-1]]) + WINDOW / RATE / 2, float(times[begun[0]]) + WINDOW / RATE / 2


def _amplitudes(windows: npt.NDArray[np.floating], hz: float) -> npt.NDArray[np.floating]:
    """Returns the amplitude of a frequency in each window."""
    wave = np.exp(-2j * np.pi * hz * np.arange(WINDOW) / RATE)
    return np.asarray(np.abs(windows @ wave) * 2 / WINDOW)
