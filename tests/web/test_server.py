"""The server on a real port: whose word about addresses counts, HTTPS, and an end that does not wait for viewers."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError
from tests.web.world import PASSWORD, Site

from doorbus.contract.envelope import Envelope
from doorbus.runtime.seen import Seen
from doorbus_testkit.certificates import Authority
from doorbus_testkit.polling import eventually
from doorbus_testkit.ports import free_tcp_port, give_back
from doorbus_web.access.model import Role
from doorbus_web.api.stream import SEND_S
from doorbus_web.live.inputs import Told
from doorbus_web.server import Server
from doorbus_web.settings import WebSettings

PROXY = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}


@asynccontextmanager
async def served(web: Site, **settings: object) -> AsyncIterator[tuple[Server, str]]:
    """Serves the site of a door on a free port."""
    port = free_tcp_port()
    server = Server(web.app, WebSettings.model_validate({"web_port": port, **settings}))
    await server.start()
    running = asyncio.create_task(server.run())
    try:
        yield server, f"127.0.0.1:{port}"
    finally:
        await server.stop()
        await asyncio.wait_for(running, 10)
        give_back(port)


@pytest.mark.parametrize(
    ("proxies", "believed"), [("", False), ("127.0.0.0/8", True), ("127.0.0.1", True), ("10.0.0.1", False)]
)
async def test_only_configured_proxies_are_believed(web: Site, proxies: str, believed: bool) -> None:
    """From anybody else the forwarded headers are nothing: neither the address nor that the browser spoke HTTPS."""
    await web.user("anna", Role.VIEWER)
    async with served(web, web_proxies=proxies) as (_, host), httpx.AsyncClient() as browser:
        origin = f"{'https' if believed else 'http'}://{host}"
        form = {"user": "anna", "password": PASSWORD}
        answer = await browser.post(f"http://{host}/login", data=form, headers={"Origin": origin, **PROXY})
        assert answer.status_code == 303
        assert ("Secure" in answer.headers["Set-Cookie"]) == believed
        assert ("Strict-Transport-Security" in answer.headers) == believed
    row = web.parts.access.sessions.standing(_only_session(web), web.time())
    assert row is not None
    assert row.address == ("203.0.113.9" if believed else "127.0.0.1")


def _only_session(web: Site) -> str:
    cursor = web.parts.access._database.execute("SELECT hash FROM sessions")
    return str(cursor.fetchone()[0])


def test_a_proxy_is_an_address() -> None:
    """A name, or everybody, is refused at the start."""
    for wrong in ("*", "proxy.example.com", "10.0.0.1/40"):
        with pytest.raises(ValidationError):
            WebSettings.model_validate({"web_proxies": wrong})
    with pytest.raises(ValidationError, match="belong together"):
        WebSettings.model_validate({"web_cert": "cert.pem"})


async def test_an_end_does_not_wait_for_viewers(web: Site) -> None:
    """With a live view open the server ends within a second, and the viewer hears the end."""
    token = web.program("read").headers["Authorization"]
    async with served(web) as (server, host), httpx.AsyncClient(timeout=10) as viewer:
        stream = viewer.stream("GET", f"http://{host}/api/v1/doors/front/stream", headers={"Authorization": token})
        async with stream as answer:
            chunks = answer.aiter_bytes()
            assert b"event: state" in await anext(chunks) + await anext(chunks)
            began = time.monotonic()
            web.parts.hub.close()
            await server.stop()
            assert [chunk async for chunk in chunks] == []
            assert time.monotonic() - began < 5


async def test_a_viewer_that_reads_nothing_is_given_up(web: Site) -> None:
    """When the network takes no more of its messages it is dropped, and its place is free; the others go on."""
    token, hub = web.program("read").headers["Authorization"], web.parts.hub
    async with served(web) as (_, host):
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect((host.split(":")[0], int(host.split(":")[1])))
            request = f"GET /api/v1/doors/front/stream HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\n\r\n"
            slow.sendall(request.encode())
            await eventually(lambda: hub.viewers == 1, what="the viewer is there")
            quick = hub.join("front")
            for number in range(2000):
                hub.put("front", _large(number))
                await anext(quick.messages())
                if hub.viewers == 1:
                    break
                await asyncio.sleep(0)
            await eventually(lambda: hub.viewers == 1, SEND_S / 2, what="the slow one is given up")
            assert not quick.gone.is_set()


def _large(number: int) -> Told:
    """Returns an event of 20 KB."""
    at = datetime(2026, 5, 4, 12, 0, tzinfo=UTC) + timedelta(seconds=number)
    envelope = Envelope(str(number), "/door/front/io", "doorbus.io.test.v1", at, 1, number + 1)
    return Told(Seen("front", envelope, {"text": "x" * 20_000}, None))


async def test_it_speaks_https_itself(web: Site, tmp_path: Path) -> None:
    """With a certificate of its own the cookie is `__Host-` and Secure."""
    await web.user("anna", Role.VIEWER)
    authority = Authority(tmp_path)
    certificate = authority.issue("127.0.0.1")
    trusted = ssl.create_default_context(cafile=authority.cert)
    files = {"web_cert": certificate.cert, "web_key": certificate.key}
    async with served(web, **files) as (_, host), httpx.AsyncClient(verify=trusted) as browser:
        headers = {"Origin": f"https://{host}"}
        answer = await browser.post(
            f"https://{host}/login", data={"user": "anna", "password": PASSWORD}, headers=headers
        )
        assert answer.status_code == 303
        assert answer.headers["Set-Cookie"].startswith("__Host-doorbus_session=")
