"""The HTTP client against real servers, good and bad."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tests.actions.conftest import NewReceiver
from tests.actions.notes import BERLIN, TIME, note

from doorbus.contract.document.actions import HttpAction
from doorbus_actions.delivery import End, Result
from doorbus_actions.senders import try_once
from doorbus_actions.tools import Tools
from doorbus_testkit.certificates import Authority
from doorbus_testkit.ports import free_tcp_port, give_back
from doorbus_testkit.receivers import Receiver


def to(hub: Receiver, target: str = "/message", *, post: bool = False, tls: bool = False) -> HttpAction:
    """Returns an action that sends to a server."""
    scheme = "https" if tls else "http"
    url = f"{scheme}://127.0.0.1:{hub.port}{target}"
    return HttpAction(id="it", type="http", method="POST" if post else "GET", url=url)


async def test_get_has_the_message_in_the_url(receiver: NewReceiver, tools: Tools) -> None:
    """Values are encoded, the id is in `Idempotency-Key`, and nothing else is sent."""
    hub = await receiver("http")
    action = to(hub, "/message?door=$door&at=$time&id=$id&call=$call")
    assert End(Result.TAKEN) == await try_once(action, note(), BERLIN, tools)
    [came] = hub.taken()
    assert came["target"] == "/message?door=front&at=2026-05-04T12%3A00%3A00.000%2B02%3A00&id=m1&call=c1"
    assert (came["method"], came["id"], came["body"]) == ("GET", "m1", "")
    assert "Cookie" not in came["headers"]


async def test_post_carries_the_press_as_json(receiver: NewReceiver, tools: Tools) -> None:
    """All of it, with null for a call that is not there."""
    hub = await receiver("http")
    await try_once(to(hub, post=True), note(), BERLIN, tools)
    await try_once(to(hub, post=True), note("m2", call=None), BERLIN, tools)
    first, second = (json.loads(came["body"]) for came in hub.taken())
    common = {"door": "front", "input": "button1", "time": TIME, "press": "p1"}
    assert first == {"id": "m1", "call": "c1", "does": "call", **common}
    assert second == {"id": "m2", "call": None, "does": "nothing", **common}
    assert hub.taken()[0]["headers"]["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("how", "end"),
    [
        ("500", End(Result.REFUSED, "127.0.0.1 answers 500")),
        ("429", End(Result.REFUSED, "127.0.0.1 answers 429")),
        ("404", End(Result.REFUSED_FOR_GOOD, "127.0.0.1 answers 404")),
        ("close", End(Result.UNREACHED, "127.0.0.1: its answer is no HTTP, or breaks off")),
    ],
)
async def test_a_server_that_does_not_take_it(receiver: NewReceiver, tools: Tools, how: str, end: End) -> None:
    """What it does is told with its host, without the URL, which may hold a hub's token."""
    hub = await receiver("http")
    hub.behave(how)
    assert end == await try_once(to(hub, "/message?token=geheim"), note(), BERLIN, tools)


async def test_a_server_that_never_answers(receiver: NewReceiver, tools: Tools) -> None:
    """The try ends when its time is over, and the next one goes through."""
    hub = await receiver("http")
    hub.behave("never")
    tools.try_s = 0.5
    assert End(Result.UNREACHED, "127.0.0.1: no answer within 0.5 s") == await try_once(to(hub), note(), BERLIN, tools)
    hub.behave("ok")
    tools.try_s = 10.0
    assert End(Result.TAKEN) == await try_once(to(hub), note(), BERLIN, tools)


async def test_a_slow_server_is_waited_for(receiver: NewReceiver, tools: Tools) -> None:
    """Within the time of a try, slow is not failed."""
    hub = await receiver("http")
    hub.behave("slow:1")
    assert End(Result.TAKEN) == await try_once(to(hub), note(), BERLIN, tools)


async def test_nobody_there(tools: Tools) -> None:
    """A port that nobody listens on, and a name that nobody knows."""
    port = free_tcp_port()
    action = HttpAction(id="it", type="http", url=f"http://127.0.0.1:{port}/")
    assert End(Result.UNREACHED, "127.0.0.1: nobody listens there") == await _why(action, tools)
    give_back(port)
    nobody = HttpAction(id="it", type="http", url="http://nobody.invalid/")
    assert End(Result.UNREACHED, "nobody.invalid: its name is not known") == await _why(nobody, tools)


async def _why(action: HttpAction, tools: Tools) -> End:
    return await try_once(action, note(), BERLIN, tools)


async def test_certificates_are_verified(
    receiver: NewReceiver, authority: Authority, tools: Tools, tmp_path: Path
) -> None:
    """One of the trusted authority is taken, one of a stranger and one for another host are not."""
    good = await receiver("http", certificate=authority.issue("127.0.0.1", name="good"))
    assert End(Result.TAKEN) == await try_once(to(good, tls=True), note(), BERLIN, tools)
    stranger = Authority(tmp_path, "stranger")
    for certificate in (stranger.issue("127.0.0.1"), authority.issue("elsewhere.test", name="elsewhere")):
        bad = await receiver("http", certificate=certificate)
        end = await try_once(to(bad, tls=True), note(), BERLIN, tools)
        assert end.result is Result.UNREACHED
        assert end.why.startswith("127.0.0.1: its certificate is not trusted: ")
        assert bad.records() == []


async def test_redirects_stay_on_their_host(receiver: NewReceiver, authority: Authority, tools: Tools) -> None:
    """GET follows to https on the same host; not to another host, not to http, not for ever, and POST not at all."""
    hub = await receiver("http")
    safe = await receiver("http", certificate=authority.issue("127.0.0.1", name="safe"))
    hub.behave(f"to:https://127.0.0.1:{safe.port}/there")
    assert End(Result.TAKEN) == await try_once(to(hub), note(), BERLIN, tools)
    assert [came["target"] for came in safe.taken()] == ["/there"]
    posted = await try_once(to(hub, post=True), note(), BERLIN, tools)
    assert End(Result.REFUSED, "127.0.0.1 answers 302") == posted
    away = End(Result.REFUSED, "127.0.0.1 sends us to another place")
    for place in (f"http://localhost:{hub.port}/", f"https://user@127.0.0.1:{safe.port}/", "ftp://127.0.0.1/"):
        hub.behave(f"to:{place}")
        assert away == await try_once(to(hub), note(), BERLIN, tools)
    safe.behave(f"to:http://127.0.0.1:{hub.port}/")
    assert away == await try_once(to(safe, tls=True), note(), BERLIN, tools)
    hub.behave("to:/again")
    assert End(Result.REFUSED, "127.0.0.1 sends us in circles") == await try_once(to(hub), note(), BERLIN, tools)


async def test_an_endless_answer_is_not_read_to_its_end(tools: Tools) -> None:
    """A server that answers 200 and then never stops sending has taken the message."""

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(100_000):
                writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                await writer.drain()
        except ConnectionError:
            ended.set()
        finally:
            writer.close()

    ended = asyncio.Event()
    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        action = HttpAction(id="it", type="http", url=f"http://127.0.0.1:{port}/")
        assert End(Result.TAKEN) == await try_once(action, note(), BERLIN, tools)
        async with asyncio.timeout(10):
            await ended.wait()
