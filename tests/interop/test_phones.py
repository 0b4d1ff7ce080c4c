"""Phones that nobody here wrote, registered at a server that nobody here wrote, call the door and are called by it.

The door, Debian's Kamailio and each phone live in network namespaces of their own. The test's thread stays in the
door's: what it starts and connects to there (`doorbus up`, the bus) is in it too. Each phone gets a number of its own,
so that the server's memory of one test does not reach the next.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import pytest
import pytest_asyncio
from tests.features.conftest import FAILED
from tests.features.doors import CODE, ENV, GATE, document, idle, press

from doorbus_testkit.baresip import Baresip
from doorbus_testkit.foreign import ForeignPhone
from doorbus_testkit.kamailio import Kamailio
from doorbus_testkit.linphone import Linphone
from doorbus_testkit.netns import Host, Namespaces
from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Options, Stack
from doorbus_testkit.tones import tone_share, write_tone

pytestmark = [pytest.mark.netns, pytest.mark.asyncio(loop_scope="module")]

DOOR_HZ, PHONE_HZ = 1500, 1000
AUDIBLE = 0.1
"""A third of the amplitude that both sides play."""
PASSWORD = "only-for-the-door-4711"
NUMBERS = [str(number) for number in range(101, 141)]

Kind = Literal["baresip", "linphone", "linphone by INFO"]
KINDS: tuple[Kind, ...] = ("baresip", "linphone")


@dataclass
class Place:
    """The running door, the server, and where the phones live.

    Attributes:
        record: what the door hears, a file for each test.
        numbers: numbers that no phone has had yet.
    """

    door: Stack
    server: Kamailio
    hosts: tuple[Host, ...]
    play: Path
    record: Path
    numbers: Iterator[str] = field(default_factory=lambda: iter(NUMBERS))
    serial: Iterator[int] = field(default_factory=itertools.count)

    async def configure(self, *phones: ForeignPhone, account: str = "pbx") -> None:
        """Applies a document that answers the account's calls, and whose button calls these phones on `account`."""
        self.record = self.play.with_name(f"record{next(self.serial)}.wav")
        rules: dict[str, Any] = {
            "auto_answer": {"sip": {"enabled": True}},
            "unlock_codes": [{"code": {"env": "DOORBUS_SECRET_GATE"}, "relay": "gate"}],
            "hang_up_after_unlock": {"methods": []},
        }
        numbers = [phone.name for phone in phones]
        await self.door.apply(_text(numbers, self.server, self.play, self.record, rules, account))


def _text(
    numbers: list[str], server: Kamailio, play: Path, record: Path, calls: dict[str, Any], account: str = "pbx"
) -> str:
    known = {"aor": server.aor("door"), "password": {"env": "DOORBUS_SECRET_PBX"}}
    accounts = [{"id": "pbx", "registrar": server.uri, **known}]
    if account != "pbx":
        accounts.append({"id": account, "srtp": "mandatory", **known})
    return document(
        numbers,
        calls=calls,
        call={"account": account},
        accounts=accounts,
        audio={"backend": "file", "play": str(play), "record": str(record)},
        host="0.0.0.0",
        allow="127.0.0.0/8",
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """The file's door, registered at the file's server."""
    folder = tmp_path_factory.mktemp("phones")
    play = folder / "play.wav"
    write_tone(play, DOOR_HZ, 120, 8000)
    with Namespaces(4) as (here, there, *others), here.entered():
        users = {"door": PASSWORD} | {number: f"secret-{number}" for number in NUMBERS}
        async with Kamailio(users, host=there.address, port=5060, prefix=there.prefix) as server:
            record = folder / "record.wav"
            options = Options(env={**ENV, "DOORBUS_SECRET_PBX": PASSWORD})
            async with Stack(_text([], server, play, record, {}), options) as door:
                await eventually(lambda: len(server.of("REGISTER", "door")) >= 2, what="the door registers")
                yield Place(door, server, tuple(others), play, record)


@pytest_asyncio.fixture(loop_scope="module")
async def place(running: Place) -> AsyncIterator[Place]:
    """The file's place, the door idle and what it has told since the test's begin."""
    await idle(running.door)
    running.door.events.clear()
    yield running
    await idle(running.door)


class NewPhone(Protocol):
    """Starts a phone that is registered, and that ends with the test."""

    async def __call__(self, kind: Kind, *, host: int = 0, srtp: bool = False) -> ForeignPhone:
        """Returns the phone, with a number that no other has had."""
        ...


@pytest_asyncio.fixture(loop_scope="module")
async def phone(place: Place, request: pytest.FixtureRequest) -> AsyncIterator[NewPhone]:
    """Starts phones. A failed test shows what they said last."""
    opened: list[ForeignPhone] = []
    async with AsyncExitStack() as phones:

        async def new(kind: Kind, *, host: int = 0, srtp: bool = False) -> ForeignPhone:
            opened.append(await phones.enter_async_context(_phone(place, kind, place.hosts[host], srtp)))
            return opened[-1]

        yield new
        await idle(place.door)
        if request.node.stash.get(FAILED, False):
            place.door.print_logs()
            for each in opened:
                print(f"--- {each.uri}\n{each.sip_text()[-8000:]}")  # noqa: T201  # captured by pytest


def _phone(place: Place, kind: Kind, host: Host, srtp: bool) -> ForeignPhone:
    number, registrar = next(place.numbers), f"{place.server.host}:{place.server.port}"
    password = f"secret-{number}"
    if kind == "baresip":
        return Baresip(host, number, hz=PHONE_HZ, registrar=registrar, password=password, srtp=srtp)
    dtmf: Literal["info", "rfc4733"] = "info" if kind == "linphone by INFO" else "rfc4733"
    return Linphone(host, number, hz=PHONE_HZ, registrar=registrar, password=password, dtmf=dtmf, srtp=srtp)


async def _hear_each_other(place: Place, phone: ForeignPhone) -> None:
    """Measures each side's tone in the other's recording, and that nobody hears himself."""
    await eventually(lambda: tone_share(phone.heard, DOOR_HZ, AUDIBLE) > 0.2, what="the phone hears the door")
    await eventually(lambda: tone_share(place.record, PHONE_HZ, AUDIBLE) > 0.2, what="the door hears the phone")
    assert tone_share(phone.heard, PHONE_HZ) < 0.1
    assert tone_share(place.record, DOOR_HZ) < 0.1


@pytest.mark.parametrize(
    ("kind", "method"), [("baresip", "rfc4733"), ("linphone", "rfc4733"), ("linphone by INFO", "info_relay")]
)
async def test_a_press_rings_the_phone_which_opens_the_door(
    place: Place, phone: NewPhone, kind: Kind, method: str
) -> None:
    """A press rings the registered phone through the server; picked up, both talk, its code opens, it hangs up."""
    door = place.door
    peer = await phone(kind)
    await place.configure(peer)
    await press(door)
    await peer.wait_for("incoming")
    await door.event("leg.ringing")
    assert not door.told("call.answered")
    await peer.accept()
    assert (await door.event("call.answered")).data["direction"] == "outgoing"
    await peer.wait_for("answered")
    await _hear_each_other(place, peer)
    await peer.send_digits(CODE)
    await door.chip.wait_level(GATE, 1)
    unlocked = await door.event("door.unlocked")
    assert (unlocked.data["relay"], unlocked.data["method"]) == ("gate", "dtmf")
    assert {told.data["method"] for told in door.told("call.dtmf_received")} == {method}
    await peer.hangup()
    assert (await door.event("call.ended")).data["reason"] == "remote_hangup"
    await peer.wait_for("ended")
    assert any(request.uri.startswith(f"sip:{peer.name}@") for request in place.server.of("INVITE", "door"))


@pytest.mark.parametrize("kind", KINDS)
async def test_the_phone_calls_the_door(place: Place, phone: NewPhone, kind: Kind) -> None:
    """The phone calls the door's account: it is answered by itself, both talk, the phone holds, the door hangs up."""
    door = place.door
    peer = await phone(kind)
    await place.configure()
    await peer.dial(place.server.aor("door"))
    incoming = (await door.event("call.incoming")).data
    assert (incoming["account"], incoming["decision"]) == ("pbx", "answer")
    assert f"sip:{peer.name}@" in incoming["caller_uri"]
    await peer.wait_for("answered")
    await _hear_each_other(place, peer)
    await peer.hold()
    assert (await door.event("call.held")).data["by"] == "remote"
    await peer.resume()
    await door.event("call.resumed", by="remote")
    assert (await door.wish("hangup"))["ok"]
    await peer.wait_for("ended")
    assert (await door.event("call.ended")).data["reason"] == "local_hangup"


@pytest.mark.parametrize("first", KINDS)
async def test_the_first_of_a_group_gets_the_call(place: Place, phone: NewPhone, first: Kind) -> None:
    """Two different phones ring; the first answer wins, the other stops ringing and hears why."""
    door = place.door
    second: Kind = "linphone" if first == "baresip" else "baresip"
    winner, loser = await phone(first), await phone(second, host=1)
    await place.configure(winner, loser)
    await press(door)
    await winner.wait_for("incoming")
    await loser.wait_for("incoming")
    await eventually(lambda: len(door.told("leg.ringing")) == 2, what="both legs ring")
    await winner.accept()
    await loser.wait_for("ended")
    await door.event("call.answered")
    await _hear_each_other(place, winner)
    cancels = [one for one in place.server.of("CANCEL", "door") if one.uri.startswith(f"sip:{loser.name}@")]
    assert {"".join(one.reason.split()) for one in cancels} == {'SIP;cause=200;text="Callcompletedelsewhere"'}
    assert not loser.of("answered")
    assert not winner.of("ended")
    await winner.hangup()
    assert (await door.event("call.ended")).data["reason"] == "remote_hangup"


@pytest.mark.parametrize("kind", KINDS)
async def test_do_not_disturb_refuses_the_phone(place: Place, phone: NewPhone, kind: Kind) -> None:
    """With DND on the phone gets 486 through the server, and the door does not ring; with DND off it is answered."""
    door = place.door
    peer = await phone(kind)
    await place.configure()
    assert (await door.wish("dnd", enabled=True))["ok"]
    await door.event("dnd.changed", enabled=True)
    await peer.dial(place.server.aor("door"))
    await peer.wait_for("ended")
    ended = (await door.event("call.ended")).data
    assert (ended["reason"], ended["code"]) == ("dnd", 486)
    assert not peer.of("ringing")
    assert "486 Busy Here" in peer.sip_text()
    assert (await door.wish("dnd", enabled=False))["ok"]
    await door.event("dnd.changed", enabled=False)
    await peer.dial(place.server.aor("door"))
    await peer.wait_for("answered")
    await peer.hangup()
    await door.event("call.ended", reason="remote_hangup")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_phone_that_is_hung_up_on_while_ringing(place: Place, phone: NewPhone, kind: Kind) -> None:
    """The door gives up while the phone rings: the phone stops, and the next press rings it again."""
    door = place.door
    peer = await phone(kind)
    await place.configure(peer)
    for count in (1, 2):
        await press(door)
        await peer.wait_for("incoming", count=count)
        await eventually(lambda: len(door.told("leg.ringing")) == count, what="the leg rings")  # noqa: B023
        assert (await door.wish("hangup"))["ok"]
        await peer.wait_for("ended", count=count)
        await idle(door)
    assert not peer.of("answered")
    assert [told.data["reason"] for told in door.told("call.ended")] == ["local_hangup"] * 2


@pytest.mark.parametrize("kind", KINDS)
async def test_speech_is_encrypted_with_the_phone(place: Place, phone: NewPhone, kind: Kind) -> None:
    """An account that wants SRTP calls a phone that wants it too: both agree on RTP/SAVP and understand each other."""
    door = place.door
    peer = await phone(kind, srtp=True)
    await place.configure(peer, account="secure")
    await press(door)
    await peer.wait_for("incoming")
    await peer.accept()
    assert (await door.event("call.answered")).data["direction"] == "outgoing"
    await _hear_each_other(place, peer)
    assert set(re.findall(r"m=audio \d+ (\S+)", peer.sip_text())) == {"RTP/SAVP"}
    await peer.hangup()
    assert (await door.event("call.ended")).data["reason"] == "remote_hangup"


async def test_a_phone_without_encryption_is_not_spoken_to_in_the_clear(place: Place, phone: NewPhone) -> None:
    """An account that wants SRTP calls a phone that cannot: the phone refuses the offer, and nobody talks."""
    door = place.door
    peer = await phone("baresip")  # linphone takes an encrypted offer whatever its setting
    await place.configure(peer, account="secure")
    await press(door)
    failed = await door.event("leg.failed")
    assert failed.data["code"] in (415, 488)
    assert (await door.event("call.ended")).data["reason"] == "no_route"
    assert not peer.of("answered")
