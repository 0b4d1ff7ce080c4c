"""A SIP server that nobody here wrote: the door registers at Debian's Kamailio and is called, and calls, through it."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.features.doors import document, idle, press

from doorbus_testkit.behaviour import Answer, Ring
from doorbus_testkit.certificates import Authority
from doorbus_testkit.kamailio import Kamailio
from doorbus_testkit.phone import Registration, SipPhone, Srtp
from doorbus_testkit.polling import eventually
from doorbus_testkit.rtp import decode_ulaw
from doorbus_testkit.sniffer import Sniffer
from doorbus_testkit.stack import RTP_PORTS, Options, Stack
from doorbus_testkit.tones import tone_level, tone_share, write_tone, write_wav
from doorbus_testkit.wire import WirePhone

DOOR_HZ, PHONE_HZ = 400, 1000
AUDIBLE = 0.1
"""A third of the amplitude that both sides play."""
FAINT = 0.02
HOST, OTHER_HOST = "127.0.0.3", "127.0.0.4"
PASSWORD = "only-for-the-door-4711"
RTP_BYTES, TAG_BYTES = 172, 10
"""20 ms of PCMU with its header, and what AES_CM_128_HMAC_SHA1_80 adds (RFC 3711)."""
SECOND = 8000
USERS = {"door": PASSWORD, "101": "secret-101", "102": "secret-102"}


def account(server: Kamailio, **fields: object) -> dict[str, Any]:
    """Returns the door's account at a server over UDP, with other fields as given."""
    return {
        "id": "pbx",
        "aor": server.aor("door"),
        "registrar": server.uri,
        "password": {"env": "DOORBUS_SECRET_PBX"},
        **fields,
    }


def over_tls(server: Kamailio, **fields: object) -> dict[str, Any]:
    """Returns the door's account at a server over TLS."""
    aor = f"sip:door@{server.host}:{server.tls_port}"
    return account(server, aor=aor, registrar=server.tls_uri, transport="tls", **fields)


def door_document(
    accounts: Sequence[Mapping[str, Any]], numbers: Sequence[str] = (), audio: Mapping[str, Any] | None = None
) -> str:
    """Returns the document of a door that answers by itself and takes no direct calls."""
    return document(
        numbers,
        calls={"auto_answer": {"sip": {"enabled": True}}},
        call={"account": accounts[0]["id"]},
        accounts=accounts,
        audio=audio,
        allow="127.0.0.99/32",
    )


@asynccontextmanager
async def running(
    accounts: Sequence[Mapping[str, Any]], folder: Path, numbers: Sequence[str] = ("101",), trust: Path | None = None
) -> AsyncIterator[tuple[Stack, Path]]:
    """Runs a door with these accounts, whose button calls `numbers` on the first; returns it and what it records."""
    play, record = folder / "play.wav", folder / "record.wav"
    write_tone(play, DOOR_HZ, 120, 8000)
    text = door_document(accounts, numbers, audio={"backend": "file", "play": str(play), "record": str(record)})
    env = {"DOORBUS_SECRET_PBX": PASSWORD}
    if trust is not None:
        text += "  tls: {ca: {env: DOORBUS_SECRET_CA}}\n"
        env["DOORBUS_SECRET_CA"] = trust.read_text()  # noqa: ASYNC240  # 1 KiB
    async with Stack(text, Options(env=env)) as door:
        yield door, record


def at(server: Kamailio, transport: str) -> dict[str, Any]:
    """Returns the door's account at a server over a transport."""
    return over_tls(server) if transport == "tls" else account(server, transport=transport)


def audible_hz(packets: Sequence[bytes], folder: Path) -> set[int]:
    """Returns which of the two tones somebody hears who plays these RTP packets as they are, as PCMU."""
    samples = np.concatenate([decode_ulaw(packet[12:172]) for packet in packets])
    assert len(samples) > SECOND
    write_wav(folder / "wire.wav", samples, SECOND)
    return {hz for hz in (DOOR_HZ, PHONE_HZ) if tone_share(folder / "wire.wav", hz, AUDIBLE) > 0.2}


def media_lines(phone: SipPhone) -> set[str]:
    """Returns the RTP profiles of the audio lines that a phone has sent and received."""
    log = (phone.folder / "pjsua.log").read_text(errors="replace")
    return set(re.findall(r"m=audio \d+ (\S+)", log))


def phone_at(server: Kamailio, user: str, *, srtp: Srtp = "disabled") -> SipPhone:
    """Returns a phone that registers at a server and answers at once."""
    registration = Registration(server.uri, server.aor(user), user, USERS[user])
    return SipPhone(user, Answer(), hz=PHONE_HZ, codecs=("PCMU",), registration=registration, srtp=srtp)


async def registered(door: Stack, *accounts: str, within_s: float = 15.0) -> None:
    """Waits until the door's state says that exactly these of its accounts are registered."""

    async def are() -> bool:
        state = await door.state("sip")
        return bool(state) and {one["account"] for one in state["accounts"] if one["registered"]} == set(accounts)

    await eventually(are, within_s, what=f"{accounts} are registered, and no others")


async def hear_each_other(door_hears: Path, phone: SipPhone) -> None:
    """Measures each side's tone in the other's recording, and that nobody hears himself."""
    await eventually(lambda: tone_level(phone.heard, DOOR_HZ) > AUDIBLE, what="the phone hears the door")
    await eventually(lambda: tone_level(door_hears, PHONE_HZ) > AUDIBLE, what="the door hears the phone")
    assert tone_level(phone.heard, PHONE_HZ) < FAINT
    assert tone_level(door_hears, DOOR_HZ) < FAINT


async def calls_both_ways(door: Stack, record: Path, phone: SipPhone, aor: str) -> None:
    """The phone calls the door and hangs up; a press calls the phone, and the door hangs up. Both times they talk."""
    await phone.call(aor)
    await phone.wait_for("answered")
    incoming = await door.event("call.incoming")
    assert incoming.data["account"] == "pbx"
    await hear_each_other(record, phone)
    await phone.hangup()
    assert (await door.event("call.ended")).data["reason"] == "remote_hangup"
    os.truncate(record, 0)  # what is written next begins anew
    door.events.clear()
    await press(door)
    await phone.wait_for("answered", count=2)
    assert (await door.event("call.answered")).data["direction"] == "outgoing"
    await hear_each_other(record, phone)
    assert (await door.wish("hangup"))["ok"]
    assert (await door.event("call.ended")).data["reason"] == "local_hangup"
    await phone.wait_for("ended", count=2)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_calls_both_ways(transport: str, tmp_path: Path) -> None:
    """Registered over each transport, the door is called through the server and calls through it, with audio."""
    authority = Authority(tmp_path)
    async with Kamailio(USERS, host=HOST, tls=authority.issue(HOST)) as server, phone_at(server, "101") as phone:
        await phone.wait_for("registered")
        async with running([at(server, transport)], tmp_path, trust=authority.cert) as (door, record):
            await registered(door, "pbx")
            await calls_both_ways(door, record, phone, server.aor("door"))
            said = [one for one in server.requests if one.user == "door" and one.method != "ACK"]
            assert {one.transport for one in said} == {transport}
            assert {"REGISTER", "INVITE", "BYE"} <= {one.method for one in said}
            assert PASSWORD not in door_logs(door)
        await eventually(lambda: server.of("REGISTER", "door")[-1].expires == 0, what="the door unregisters")


async def test_domain_without_an_address_behind_a_proxy(tmp_path: Path) -> None:
    """An account of a domain that no name server knows registers, is called and calls through its proxy."""
    async with Kamailio(USERS, host=HOST) as server, phone_at(server, "101") as phone:
        await phone.wait_for("registered")
        own = account(server, aor="sip:door@pbx.invalid", registrar="sip:pbx.invalid", proxy=server.uri)
        async with running([own], tmp_path) as (door, record):
            await registered(door, "pbx")
            await calls_both_ways(door, record, phone, server.aor("door"))
            assert {one.uri for one in server.of("REGISTER", "door")} == {"sip:pbx.invalid"}
            assert "sip:101@pbx.invalid" in {one.uri for one in server.of("INVITE", "door")}


@pytest.mark.parametrize(("srtp", "profile"), [("mandatory", "RTP/SAVP"), ("optional", "RTP/AVP")])
async def test_speech_is_encrypted_where_both_offer_it(srtp: Srtp, profile: str, tmp_path: Path) -> None:
    """Over TLS, with SRTP on both sides, the RTP of both directions is encrypted and both hear each other."""
    authority = Authority(tmp_path)
    async with (
        Kamailio(USERS, host=HOST, tls=authority.issue(HOST)) as server,
        phone_at(server, "101", srtp=srtp) as phone,
    ):
        await phone.wait_for("registered")
        own = over_tls(server, srtp=srtp)
        async with running([own], tmp_path, trust=authority.cert) as (door, record):
            await registered(door, "pbx")
            with Sniffer() as sniffer:
                await calls_both_ways(door, record, phone, server.aor("door"))
                seen = sniffer.rtp(door.rtp_port, door.rtp_port + RTP_PORTS)
            assert media_lines(phone) == {profile}
            assert {len(packet) for packet in seen} == {RTP_BYTES + TAG_BYTES}
            assert audible_hz(seen, tmp_path) == set()
            assert "inline:" not in door_logs(door)


async def test_optional_encryption_takes_a_plain_phone(tmp_path: Path) -> None:
    """A phone without SRTP is called, and calls, in the clear, where the door's account says `optional`."""
    async with Kamailio(USERS, host=HOST) as server, phone_at(server, "101") as phone:
        await phone.wait_for("registered")
        async with running([account(server, srtp="optional")], tmp_path) as (door, record):
            await registered(door, "pbx")
            with Sniffer() as sniffer:
                await calls_both_ways(door, record, phone, server.aor("door"))
                seen = sniffer.rtp(door.rtp_port, door.rtp_port + RTP_PORTS)
        assert media_lines(phone) == {"RTP/AVP"}
        assert audible_hz(seen, tmp_path) == {DOOR_HZ, PHONE_HZ}


async def test_mandatory_encryption_refuses_a_plain_phone(tmp_path: Path) -> None:
    """A phone without SRTP is refused by an account that says `mandatory`, and refuses the door's call itself."""
    async with Kamailio(USERS, host=HOST) as server, phone_at(server, "101") as phone:
        await phone.wait_for("registered")
        async with running([account(server, srtp="mandatory")], tmp_path) as (door, _):
            await registered(door, "pbx")
            await phone.call(server.aor("door"))
            assert (await phone.wait_for("ended")).code in (406, 488)
            assert door.told("call.answered") == []
            await press(door)
            failed = await door.event("leg.failed")
            assert failed.data["code"] in (406, 488)


async def test_server_with_a_wrong_certificate_is_not_trusted(tmp_path: Path) -> None:
    """A certificate of another authority, or for another host, gets no REGISTER; the account is told as failed."""
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    async with (
        Kamailio(USERS, host=HOST, tls=stranger.issue(HOST, name="forged")) as forged,
        Kamailio(USERS, host=OTHER_HOST, tls=authority.issue("pbx.example.com", name="elsewhere")) as elsewhere,
    ):
        accounts = [over_tls(forged), over_tls(elsewhere, id="other")]
        async with running(accounts, tmp_path, trust=authority.cert) as (door, _):
            for name in ("pbx", "other"):
                await eventually(partial(_failed, door, name), 20, what=f"{name} is told as failed")
            assert forged.requests == []
            assert elsewhere.requests == []


async def _failed(door: Stack, name: str) -> bool:
    state = await door.state("sip")
    return bool(state) and any(one["account"] == name and one["code"] == 503 for one in state["accounts"])


async def test_two_accounts_at_two_servers(tmp_path: Path) -> None:
    """Registered at two servers at once, each call is on the account whose server it came through."""
    async with (
        Kamailio(USERS, host=HOST) as one,
        Kamailio({"door": PASSWORD}, host=OTHER_HOST) as two,
        WirePhone(user="guest") as guest,
    ):
        accounts = [account(one), account(two, id="other", transport="tcp")]
        async with running(accounts, tmp_path) as (door, _):
            await registered(door, "pbx", "other")
            for server, name in ((one, "pbx"), (two, "other")):
                door.events.clear()
                call = await guest.invite(server.aor("door"))
                await call.wait("answered")
                assert (await door.event("call.incoming")).data["account"] == name
                call.bye()
                await door.event("call.ended")
                await idle(door)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_group_rings_through_the_server(transport: str, tmp_path: Path) -> None:
    """A group's phones ring through the server; the first to answer talks, the other's CANCEL says why."""
    authority = Authority(tmp_path)
    async with WirePhone(Ring(), user="101") as first, WirePhone(Ring(), user="102") as second:
        numbers = {phone.user: (phone.host, phone.port) for phone in (first, second)}
        async with (
            Kamailio({"door": PASSWORD}, host=HOST, numbers=numbers, tls=authority.issue(HOST)) as server,
            running([at(server, transport)], tmp_path, ["101", "102"], authority.cert) as (door, _),
        ):
            await registered(door, "pbx")
            await press(door)
            winner, loser = await first.wait_call(), await second.wait_call()
            await door.event("call.ringing")
            winner.respond(200)
            await winner.wait("acknowledged")
            await loser.wait("ended")
            assert loser.ended_by == "cancel"
            assert re.sub(r"\s*;", ";", loser.end_reason or "") == 'SIP;cause=200;text="Call completed elsewhere"'
            assert (await door.wish("hangup"))["ok"]
            await winner.wait("ended")
            assert winner.ended_by == "bye"
            said = [one for one in server.requests if one.user == "door" and one.method != "ACK"]
            assert {one.transport for one in said} == {transport}
            assert len({one.source for one in said if one.method == "INVITE"}) == 2, "two workers have dialed"


async def test_call_outlives_the_servers_restart(tmp_path: Path) -> None:
    """A call goes on while its server restarts, ends through it afterwards, and the next one comes after a REGISTER."""
    async with Kamailio(USERS, host=HOST) as server, phone_at(server, "101") as phone:
        await phone.wait_for("registered")
        async with running([account(server)], tmp_path) as (door, record):
            await registered(door, "pbx")
            await phone.call(server.aor("door"))
            await phone.wait_for("answered")
            await server.stop()
            await hear_each_other(record, phone)
            await server.start()
            await phone.hangup()
            assert (await door.event("call.ended")).data["reason"] == "remote_hangup"
            enough = len(server.of("REGISTER", "door")) + 2
            await eventually(lambda: len(server.of("REGISTER", "door")) >= enough, 30, what="the door registers again")
            await phone.call(server.aor("door"))
            await phone.wait_for("answered", count=2)


async def test_removed_account_is_unregistered(tmp_path: Path) -> None:
    """An account that leaves the document takes its binding back; the other one stays, and so does the door's call."""
    async with (
        Kamailio(USERS, host=HOST) as one,
        Kamailio({"door": PASSWORD}, host=OTHER_HOST) as two,
        WirePhone(user="guest") as guest,
    ):
        accounts = [account(one), account(two, id="other", transport="tcp")]
        async with running(accounts, tmp_path) as (door, _):
            await registered(door, "pbx", "other")
            call = await guest.invite(one.aor("door"))
            await call.wait("answered")
            await door.apply(door_document(accounts[:1]))
            await eventually(lambda: two.of("REGISTER")[-1].expires == 0, what="the removed one is unregistered")
            await registered(door, "pbx")
            assert call.state == "answered"
            gone = await guest.invite(two.aor("door"))
            assert (await gone.wait_final()).status == 404
            assert one.of("REGISTER")[-1].expires != 0


def door_logs(door: Stack) -> str:
    """Returns what the door's services have logged."""
    return door.up.log_text() + "".join(door.log_of(name) for name in ("sip", "policy", "io"))
