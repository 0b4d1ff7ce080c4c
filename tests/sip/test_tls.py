"""The door's own TLS port, and what may be done to it."""

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from tests.sip.conftest import Door, MakeDoor

from doorbus_sip import facts
from doorbus_sip.config import Tls
from doorbus_testkit.behaviour import Manual
from doorbus_testkit.certificates import Authority, Certificate
from doorbus_testkit.polling import eventually
from doorbus_testkit.ports import free_tcp_port
from doorbus_testkit.sip_message import new_branch, new_tag
from doorbus_testkit.wire import WirePhone

HOST = "127.0.0.1"
HELLOS = (b"", b"no TLS at all\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
"""What somebody says before he hangs up: nothing, nonsense, the beginning of a handshake."""


async def door_with_tls(make_door: MakeDoor, authority: Authority) -> tuple[Door, int]:
    """Returns a door that listens with a certificate of the authority, and its TLS port."""
    made, port = authority.issue(HOST), free_tcp_port()
    tls = Tls(port=port, cert=made.cert.read_text(), key=made.key.read_text())
    return await make_door(tls=tls), port


async def options_over_tls(port: int, trust: Path) -> str:
    """Sends OPTIONS over a verified TLS connection; returns the response's first line."""
    context = ssl.create_default_context(cafile=trust)
    reader, writer = await asyncio.open_connection(HOST, port, ssl=context, server_hostname=HOST)
    lines = [
        f"OPTIONS sip:door@{HOST}:{port};transport=tls SIP/2.0",
        f"Via: SIP/2.0/TLS {HOST}:5999;branch={new_branch()};rport",
        f"From: <sip:somebody@{HOST}>;tag={new_tag()}",
        f"To: <sip:door@{HOST}>",
        f"Call-ID: {new_tag()}",
        "CSeq: 1 OPTIONS",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    try:
        return (await asyncio.wait_for(reader.readline(), 5)).decode().strip()
    finally:
        writer.close()


async def rings(door: Door) -> None:
    """Calls the door over UDP, and is asked about."""
    before = len(door.told(facts.IncomingCall))
    async with WirePhone(Manual(), user="friend") as friend:
        call = await friend.invite(door.uri)
        incoming = await door.wait(facts.IncomingCall, before + 1)
        await door.engine.refuse(incoming.call, 486)
        assert (await call.wait_final()).status == 486


async def test_answers_over_tls_with_its_certificate(make_door: MakeDoor, tmp_path: Path) -> None:
    """A client that believes the authority is answered; one that does not ends its handshake."""
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    _, port = await door_with_tls(make_door, authority)
    assert await options_over_tls(port, authority.cert) == "SIP/2.0 200 OK"
    with pytest.raises(ssl.SSLCertVerificationError):
        await options_over_tls(port, stranger.cert)


async def test_handshakes_that_never_end_kill_nothing(make_door: MakeDoor, tmp_path: Path) -> None:
    """Hundreds of connections that say nothing fill the TLS port; UDP goes on, and TLS works when they are gone."""
    authority = Authority(tmp_path)
    door, port = await door_with_tls(make_door, authority)
    pid = door.engine.workers["front"]

    def hold() -> list[socket.socket]:
        held = []
        for _ in range(300):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex((HOST, port))
            held.append(connection)
        return held

    held = await asyncio.to_thread(hold)
    await rings(door)
    assert door.engine.workers["front"] == pid
    for connection in held:
        connection.close()
    await eventually(lambda: options_over_tls(port, authority.cert), 20, 0.2, "TLS is answered again")
    assert door.engine.workers["front"] == pid


async def test_quick_handshakes_kill_nothing(make_door: MakeDoor, tmp_path: Path) -> None:
    """Connections that come, say a little of a handshake or nothing, and go again, as fast as possible."""
    authority = Authority(tmp_path)
    door, port = await door_with_tls(make_door, authority)
    pid = door.engine.workers["front"]

    end = asyncio.get_running_loop().time() + 4
    outcomes: Counter[str] = Counter()

    async def hurry(number: int) -> None:
        while asyncio.get_running_loop().time() < end:
            try:
                _, writer = await asyncio.wait_for(asyncio.open_connection(HOST, port), 0.3)
            except OSError:  # a timeout is one
                outcomes["refused"] += 1
                await asyncio.sleep(0.01)
            else:
                outcomes["connected"] += 1
                writer.write(HELLOS[number % len(HELLOS)])
                writer.close()

    await asyncio.gather(*(hurry(number) for number in range(50)))
    assert outcomes["connected"] > 64, outcomes
    assert outcomes["refused"] > 0, "the listener was never closed, so nothing was guarded"
    await rings(door)
    await eventually(lambda: options_over_tls(port, authority.cert), 20, 0.2, "TLS is answered again")
    assert door.engine.workers["front"] == pid


async def test_without_a_certificate_nobody_is_let_in(make_door: MakeDoor) -> None:
    """The listener that pjsip needs for an account's TLS completes no handshake, whatever ciphers are asked for."""
    account = {"id": "pbx", "aor": f"sip:door@{HOST}", "transport": "tls"}
    door = await make_door(accounts=(account,), tls=Tls(verify=False))
    front = psutil.Process(door.engine.workers["front"])
    ports = [one.laddr.port for one in front.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
    assert len(ports) == 1
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:aNULL:eNULL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, OSError)) as refused:
        await asyncio.open_connection(HOST, ports[0], ssl=context)
    assert "CERTIFICATE" not in str(refused.value), "it has shown one"


@pytest.mark.parametrize(("issuer", "host"), [("stranger", HOST), ("authority", "pbx.example.com")])
async def test_servers_certificate_is_verified(make_door: MakeDoor, tmp_path: Path, issuer: str, host: str) -> None:
    """Of another authority, or for another name, it ends the connection before anything is said, and is told so."""
    authority = Authority(tmp_path)
    wrong = (authority if issuer == "authority" else Authority(tmp_path, issuer)).issue(host)
    trust = Tls(ca=authority.cert.read_text())
    async with tls_server(wrong) as (registrar, said):
        account = {"id": "pbx", "aor": f"sip:door@{HOST}", "registrar": registrar, "transport": "tls"}
        door = await make_door(accounts=(account,), tls=trust)
        failed = await door.wait(facts.AccountFailed)
        assert (failed.account, failed.code) == ("pbx", 503)
        assert "certificate verification" in failed.reason
        assert said == []
        unwise = await make_door(accounts=(account,), tls=Tls(verify=False))
        await eventually(lambda: said == ["REGISTER"], what="without `verify` anybody is believed")
        assert unwise.told(facts.AccountRegistered) == []


@asynccontextmanager
async def tls_server(certificate: Certificate) -> AsyncIterator[tuple[str, list[str]]]:
    """Runs a server with this certificate; yields its URI and the methods that it is asked for, and answers none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    said: list[str] = []

    async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            line = await reader.readline()
            said.extend([line.split()[0].decode()] if line else [])

    server = await asyncio.start_server(serve, HOST, 0, ssl=context)
    async with server:
        yield f"sip:{HOST}:{server.sockets[0].getsockname()[1]}", said
