"""`doorbus actions failed | retry`: what was given up, and how one is named."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from doorbus.contract.actions import DeadLetter, Retry, RetryReply
from doorbus.contract.base import Reply
from doorbus.runtime.bus import Bus
from doorbus.runtime.dead_letters import DeadLetters
from doorbus.runtime.endpoints import Received
from doorbus_cli.exits import Exit

Doorbus = Callable[..., Awaitable[Any]]
MakeBus = Callable[[str], Awaitable[Bus]]

IDS = (
    "0e9c1b7a-4a1e-4f3e-9a55-3f2d7c1b8e10",
    "0e9c1b7a-ffff-4f3e-9a55-3f2d7c1b8e11",
    "7d1f0a42-5b7c-4f0e-8a11-9c2e4d6f8a01",
)


def letter(message: str, minute: int) -> DeadLetter:
    """Returns a message that was given up."""
    pressed = datetime(2026, 5, 4, 12, minute, tzinfo=UTC)
    return DeadLetter(
        action="notify",
        message=message,
        press="p",
        input="button1",
        tries=20,
        pressed_at=pressed,
        failed_at=pressed,
        why="hub answers 500",
    )


async def actions(make_bus: MakeBus) -> list[tuple[str, str | None]]:
    """Keeps the messages and serves `Retry`; returns who asked for what, as it comes."""
    bus, asked = await make_bus("actions"), list[tuple[str, str | None]]()

    async def on_command(received: Received) -> Reply:
        assert isinstance(received.message, Retry)
        asked.append((received.client, received.message.message))
        return RetryReply(count=3 if received.message.message is None else 1)

    await bus.serve_actions_commands([Retry], on_command)
    for minute, message in enumerate(IDS):
        await DeadLetters(bus.connection).put("front", letter(message, minute))
    await DeadLetters(bus.connection).put("back", letter("another-door", 0))
    return asked


async def test_what_was_given_up_is_listed(run_dir: Path, doorbus: Doorbus, make_bus: MakeBus) -> None:
    """The door's own, the oldest press first, in words and as JSON."""
    await actions(make_bus)
    shown = await doorbus("actions", "failed", "--run-dir", run_dir)
    lines = shown.output.splitlines()
    assert [message[:8] for message in IDS] == [line.split()[0] for line in lines]
    assert lines[0].endswith("button1  notify, 20 tries: hub answers 500")
    shown = await doorbus("actions", "failed", "--json", "--run-dir", run_dir)
    assert list(IDS) == [json.loads(line)["message"] for line in shown.output.splitlines()]


async def test_one_is_named_by_the_beginning_of_its_id(run_dir: Path, doorbus: Doorbus, make_bus: MakeBus) -> None:
    """Eight characters are enough where only one begins so; too short, unknown and ambiguous ones are refused."""
    asked = await actions(make_bus)
    where = ("--run-dir", run_dir)
    done = await doorbus("actions", "retry", "7d1f0a42", *where)
    assert (done.exit_code, done.output) == (0, "1 message will be sent again\n")
    done = await doorbus("actions", "retry", "--all", "--json", *where)
    assert json.loads(done.output) == {"ok": True, "count": 3}
    assert asked == [("operator", IDS[2]), ("operator", None)]
    several = await doorbus("actions", "retry", "0e9c1b7a", *where)
    assert (several.exit_code, "2 messages begin with" in several.output) == (Exit.INVALID, True)
    for message in ("7d1f", "ffffffff", "another-door"):
        unknown = await doorbus("actions", "retry", message, *where)
        assert (unknown.exit_code, "was given up" in unknown.output) == (Exit.NOT_FOUND, True)
    for words in ((), ("7d1f0a42", "--all")):
        wrong = await doorbus("actions", "retry", *words, *where)
        assert (wrong.exit_code, wrong.output) == (Exit.INVALID, "name one message, or give --all\n")
    assert len(asked) == 2


async def test_nothing_given_up_and_nobody_there(run_dir: Path, doorbus: Doorbus, make_bus: MakeBus) -> None:
    """An empty list says so; without the service a retry ends with 3, and a viewer may do neither."""
    bus = await make_bus("actions")
    where = ("--run-dir", run_dir)
    assert (await doorbus("actions", "failed", *where)).output == "no message is given up\n"
    await DeadLetters(bus.connection).put("front", letter(IDS[2], 0))
    nobody = await doorbus("actions", "retry", "7d1f0a42", *where)
    assert (nobody.exit_code, nobody.output) == (Exit.UNREACHABLE, "nobody sends for door front: is actions running?\n")
    viewer = await doorbus("actions", "failed", "--user", "viewer", *where)
    assert viewer.exit_code == Exit.UNREACHABLE
