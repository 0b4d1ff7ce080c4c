"""Opening the door over HTTP: the request on one side, the relay's line and the call on the wire on the other."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import httpx
import pytest
from tests.features.conftest import NewPhone
from tests.features.console import Console
from tests.features.doors import GATE, LAMP, NOTICE_S, document, show, stays

from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEB = True
UNLOCK = "/api/v1/doors/front/unlock"
HANG_UP_S = 1.0
ONE_RELAY = {"relays": [{"id": "gate", "chip": "sim", "line": GATE, "hold_s": 0.5}]}


def _document(methods: tuple[str, ...] = ()) -> str:
    calls = {
        "auto_answer": {"ip": {"enabled": True}},
        "hang_up_after_unlock": {"methods": list(methods), "timeout_s": HANG_UP_S},
    }
    return document(calls=calls)


async def _edges(door: Stack, line: int = GATE) -> int:
    return len(door.chip.history(line))


@pytest.mark.feature("unlock.http")
async def test_a_token_opens_the_gate(door: Stack, console: Console) -> None:
    """POST with a token moves the gate's line once; `door.unlocked` says http and which token."""
    await door.apply(_document())
    async with await console.program("unlock:gate") as hub:
        before, asked = await _edges(door), time.monotonic()
        answer = await hub.post(UNLOCK, json={"relay": "gate"})
        assert answer.status_code == 202, answer.text
        energised = await door.chip.wait_level(GATE, 1)
        show("request to relay", energised - asked)
        await door.chip.wait_level(GATE, 0)
        assert await _edges(door) == before + 2
        unlocked = await door.event("door.unlocked")
        assert (unlocked.data["relay"], unlocked.data["method"]) == ("gate", "http")
        assert unlocked.data["by"].startswith("web/token test-")
        assert door.told("relay.energised")[0].data["cause"]["method"] == "http"


@pytest.mark.feature("unlock.http")
async def test_without_a_valid_credential_nothing_moves(door: Stack, console: Console) -> None:
    """None, a wrong token, a revoked one, a token for something else: 401 or 403, and both lines rest."""
    await door.apply(_document())
    revoked = await console.token("unlock:*")
    for row in (await console.admin.get("/tokens")).text.split('action="/tokens/')[1:]:
        await console.admin.post(f"/tokens/{row.split('/revoke', 1)[0]}/revoke")
    lamp, reader = await console.token("unlock:lamp"), await console.token("read", "call", "admin")
    before = (await _edges(door), await _edges(door, LAMP))
    cases: tuple[tuple[dict[str, str], int], ...] = (
        ({}, 401),
        ({"Authorization": "Bearer dbt_" + "A" * 43}, 401),
        ({"Authorization": "Basic YWRtaW46YWRtaW4="}, 401),
        ({"Authorization": f"Bearer {revoked}"}, 401),
        ({"Cookie": f"doorbus_session={lamp}"}, 401),
        ({"Authorization": f"Bearer {lamp}"}, 403),
        ({"Authorization": f"Bearer {reader}"}, 403),
    )
    async with httpx.AsyncClient(base_url=console.url, timeout=20) as nobody:
        for headers, status in cases:
            answer = await nobody.post(UNLOCK, json={"relay": "gate"}, headers=headers)
            assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")

    def rests() -> bool:
        return (len(door.chip.history(GATE)), len(door.chip.history(LAMP))) == before

    await stays(rests, what="both relays rest")
    assert door.told("door.unlocked") == []


@pytest.mark.feature("unlock.http")
async def test_the_relay_may_be_left_out_where_there_is_one(door: Stack, console: Console) -> None:
    """With two relays a request that names none is refused, naming both; with one, also an empty body opens it."""
    await door.apply(_document())
    async with await console.program("unlock:*") as hub:
        refused = await hub.post(UNLOCK, json={})
        problem = refused.json()
        assert (refused.status_code, problem["errors"][0]["path"]) == (422, "relay")
        assert problem["errors"][0]["message"] == "must be named: this door has gate, lamp"
        await door.apply(_with_one_relay())
        for content in (b"", b"{}"):
            answer = await hub.post(UNLOCK, content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code == 202, answer.text
            await door.chip.wait_level(GATE, 1)
            await door.chip.wait_level(GATE, 0)


def _with_one_relay() -> str:
    sections = ("io: ", "buttons: ")
    lines = [line for line in document().splitlines() if not line.startswith(sections)]
    return "\n".join([*lines, f"io: {json.dumps(ONE_RELAY)}", ""])


@pytest.mark.feature("unlock.http")
async def test_a_repeated_request_opens_once(door: Stack, console: Console) -> None:
    """Who sends a request three times with the same id opens the gate once, and hears the same each time."""
    await door.apply(_document())
    async with await console.program("unlock:gate") as hub:
        before, body = await _edges(door), {"relay": "gate", "id": str(uuid.uuid4())}
        answers: list[Any] = [(await hub.post(UNLOCK, json=body)).json() for _ in range(3)]
        assert answers[0] == answers[1] == answers[2]
        await eventually(lambda: len(door.chip.history(GATE)) == before + 2, what="the gate opened and closed")
        await stays(lambda: len(door.chip.history(GATE)) == before + 2, what="it opened once")
        assert len(door.told("door.unlocked")) == 1


@pytest.mark.feature("unlock.hang_up")
@pytest.mark.parametrize("ends", [True, False], ids=["named", "another"])
async def test_http_ends_the_call_where_it_is_named(door: Stack, console: Console, phone: NewPhone, ends: bool) -> None:
    """With `http` in `methods` an unlock by HTTP ends the call after `timeout_s`; with others it leaves it alone."""
    await door.apply(_document(("http",) if ends else ("dtmf", "bus", "input")))
    caller = await phone(rtp=True)
    call = await caller.invite(door.uri)
    await call.wait("answered")
    await door.event("call.answered")
    async with await console.program("unlock:gate") as hub:
        answer = await hub.post(UNLOCK, json={"relay": "gate"})
        assert answer.json()["call"] == door.told("call.answered")[0].data["call"]
    energised = await door.chip.wait_level(GATE, 1)
    if ends:
        ended = await call.wait("ended")
        assert ended - energised == pytest.approx(HANG_UP_S, abs=0.3)
        assert (await door.event("call.ended")).data["reason"] == "unlocked"
    else:
        await stays(lambda: call.state == "answered", HANG_UP_S + NOTICE_S, "the call is up")


@pytest.mark.feature("unlock.http")
async def test_another_client_cannot_say_http(door: Stack) -> None:
    """An integration that claims `method: http` and a person on the bus is told as what it is: bus, by its own name."""
    await door.apply(_document())
    assert (await door.wish("unlock", relay="gate", method="http", person="anna"))["ok"]
    unlocked = await door.event("door.unlocked")
    assert (unlocked.data["method"], unlocked.data["by"]) == ("bus", "operator")
