"""Rows sip.register and sip.match: the door at its registrars, and whose an INVITE is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from tests.features.doors import NOTICE_S, document, idle, show, statuses, stays

from doorbus_testkit.kamailio import Kamailio
from doorbus_testkit.polling import eventually
from doorbus_testkit.registrar import Registrar
from doorbus_testkit.sip_message import SipMessage, response_to
from doorbus_testkit.stack import Options, Stack
from doorbus_testkit.wire import WirePhone

PASSWORD = "only-for-the-door-4711"
ENV = {"DOORBUS_SECRET_PBX": PASSWORD}
SERVER, SCRIPTED, SECOND = "127.0.0.3", "127.0.0.4", "127.0.0.5"
TRUSTED, PROXY, DIRECT, STRANGER = "127.0.0.6", "127.0.0.7", "127.0.0.8", "127.0.0.9"
LEAST_S = 90
RETURN_S = 30.0
"""What the row grants a door to register again after its server's return."""


def account(name: str, aor: str, registrar: str | None, **fields: object) -> dict[str, Any]:
    """Returns an account with the door's password."""
    password = {"env": "DOORBUS_SECRET_PBX"}
    return {"id": name, "aor": aor, "registrar": registrar, "username": "door", "password": password, **fields}


async def registered(door: Stack, *accounts: str, within_s: float = 15.0) -> None:
    """Waits until the door's state says that exactly these of its accounts are registered."""

    async def are() -> bool:
        state = await door.state("sip")
        return bool(state) and {one["account"] for one in state["accounts"] if one["registered"]} == set(accounts)

    await eventually(are, within_s, what=f"{accounts} are registered, and no others")


@pytest.mark.feature("sip.register")
async def test_several_accounts_register_and_take_themselves_back() -> None:
    """One account registers by MD5 and obeys a 423, another by SHA-256; the door's orderly stop takes both back."""
    async with (
        Kamailio({"door": PASSWORD}, host=SERVER, min_expires_s=LEAST_S) as server,
        WirePhone(user="server", host=SCRIPTED) as scripted,
    ):
        registrar = Registrar(scripted, {"door": PASSWORD}, algorithm="SHA-256")
        accounts = (
            account("pbx", server.aor("door"), server.uri, expires_s=60),
            account("office", f"sip:door@{SCRIPTED}", f"sip:{SCRIPTED}:{scripted.port}"),
        )
        async with Stack(document(accounts=accounts), Options(env=ENV)) as door:
            await registered(door, "pbx", "office")
            asked = [request.expires for request in server.of("REGISTER")]
            assert asked[0] == 60
            assert asked[-1] == LEAST_S
            assert registrar.bindings.keys() == {"door"}
            assert PASSWORD not in door.log_of("sip")
        await eventually(lambda: server.of("REGISTER")[-1].expires == 0, what="the first is taken back")
        assert registrar.bindings == {}


@pytest.mark.timeout(300)  # a request that nobody answers is over after 32 s (RFC 3261, timer F)
@pytest.mark.feature("sip.register")
async def test_registers_again_after_the_servers_return() -> None:
    """A server that lost its bindings in a restart has the door back within 30 s, and one that was long away too."""
    async with Kamailio({"door": PASSWORD}, host=SERVER) as server:
        accounts = (account("pbx", server.aor("door"), server.uri, expires_s=3600),)
        async with Stack(document(accounts=accounts), Options(env=ENV)) as door:
            await registered(door, "pbx")
            await server.stop()
            await _returns(server, "a short restart")
            assert door.told("account.failed") == []
            await server.stop()
            failed = await door.event("account.failed", 70, account="pbx")
            assert failed.data["code"] in (408, 503)
            await registered(door)
            await _returns(server, "a long absence")
            await door.event("account.registered", account="pbx", since=failed.at)


async def _returns(server: Kamailio, what: str) -> None:
    """Starts a server again and measures how long the door's REGISTER with a digest takes."""
    enough = len(server.of("REGISTER", "door")) + 2
    await server.start()
    at = time.monotonic()
    await eventually(lambda: len(server.of("REGISTER", "door")) >= enough, RETURN_S, what="the door registers again")
    show(f"registered again after {what}", time.monotonic() - at)


@dataclass(frozen=True)
class Place:
    """A door with an account at a server and one at a proxy, and a server that answers from another address."""

    door: Stack
    server: Kamailio


@asynccontextmanager
async def scripted_registrar() -> AsyncIterator[str]:
    """Runs a registrar that is asked at one address and answers from another; yields its URI."""
    async with WirePhone(user="server", host=SCRIPTED) as asked, WirePhone(user="server", host=SECOND) as answering:

        def answer(request: SipMessage) -> None:
            headers = {"Contact": request.header("Contact") or "", "Expires": "300"}
            source = next(record.peer for record in asked.records if record.message is request)
            answering.send_raw(response_to(request, 200, to_tag="second", headers=headers).encode(), source)

        asked.handlers["REGISTER"] = answer
        yield f"sip:{SCRIPTED}:{asked.port}"


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """The place, idle."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Kamailio({"door": PASSWORD}, host=SERVER))
        second = await stack.enter_async_context(scripted_registrar())
        accounts = (
            account("pbx", server.aor("door"), server.uri, trusted_sources=[f"{TRUSTED}/32"]),
            account("trunk", f"sip:4711@{PROXY}", None, proxy=f"sip:{PROXY}"),
            account("two", f"sip:door2@{SCRIPTED}", second),
        )
        text = document(accounts=accounts, allow=f"{DIRECT}/32")
        door = await stack.enter_async_context(Stack(text, Options(env=ENV)))
        await registered(door, "pbx", "two")
        yield Place(door, server)


async def owner_of_call(place: Place, host: str, uri: str, proxy: tuple[str, int] | None = None) -> str | None:
    """Calls from an address; returns the account that the door says the call is on, once the door rings."""
    door = place.door
    door.events.clear()
    async with WirePhone(host=host) as phone:
        call = await phone.invite(uri, headers={"To": "<sip:whoever@elsewhere.example>"}, proxy=proxy)
        await call.wait("ringing")
        incoming = await door.event("call.incoming")
        await idle(door)
        await call.wait_final()
    owner: str | None = incoming.data["account"]
    return owner


@pytest.mark.feature("sip.match")
async def test_source_says_whose_a_call_is(place: Place) -> None:
    """Registrar, proxy, trusted source and the address that answered make a call the account's, whatever To says."""
    at_door = ("127.0.0.1", place.door.sip_port)
    uri = f"sip:nobody@127.0.0.1:{place.door.sip_port}"
    through = (place.server.host, place.server.port)
    assert await owner_of_call(place, STRANGER, place.server.aor("door"), through) == "pbx"
    assert await owner_of_call(place, TRUSTED, uri) == "pbx"
    assert await owner_of_call(place, PROXY, uri) == "trunk"
    assert await owner_of_call(place, SECOND, uri) == "two"
    assert await owner_of_call(place, DIRECT, place.server.aor("door"), at_door) == "ip"


@pytest.mark.feature("sip.match")
async def test_stranger_is_forbidden_whatever_he_says(place: Place) -> None:
    """From an address that is no account's and not allowed a call gets 403; nothing rings, and no event tells it."""
    door = place.door
    door.events.clear()
    at_door = ("127.0.0.1", door.sip_port)
    own = f"sip:door@127.0.0.1:{door.sip_port}"
    asked = (place.server.aor("door"), f"sip:4711@{PROXY}", own, "sip:101@example.com")
    async with WirePhone(host=STRANGER) as stranger:
        calls = [
            await stranger.invite(uri, headers={"To": f"<{uri}>", "From": f"<{asked[0]}>;tag=4711"}, proxy=at_door)
            for uri in asked
        ]
        for call in calls:
            await call.wait_final()
            assert [status for status in statuses(call) if status != 100] == [403]
        await stays(lambda: door.told("call.incoming") == [], NOTICE_S, "no call is told")
        assert (await door.wish("status"))["stage"] == "idle"
