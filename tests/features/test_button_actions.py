"""What a press sends: files, mails and requests, at real servers; and what becomes of it when a server is down."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol

import pytest
import pytest_asyncio
from tests.features.conftest import NewPhone
from tests.features.doors import ENV, LAMP, document, press, stays

from doorbus.contract.actions import message_id
from doorbus_testkit.behaviour import Ring
from doorbus_testkit.certificates import Authority
from doorbus_testkit.kept import kept_events
from doorbus_testkit.polling import eventually
from doorbus_testkit.receivers import Kind, Receiver
from doorbus_testkit.stack import Options, Stack, Told

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "Mellon-8715"
LOGIN = {"username": "door", "password": {"env": "DOORBUS_SECRET_IT"}}
LIGHT = {"id": "light", "type": "relay", "relay": "lamp"}
SOON_S = 10.0
"""On a busy machine; the server that never answers is given three times as long."""
QUICK = {"DOORBUS_ACTIONS_RETRY_FIRST_S": "0.3", "DOORBUS_ACTIONS_RETRY_MOST_S": "1"}
"""The pauses of a test; those of a door are shown by `tests/actions/test_delivery.py`."""
TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0[12]:00")


class NewReceiver(Protocol):
    """Starts a server that is ended at the test's end."""

    async def __call__(self, kind: Kind, **options: Any) -> Receiver:
        """Returns the server, started."""
        ...


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that the door trusts."""
    return Authority(tmp_path_factory.mktemp("authority"))


def options(authority: Authority, **more: str) -> Options:
    """Returns the environment of a door that trusts the authority and does not wait long."""
    ours = {"DOORBUS_SECRET_IT": SECRET, "DOORBUS_ACTIONS_CA": str(authority.cert), **QUICK}
    return Options(env={**ENV, **ours, **more})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_door(authority: Authority) -> AsyncIterator[Stack]:
    """The file's door."""
    async with Stack(document(), options(authority)) as stack:
        yield stack


@pytest_asyncio.fixture(loop_scope="module")
async def receiver() -> AsyncIterator[NewReceiver]:
    """Starts servers."""
    async with AsyncExitStack() as stack:

        async def new(kind: Kind, **options: Any) -> Receiver:
            return await stack.enter_async_context(Receiver(kind, **options))

        yield new


def http(server: Receiver, name: str = "notify", *, method: str = "GET", query: str = "") -> dict[str, Any]:
    """Returns an action of the document."""
    return {"id": name, "type": "http", "method": method, "url": f"http://127.0.0.1:{server.port}/message{query}"}


def mail(server: Receiver, **more: Any) -> dict[str, Any]:
    """Returns an action of the document."""
    where = {"server": f"smtp://127.0.0.1:{server.port}", "from": "door@house.test", "to": ["porter@house.test"]}
    return {"id": "mail", "type": "email", **where, **more}


def ftp(server: Receiver, scheme: str = "ftp", **more: Any) -> dict[str, Any]:
    """Returns an action of the document."""
    url = f"{scheme}://127.0.0.1:{server.port}/$door-$input-$time.txt"
    return {"id": "upload", "type": "ftp", "url": url, "content": "$door $input $time $id", **more}


async def activated(door: Stack, actions: Sequence[str]) -> Told:
    """Presses, and returns what the press came to: it runs these actions."""
    before = len(door.told("button.activated"))
    await press(door)
    await eventually(lambda: len(door.told("button.activated")) > before, what="the press is taken")
    told = door.told("button.activated")[-1]
    assert list(actions) == told.data["actions"]
    return told


async def done(door: Stack, told: Told, action: str, within_s: float = 15.0) -> Told:
    """Waits until a press's message is told to be delivered."""
    message = message_id(door.door, told.data["press"], action)
    return await door.event("action.done", within_s, message=message, action=action)


@pytest.mark.feature("button.ftp")
@pytest.mark.parametrize("scheme", ["ftp", "ftps"])
async def test_a_press_uploads_a_file(door: Stack, receiver: NewReceiver, authority: Authority, scheme: str) -> None:
    """Its path and content come from the templates; FTPS has TLS on both connections, or the server takes nothing."""
    certificate = authority.issue("127.0.0.1", name=scheme) if scheme == "ftps" else None
    server = await receiver("ftp", certificate=certificate, username="door", password=SECRET)
    await door.apply(document(actions=[ftp(server, scheme, **LOGIN)]))
    told = await activated(door, ["upload"])
    finished = await done(door, told, "upload")
    [(path, content)] = server.files().items()
    who, what, when, message = content.split()
    assert ("front", "button1", finished.data["message"]) == (who, what, message)
    assert TIME.fullmatch(when)
    assert path == f"front-button1-{when.replace(':', '-')}.txt"
    assert SECRET not in door.log_of("actions")


@pytest.mark.feature("button.email")
async def test_a_press_sends_a_mail(door: Stack, receiver: NewReceiver, authority: Authority) -> None:
    """By STARTTLS and with a login, with subject and body from the templates, to all recipients."""
    server = await receiver(
        "smtp", certificate=authority.issue("127.0.0.1", name="mail"), username="door", password=SECRET
    )
    to = ["porter@house.test", "guard@house.test"]
    await door.apply(document(actions=[mail(server, **LOGIN, to=to, subject="Ring at $door", body="$time: $input")]))
    told = await activated(door, ["mail"])
    finished = await done(door, told, "mail")
    [came] = server.taken()
    assert (came["tls"], came["login"], came["to"], came["id"]) == (True, True, to, finished.data["message"])
    assert came["headers"]["Subject"] == "Ring at front"
    when, _, what = came["body"].strip().rpartition(": ")
    assert TIME.fullmatch(when)
    assert what == "button1"
    assert SECRET not in door.log_of("actions")


@pytest.mark.feature("button.http")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_press_sends_a_request(door: Stack, receiver: NewReceiver, method: str) -> None:
    """GET to `/message` with the values in the URL, or POST with the press as JSON; both with the message's id."""
    hub = await receiver("http")
    query = "?door=$door&input=$input&at=$time" if method == "GET" else ""
    await door.apply(document(actions=[http(hub, method=method, query=query)]))
    told = await activated(door, ["notify"])
    finished = await done(door, told, "notify")
    [came] = hub.taken()
    assert (came["method"], came["id"]) == (method, finished.data["message"])
    if method == "GET":
        assert came["target"].startswith("/message?door=front&input=button1&at=20")
        return
    body = json.loads(came["body"])
    assert TIME.fullmatch(body.pop("time"))
    fixed = {"door": "front", "input": "button1", "does": "nothing", "call": None}
    assert body == {"id": finished.data["message"], "press": told.data["press"], **fixed}


@pytest.mark.feature("button.all")
async def test_one_that_fails_disturbs_no_other(door: Stack, phone: NewPhone, receiver: NewReceiver) -> None:
    """A call, a lamp, four servers: one refuses, one never answers; the rest is done as if nothing was wrong."""
    hub, bad, silent, files = [await receiver(kind) for kind in ("http", "http", "smtp", "ftp")]
    bad.behave("500")
    silent.behave("never")
    callee = await phone(Ring())
    actions = [http(bad, "bad"), mail(silent, tls="none"), ftp(files), http(hub), LIGHT]
    await door.apply(document([callee.uri], actions=actions))
    told = await activated(door, ["bad", "mail", "upload", "notify", "light"])
    await door.chip.wait_level(LAMP, 1)
    finished = [await done(door, told, "notify"), await done(door, told, "upload")]
    await callee.wait_call()
    assert max(each.data["after_s"] for each in finished) < SOON_S
    assert {told.data["call"]} == {each.data["call"] for each in finished}
    delayed = await door.event("action.delayed", action="bad")
    assert delayed.data["why"] == "127.0.0.1 answers 500"
    assert (len(hub.taken()), len(files.files())) == (1, 1)
    bad.behave("ok")
    assert (await done(door, told, "bad")).data["tries"] > 1
    silent.behave("ok")  # for the test after this one: the message itself waits for the end of its try


@pytest.mark.feature("button.retry")
async def test_a_message_waits_for_its_server_over_restarts(door: Stack, receiver: NewReceiver) -> None:
    """The server is down at the press; actions and the bus are killed; when it is up it gets the message, once told."""
    hub = await receiver("http")
    await door.apply(document(actions=[http(hub)]))
    hub.kill()
    told = await activated(door, ["notify"])
    assert "nobody listens there" in (await door.event("action.delayed")).data["why"]
    for service in ("actions", "nats"):
        before = door.pid(service)
        door.process(service).kill()
        await eventually(lambda name=service, pid=before: door.pid(name) != pid, 15.0, what=f"{service} is started")  # type: ignore[misc]
    await hub.start()
    finished = await done(door, told, "notify", 40.0)
    assert {finished.data["message"]} == set(hub.ids())
    assert len({each.headers["ce-id"] for each in door.told("action.done")}) == 1
    assert await _kept(door, "action.done", finished.data["message"]) == 1
    assert await _kept(door, "action.delayed", finished.data["message"]) == 1


@pytest.mark.feature("button.retry")
async def test_what_is_given_up_can_be_sent_again(receiver: NewReceiver, authority: Authority) -> None:
    """After its time (here a second) it is reported and kept; `doorbus actions` lists it and sends it again."""
    hub, strict = [await receiver("http") for _ in range(2)]
    strict.behave("404")
    hub.behave("500")
    actions = [http(hub), http(strict, "strict")]
    async with Stack(document(actions=actions), options(authority, DOORBUS_ACTIONS_RETRY_FOR_S="1")) as door:
        told = await activated(door, ["notify", "strict"])
        failed = await door.event("action.failed", action="notify")
        at_once = await door.event("action.failed", action="strict")
        assert (failed.data["why"], at_once.data["why"]) == ("127.0.0.1 answers 500", "127.0.0.1 answers 404")
        assert (failed.data["tries"] > 1, at_once.data["tries"]) == (True, 1)
        tried = len(hub.records())
        await stays(lambda: len(hub.records()) == tried, what="it is left alone")
        message = failed.data["message"]
        code, output = await door.cli("actions", "failed", "--json")
        listed = [json.loads(line) for line in output.splitlines()]
        assert (code, {each["action"]: each["why"] for each in listed}) == (
            0,
            {"notify": "127.0.0.1 answers 500", "strict": "127.0.0.1 answers 404"},
        )
        hub.behave("ok")
        code, output = await door.cli("actions", "retry", message[:8])
        assert (code, output) == (0, "1 message will be sent again\n")
        finished = await done(door, told, "notify")
        assert [finished.data["message"]] == hub.ids() == [message]
        assert (await door.event("action.retried")).data["by"] == "operator"
        strict.behave("ok")
        code, output = await door.cli("actions", "retry", "--all")
        assert (code, output) == (0, "1 message will be sent again\n")
        await done(door, told, "strict")

        async def none_left() -> bool:
            return (await door.cli("actions", "failed")) == (0, "no message is given up\n")

        await eventually(none_left, 15.0, 0.2, "nothing is left")


async def _kept(door: Stack, what: str, message: str) -> int:
    """Returns how often the stream has an event about a message."""
    return sum(event["message"] == message for event in await kept_events(door.client, door.door, what))
