"""A flood of INVITEs on the whole stack, policy deciding."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import pytest
from tests.faults.house import House

from doorbus_testkit.polling import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUSE = {"dial_in_s": 3}
RATE, SECONDS = 300, 3
ROOT = Path(__file__).parents[2]


async def test_flood_is_answered_and_a_friend_gets_through(house: House) -> None:
    """900 INVITEs within 3 s each get a final answer, and a friend who calls a second later talks.

    No process dies, and the refusals are told in sums.
    """
    pids = {name: house.stack.pid(name) for name in ("sip", "policy", "io", "nats")}
    workers = {worker.pid for worker in house.stack.workers()}
    began = time.monotonic()
    report = await _flood(house.stack.uri)
    assert report["sent"] == RATE * SECONDS
    assert report["unanswered"] == 0
    async with house.caller() as friend:

        async def idle() -> bool:
            return bool((await house.stack.wish("status"))["stage"] == "idle")

        await eventually(idle, 2.0, 0.1, "the door is idle again")
        call = await friend.invite(house.stack.uri)
        await call.wait("ringing", 3.0)
        assert (await house.stack.wish("press", input="button1"))["ok"]
        assert (await call.wait_final(3.0)).status == 200
        await call.wait("answered")
    assert pids == {name: house.stack.pid(name) for name in pids}
    assert workers <= {worker.pid for worker in house.stack.workers()}
    sums = house.stack.told("call.flood_refused", began)
    one_by_one = house.stack.told("call.incoming", began)
    assert sums
    assert len(sums) + len(one_by_one) < RATE * SECONDS / 3


async def _flood(uri: str) -> dict[str, int]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.sip.flooder", uri, str(RATE), str(SECONDS)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    result: dict[str, int] = json.loads(output)
    return result
