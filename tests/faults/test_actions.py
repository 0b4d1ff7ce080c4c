"""A hundred presses while everything between the button and the servers is killed: no message is lost or doubled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable

import psutil
import pytest

from doorbus.contract.actions import message_id
from doorbus_testkit.kept import kept_events
from doorbus_testkit.polling import eventually
from doorbus_testkit.receivers import Receiver
from doorbus_testkit.stack import Options, Stack

BUTTON = 0
PRESSES = 100
EVERY_S = 0.5
KILLS = {"actions": 4, "nats": 3, "http": 3, "smtp": 3, "ftp": 3}
DOWN_S = (0.1, 2.0)
"""For how long a server stays dead; the others are started again by `doorbus up`."""
SLOW = "slow:0.2"
"""The servers take their time, so that at most moments something is under way that a kill can hit."""
SETTLES_S = 60.0
ENV = {"DOORBUS_ACTIONS_RETRY_FIRST_S": "0.5", "DOORBUS_ACTIONS_RETRY_MOST_S": "4"}
SEED = int(os.environ.get("DOORBUS_TEST_SEED") or random.SystemRandom().randrange(1_000_000))

DOCUMENT = """
door: front
timezone: Europe/Berlin
io: {{inputs: [{{id: button1, kind: push_button, chip: sim, line: 0}}]}}
buttons: [{{input: button1, actions: [notify, mail, upload]}}]
actions:
  - {{id: notify, type: http, method: POST, url: "http://127.0.0.1:{http}/message"}}
  - {{id: mail, type: email, server: "smtp://127.0.0.1:{smtp}", tls: none, from: door@a.test, to: [porter@a.test]}}
  - {{id: upload, type: ftp, url: "ftp://127.0.0.1:{ftp}/$id"}}
"""


@pytest.mark.timeout(300)
async def test_no_message_is_lost_or_doubled() -> None:
    """Each press that was taken reached each server under one id of its own, and is told as done once."""
    print(f"DOORBUS_TEST_SEED={SEED}")  # noqa: T201  # captured by pytest
    async with Receiver("http") as http, Receiver("smtp") as smtp, Receiver("ftp") as ftp:
        servers = {"http": http, "smtp": smtp, "ftp": ftp}
        ports = {name: server.port for name, server in servers.items()}
        for server in servers.values():
            server.behave(SLOW)
        async with Stack(DOCUMENT.format(**ports), Options(env=ENV)) as door:
            killed, down = Counter[str](), defaultdict[str, asyncio.Lock](asyncio.Lock)
            async with asyncio.TaskGroup() as group:
                group.create_task(_press(door))
                for moment, what in _moments():
                    group.create_task(_at(moment, lambda what=what: _kill(door, servers, what, killed, down)))  # type: ignore[misc]

            async def expected() -> dict[str, set[str]]:
                presses = [event["press"] for event in await kept_events(door.client, "front", "button.activated")]
                return {
                    action: {message_id("front", press, action) for press in presses}
                    for action in ("notify", "mail", "upload")
                }

            def came() -> dict[str, set[str]]:
                return {"notify": {*http.ids()}, "mail": {*smtp.ids()}, "upload": {*ftp.files()}}

            async def all_done() -> bool:
                told = {event["message"] for event in await kept_events(door.client, "front", "action.done")}
                return told == set[str]().union(*(await expected()).values())

            await eventually(all_done, SETTLES_S, 0.5, "every message is told as done")
            wanted, received = await expected(), came()
            done = Counter(event["message"] for event in await kept_events(door.client, "front", "action.done"))
            failed = await kept_events(door.client, "front", "action.failed")
            repeats = {name: len(server.taken()) - len({*server.ids()}) for name, server in servers.items()}
    figures = f"{len(wanted['mail'])} presses taken, killed {dict(killed)}, repeats with the same id {repeats}"
    print(f"measured: {figures}")  # noqa: T201  # captured by pytest
    assert len(wanted["notify"]) >= 0.9 * PRESSES
    assert wanted == received
    assert {1} == set(done.values())
    assert failed == []


async def _press(door: Stack) -> None:
    for _ in range(PRESSES):
        began = time.monotonic()
        await door.chip.press(BUTTON)
        await asyncio.sleep(max(began + EVERY_S - time.monotonic(), 0.1))  # the pace of the presses


def _moments() -> list[tuple[float, str]]:
    """Returns when what is killed, in seconds from the first press."""
    dice = random.Random(SEED)  # to be repeated
    return [(dice.uniform(0, PRESSES * EVERY_S), what) for what, times in KILLS.items() for _ in range(times)]


async def _at(moment: float, work: Callable[[], Awaitable[None]]) -> None:
    await asyncio.sleep(moment)  # the moment is what the test is about
    await work()


async def _kill(
    door: Stack, servers: dict[str, Receiver], what: str, killed: Counter[str], down: dict[str, asyncio.Lock]
) -> None:
    if what not in servers:
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just been killed and is not started yet
            door.process(what).kill()
            killed[what] += 1
        return
    async with down[what]:
        servers[what].kill()
        killed[what] += 1
        await asyncio.sleep(random.Random(SEED + killed[what]).uniform(*DOWN_S))  # so long it is down
        await servers[what].start()
