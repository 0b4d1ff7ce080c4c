"""Mutated INVITEs on the whole stack, bus and policy included: strange names become harmless events and log lines.

In a network namespace, as `tests/sip/test_mutations.py`.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest
from tests.faults.house import House
from tests.sip.talker import Talker
from tests.sip.torture.case import Place, plain
from tests.sip.torture.mutate import mutated

from doorbus_sip.text import MAX_TEXT, clean
from doorbus_testkit.netns import Namespaces
from doorbus_testkit.polling import eventually

pytestmark = [pytest.mark.netns, pytest.mark.timeout(200)]

SEED, SAMPLE = "doorbus/stack", 500
PAUSE_S = 0.04
"""25 a second: what policy is asked at most (`EngineConfig.questions_per_s`), so that hardly any is refused unasked."""
STRANGE = {
    "controls": "a\x01\x1b[2J\x07b",
    "no UTF-8": "\udcff\udcfe\udced\udca0\udc80",
    "turned around": "\u202eroodtnorf",
    "long": "n" * 2500,
    "template": "${x}{y}%s'; --",
}


@pytest.fixture
async def alone() -> AsyncIterator[House]:
    """A house in a network namespace without a way out, in do not disturb."""
    with Namespaces(1) as (here,), here.entered():
        async with House(dnd="true", dial_in_s=3) as house:
            yield house


async def test_mutated_invites_harm_neither_bus_nor_policy(alone: House) -> None:
    """500 mutated INVITEs and five strange callers: refused or dropped, told as short plain text; nobody dies."""
    stack = alone.stack
    pids = {name: stack.pid(name) for name in ("sip", "policy", "io", "nats")}
    workers = {worker.pid for worker in stack.workers()}
    door = f"127.0.0.1:{stack.sip_port}"
    began = time.monotonic()
    async with Talker(door) as talker:
        wanted = []
        for number in range(SAMPLE):
            place = Place(door, talker.me, "UDP", f"s{number}")
            one = mutated(SEED, number, plain(place, "INVITE"))
            talker.send(one.data)
            wanted += [f"{place.token}@visitors.example".encode()] if one.harmless else []
            await asyncio.sleep(PAUSE_S)
        await eventually(lambda: all(talker.finals(call) for call in wanted), what="answers to what is still valid")
        for name, user in STRANGE.items():
            place = Place(door, talker.me, "UDP", f"odd{len(user)}")
            talker.send(plain(place, "INVITE", from_=f"<sip:{user}@127.0.0.1>;tag=odd"))
            call = f"{place.token}@visitors.example".encode()
            probe = f"probe{place.token}"
            talker.send(plain(Place(door, talker.me, "UDP", probe), "OPTIONS"))
            await eventually(lambda: talker.finals(f"{probe}@visitors.example".encode()), what=f"OPTIONS after {name}")  # noqa: B023
            begun = any(answer.call_id == call for answer in talker.answers)
            await eventually(lambda: not begun or talker.finals(call), what=f"an answer to {name}")  # noqa: B023
    status = await eventually(lambda: stack.wish("status"), what="policy answers")
    assert status["ok"]
    told = stack.told("call.incoming", began)
    assert len(told) > SAMPLE // 10
    for event in told:
        for field in ("caller", "caller_uri"):
            text = event.data.get(field, "")
            assert len(text) <= MAX_TEXT
            assert clean(text) == text
        assert event.data["decided_by"] == "policy"
    ended = {event.data["call"] for event in stack.told("call.ended", began)}
    await eventually(
        lambda: {event.data["call"] for event in told} <= {e.data["call"] for e in stack.told("call.ended", began)},
        what=f"the end of each call, {len(ended)} so far",
    )
    assert pids == {name: stack.pid(name) for name in pids}
    assert workers <= {worker.pid for worker in stack.workers()}
    for service in ("sip", "policy"):
        for line in stack.log_of(service).splitlines():
            assert not set(line) & set("\x00\x01\x07\x1b\u202e")
            json.loads(line)
