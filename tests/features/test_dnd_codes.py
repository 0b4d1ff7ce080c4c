"""Do Not Disturb at the servers, and its toggles: on the wire and on the bus."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from tests.features.conftest import NewPhone
from tests.features.doors import PBX_HOST, document, press, stays

from doorbus_testkit.behaviour import Answer, Manual, Refuse, Ring
from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Stack
from doorbus_testkit.wire import WirePhone

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTHER_HOST = "127.0.0.4"
HOLD_S = 1.0
GONE_S = 15.0


@dataclass
class Codes:
    """A document whose accounts live at scripted servers.

    Attributes:
        servers: by account.
        dnd: the document's `calls.dnd`.
    """

    servers: dict[str, WirePhone]
    dnd: dict[str, Any] = field(default_factory=dict)

    def document(self, **changes: Any) -> str:
        """Returns the document, with changes of `calls.dnd`."""
        accounts = [
            {"id": name, "aor": f"sip:door@{server.host}:{server.port}", "trusted_sources": [f"{server.host}/32"]}
            for name, server in self.servers.items()
        ]
        dnd = {"on_code": "*78", "off_code": "#79", "code_hold_s": HOLD_S, **self.dnd, **changes}
        return document(accounts=accounts, calls={"dnd": dnd})


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _off(door: Stack) -> None:
    """Begins with DND off and nobody to tell."""
    await door.apply(document())
    await door.wish("dnd", enabled=False)
    door.events.clear()


def asked_for(server: WirePhone) -> list[str]:
    """Returns the request URIs of the INVITEs that a server got."""
    return [record.message.uri for record in server.received("INVITE")]


@pytest.mark.feature("dnd.on_code", "dnd.off_code")
async def test_each_server_is_called_with_the_code(door: Stack, phone: NewPhone) -> None:
    """On calls `*78` and off `#79` (as %23) at each account's domain; the door hangs up after the hold, not before."""
    servers = {"pbx": await phone(Answer(), host=PBX_HOST), "trunk": await phone(Answer(), host=OTHER_HOST)}
    await door.apply(Codes(servers).document())
    assert (await door.wish("dnd", enabled=True))["ok"]
    for name, server in servers.items():
        call = await server.wait_call()
        assert asked_for(server) == [f"sip:*78@{server.host}:{server.port}"]
        ended = await call.wait("ended", GONE_S)
        assert call.ended_by == "bye"
        assert HOLD_S - 0.1 < ended - call.times["acknowledged"] < HOLD_S + 2
        sent = await door.event("dnd.server_code_sent", account=name)
        assert (sent.data["code_kind"], sent.data["taken"], sent.data["status"]) == ("on", True, 200)
        assert sent.at < ended
    refused = await (await phone(host=PBX_HOST)).invite(door.uri)
    assert (await refused.wait_final()).status == 486
    assert (await door.wish("dnd", enabled=False))["ok"]
    for name, server in servers.items():
        await (await server.wait_call(2)).wait("ended", GONE_S)
        assert asked_for(server)[1:] == [f"sip:%2379@{server.host}:{server.port}"]
        sent = await door.event("dnd.server_code_sent", account=name, code_kind="off")
        assert sent.data["taken"]
    await stays(lambda: all(len(asked_for(server)) == 2 for server in servers.values()))


@pytest.mark.feature("dnd.on_code")
async def test_the_server_may_end_the_call_itself(door: Stack, phone: NewPhone) -> None:
    """A server that hangs up after its answer has taken the code."""
    server = await phone(host=PBX_HOST)
    await door.apply(Codes({"pbx": server}, {"code_hold_s": 5}).document())
    await door.wish("dnd", enabled=True)
    call = await server.wait_call()
    call.respond(200)
    await call.wait("acknowledged")
    call.bye()
    sent = await door.event("dnd.server_code_sent", account="pbx")
    assert (sent.data["taken"], sent.data["call"]) == (True, (await door.event("call.dialing")).data["call"])
    await door.event("call.ended", call=sent.data["call"], reason="remote_hangup")


@pytest.mark.feature("dnd.on_code", "dnd.off_code")
@pytest.mark.parametrize("status", [403, 404, 486, 603])
async def test_a_server_that_refuses_the_code_is_told_of(door: Stack, phone: NewPhone, status: int) -> None:
    """The bus says for the account that the server did not take it, and with which status; DND is on all the same."""
    server = await phone(Refuse(status), host=PBX_HOST)
    await door.apply(Codes({"pbx": server}).document())
    await door.wish("dnd", enabled=True)
    sent = await door.event("dnd.server_code_sent", account="pbx")
    assert (sent.data["taken"], sent.data["status"]) == (False, status)
    assert (await door.wish("status"))["dnd_accounts"] == ["ip", "pbx"]
    await door.wish("dnd", enabled=False)
    sent = await door.event("dnd.server_code_sent", account="pbx", code_kind="off")
    assert (sent.data["taken"], sent.data["status"]) == (False, status)


@pytest.mark.feature("dnd.on_code")
async def test_a_server_that_is_silent_is_given_up(door: Stack, phone: NewPhone) -> None:
    """A server that only rings gets CANCEL after 10 s, and did not take the code."""
    server = await phone(Ring(), host=PBX_HOST)
    await door.apply(Codes({"pbx": server}).document())
    await door.wish("dnd", enabled=True)
    call = await server.wait_call()
    await call.wait("ended", GONE_S)
    assert call.ended_by == "cancel"
    assert not (await door.event("dnd.server_code_sent", account="pbx")).data["taken"]


@pytest.mark.feature("dnd.on_code", "dnd.off_code")
async def test_an_empty_code_sends_nothing(door: Stack, phone: NewPhone) -> None:
    """Neither on nor off calls the server; nor does turning on what is on."""
    server = await phone(Answer(), host=PBX_HOST)
    codes = Codes({"pbx": server})
    await door.apply(codes.document(on_code="", off_code=""))
    for enabled in (True, False):
        await door.wish("dnd", enabled=enabled)
    await door.event("dnd.changed", enabled=False)
    await stays(lambda: asked_for(server) == [])


async def test_a_code_call_leaves_the_door_free(door: Stack, phone: NewPhone) -> None:
    """While the server takes its time, a caller rings and a press answers him; the code's end ends nothing else."""
    server, caller = await phone(Manual(), host=PBX_HOST), await phone()
    await door.apply(Codes({"pbx": server}, {"accounts": ["pbx"]}).document())
    await door.wish("dnd", enabled=True)
    code = await server.wait_call()
    call = await caller.invite(door.uri)
    await call.wait("ringing")
    await press(door)
    await call.wait("answered")
    code.respond(200)
    await code.wait("ended", GONE_S)
    await stays(lambda: call.state == "answered", what="the talk goes on")


@pytest.mark.feature("dnd.toggle")
async def test_dnd_is_toggled_while_running_and_stays_over_a_restart(door: Stack, phone: NewPhone) -> None:
    """By bus and by CLI; kept when policy is killed and by another document, until one changes `enabled`."""
    await door.apply(document(calls={"dnd": {"enabled": False}}))
    code, output = await door.cli("dnd", "on")
    assert code == 0, output
    await door.event("dnd.changed", enabled=True, by="operator")
    caller = await phone()
    assert (await (await caller.invite(door.uri)).wait_final()).status == 486
    pid = door.pid("policy")
    door.process("policy").kill()
    await eventually(lambda: door.pid("policy") != pid, 20.0, what="policy is restarted")

    async def refuses() -> bool:
        status = await door.wish("status")
        return bool(status["ok"]) and status["dnd_accounts"] == ["ip", "pbx"]

    await eventually(refuses, 20.0, what="DND is on again")
    assert (await (await caller.invite(door.uri)).wait_final()).status == 486
    await door.apply(document(calls={"dnd": {"enabled": False}, "max_call_s": 200}))
    assert (await (await caller.invite(door.uri)).wait_final()).status == 486
    since = time.monotonic()
    await door.apply(document(calls={"dnd": {"enabled": True}}))
    await door.apply(document(calls={"dnd": {"enabled": False}}))
    await door.event("dnd.changed", since=since, enabled=False, by="document")
    call = await caller.invite(door.uri)
    await call.wait("ringing")
    call.cancel()
    assert (await door.wish("dnd", enabled=True))["ok"]
    assert (await door.wish("dnd", enabled=False))["ok"]
    assert (await door.wish("status"))["dnd_accounts"] == []
