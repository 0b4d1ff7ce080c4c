"""The rows page.barge_over and page.barge_under with everything real: RTP multicast, sound, and a phone of Debian's.

The door lives in a network namespace, baresip and the sender of the page in another one. Sip and multicast share the
sink of a real PulseAudio, where the test listens; what it plays into the microphone, baresip hears.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from tests.features.doors import document, idle, press, stays

from doorbus_testkit.baresip import Baresip
from doorbus_testkit.listener import Listener
from doorbus_testkit.netns import Host, Namespaces
from doorbus_testkit.page_sender import PageSender
from doorbus_testkit.peers import require_program
from doorbus_testkit.polling import eventually
from doorbus_testkit.sound_server import MICROPHONE, SoundServer
from doorbus_testkit.stack import Options, Stack
from doorbus_testkit.tones import AUDIBLE, WINDOW_S, read_wav, window_levels

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.netns]

DOOR_HZ, PHONE_HZ, PAGE_HZ = 1500, 1000, 700
GROUP, FIRE, NEWS = "239.77.1.2", 5004, 5006
QUIET_BIT_S, TALK_BIT_S = 20_000, 50_000
"""A call has 64,000; on hold hardly anything comes."""
MOMENT_S = 0.5
LISTENERS = [{"label": "fire", "address": f"{GROUP}:{FIRE}"}, {"label": "news", "address": f"{GROUP}:{NEWS}"}]


@dataclass(frozen=True)
class Place:
    """The running door, where the phone and the sender live, and an ear at the loudspeaker."""

    door: Stack
    here: Host
    there: Host
    ear: Listener

    def hears_call(self) -> bool:
        """Whether the phone's tone was at the loudspeaker within the last moments."""
        return self._level(PHONE_HZ) >= AUDIBLE

    def hears_page(self) -> bool:
        """Whether the page's tone was."""
        return self._level(PAGE_HZ) >= AUDIBLE

    def _level(self, hz: float) -> float:
        return self.ear.tone_level(hz, time.monotonic() - MOMENT_S)


def _at_phone_s(phone: Baresip) -> float:
    """Seconds of the door's tone that baresip has recorded."""
    samples, rate = read_wav(phone.heard)
    return float((window_levels(samples, rate, DOOR_HZ) >= AUDIBLE).sum() * WINDOW_S)


def _received_bit_s(phone: Baresip) -> int:
    """What baresip says that it gets now; version 1.0 ends its recording at a re-INVITE."""
    rates = re.findall(r"audio=([0-9]+)/", phone.log_text())
    return int(rates[-1]) if rates else 0


def _text(here: Host, there: Host, barge: int = 1, *, priority_active: bool = True) -> str:
    """Returns the document: the button calls the phone."""
    multicast = {"interface": "eth0", "barge": barge, "priority_active": priority_active, "listeners": LISTENERS}
    uri = f"sip:phone@{there.address}"
    text = document([uri], audio={"backend": "device"}, host=here.address, allow="10.77.0.0/24")
    return f"{text}multicast: {json.dumps(multicast)}\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place() -> AsyncIterator[Place]:
    """A door in one namespace, which the test's thread enters, with somebody at the microphone."""
    require_program("baresip")
    with (
        tempfile.TemporaryDirectory(prefix="db-") as folder,
        SoundServer(Path(folder)) as server,
        Namespaces(2) as (here, there),
        here.entered(),
        server.listen() as ear,
    ):
        assert server.control("load-module", "module-sine", f"sink={MICROPHONE}", f"frequency={DOOR_HZ}").strip()
        async with Stack(_text(here, there), Options(env=server.env)) as door:
            yield Place(door, here, there, ear)


@pytest.mark.feature("page.barge_over")
async def test_a_page_silences_a_call_with_baresip(place: Place) -> None:
    """The page is heard, the call is not, either way; baresip's call is back afterwards, and hangs up in order."""
    door = place.door
    async with Baresip(place.there, "phone", auto_answer=True, hz=PHONE_HZ) as phone:
        await press(door)
        await phone.wait_for("answered")
        await eventually(place.hears_call, what="the door hears the phone")
        await eventually(lambda: _at_phone_s(phone) > 0.5, what="the phone hears the door")
        with PageSender(GROUP, FIRE, host=place.there, hz=PAGE_HZ):
            page = await door.event("page.started")
            assert page.data["outranks_calls"] is True
            await door.event("call.held", by="local")
            await eventually(lambda: place.hears_page() and not place.hears_call(), what="the page alone is heard")
            await eventually(lambda: _received_bit_s(phone) < QUIET_BIT_S, what="the phone gets no sound")
            phone_s = _at_phone_s(phone)
            await stays(lambda: place.hears_page() and not place.hears_call(), what="the page alone is heard")
            assert _at_phone_s(phone) == phone_s
        assert (await door.event("page.ended")).data["reason"] == "silence"
        await door.event("call.resumed", by="local")
        await eventually(place.hears_call, what="the door hears the phone again")
        await eventually(lambda: _received_bit_s(phone) > TALK_BIT_S, what="the phone gets the door's sound again")
        await phone.hangup()
        assert (await door.event("call.ended")).data["reason"] == "remote_hangup"
    await idle(door)


@pytest.mark.feature("page.barge_under")
@pytest.mark.parametrize("why", ["past barge", "barge 0", "priority off"])
async def test_a_page_under_the_call_waits_for_its_end(place: Place, why: str) -> None:
    """It is suppressed and told so once, the call goes on unharmed; still sending when the call ends, it starts."""
    door = place.door
    barge = 0 if why == "barge 0" else 1
    await door.apply(_text(place.here, place.there, barge, priority_active=why != "priority off"))
    door.events.clear()
    async with Baresip(place.there, "phone", auto_answer=True, hz=PHONE_HZ) as phone:
        await press(door)
        await phone.wait_for("answered")
        await eventually(place.hears_call, what="the door hears the phone")
        with PageSender(GROUP, NEWS if why == "past barge" else FIRE, host=place.there, hz=PAGE_HZ):
            assert (await door.event("page.suppressed")).data["because"] == "call"
            await stays(lambda: place.hears_call() and not place.hears_page(), what="the call alone is heard")
            assert door.told("call.held") == []
            assert len({told.headers["ce-id"] for told in door.told("page.suppressed")}) == 1  # the bus may repeat it
            await phone.hangup()
            await door.event("call.ended")
            assert (await door.event("page.started")).data["outranks_calls"] is False
            await eventually(place.hears_page, what="the page is heard")
        await door.event("page.ended")
    await idle(door)
