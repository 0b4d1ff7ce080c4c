"""A phone that nobody here wrote: Debian's baresip, in a network namespace, calls the door and is called by it.

baresip refuses loopback addresses, so the whole door runs in a namespace of its own too. The test's thread enters it:
what the test starts and connects to there (`doorbus up`, the bus) is in the door's namespace.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.features.doors import CODE, ENV, GATE, document, press

from doorbus_testkit.baresip import Baresip
from doorbus_testkit.netns import Host, Namespaces
from doorbus_testkit.peers import require_program
from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Options, Stack
from doorbus_testkit.tones import tone_share, write_tone

pytestmark = pytest.mark.netns

DOOR_HZ, PHONE_HZ = 1500, 1000
AUDIBLE = 0.1
"""A third of the amplitude that both sides play."""


@dataclass(frozen=True)
class Place:
    """The running door, its address, and where the phone lives."""

    door: Stack
    uri: str
    phone_host: Host
    record: Path


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """A door in one namespace, playing a tone and recording what it hears; another namespace for the phone."""
    require_program("baresip")
    play, record = tmp_path / "play.wav", tmp_path / "record.wav"
    write_tone(play, DOOR_HZ, 120, 8000)
    with Namespaces(2) as (here, there), here.entered():
        text = document(
            [f"sip:phone@{there.address}"],
            calls={
                "auto_answer": {"ip": {"enabled": True}},
                "unlock_codes": [{"code": {"env": "DOORBUS_SECRET_GATE"}, "relay": "gate"}],
                "hang_up_after_unlock": {"methods": ["dtmf"], "timeout_s": 0.5},
            },
            audio={"backend": "file", "play": str(play), "record": str(record)},
            host=here.address,
            allow="10.77.0.0/24",
        )
        async with Stack(text, Options(env=ENV)) as door:
            yield Place(door, f"sip:door@{here.address}:{door.sip_port}", there, record)


async def _hear_each_other(place: Place, phone: Baresip) -> None:
    """Measures each side's tone in the other's recording, and that nobody hears himself."""
    await eventually(lambda: tone_share(phone.heard, DOOR_HZ, AUDIBLE) > 0.2, what="baresip hears the door")
    await eventually(lambda: tone_share(place.record, PHONE_HZ, AUDIBLE) > 0.2, what="the door hears baresip")
    assert tone_share(phone.heard, PHONE_HZ) < 0.1
    assert tone_share(place.record, DOOR_HZ) < 0.1


async def test_baresip_calls_the_door_talks_and_hangs_up(place: Place) -> None:
    """An incoming call from baresip is answered by itself, has audio both ways, and ends by baresip's BYE."""
    async with Baresip(place.phone_host, "phone", hz=PHONE_HZ) as phone:
        await phone.dial(place.uri)
        await phone.wait_for("answered")
        answered = await place.door.event("call.answered")
        assert answered.data["direction"] == "incoming"
        await _hear_each_other(place, phone)
        await phone.hangup()
        assert (await place.door.event("call.ended")).data["reason"] == "remote_hangup"


async def test_a_press_calls_baresip_which_opens_the_door(place: Place) -> None:
    """A press rings baresip; picked up, both hear each other; its digits energise the relay, and the door hangs up."""
    door = place.door
    async with Baresip(place.phone_host, "phone", hz=PHONE_HZ) as phone:
        await press(door)
        await phone.wait_for("incoming")
        await door.event("leg.ringing")
        await phone.accept()
        await phone.wait_for("answered")
        assert (await door.event("call.answered")).data["direction"] == "outgoing"
        await _hear_each_other(place, phone)
        await phone.send_digits(CODE)
        await door.chip.wait_level(GATE, 1)
        unlocked = await door.event("door.unlocked")
        assert (unlocked.data["relay"], unlocked.data["method"]) == ("gate", "dtmf")
        await phone.wait_for("ended")
        assert (await door.event("call.ended")).data["reason"] == "unlocked"
        assert "BYE sip:" in phone.log_text()
        await door.chip.wait_level(GATE, 0)
