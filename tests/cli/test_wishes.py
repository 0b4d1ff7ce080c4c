"""Wishes from the command line to a scripted policy behind the real gate of the bus."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from doorbus.contract import wishes
from doorbus.contract.base import Reply, Wish
from doorbus.contract.catalog import WISHES
from doorbus.contract.errors import ErrorCode
from doorbus.runtime.bus import Bus
from doorbus.runtime.endpoints import Received
from doorbus_cli.client import Answer

Doorbus = Callable[..., Awaitable[Any]]
MakeBus = Callable[[str], Awaitable[Bus]]


class Policy:
    """Answers what the test told it to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.heard: list[Received] = []
        self.reply = Reply()

    async def handle(self, received: Received) -> Reply:
        """Takes a wish."""
        self.heard.append(received)
        return self.reply


@pytest.fixture
async def policy(make_bus: MakeBus) -> Policy:
    """A policy on the bus."""
    scripted = Policy()
    bus = await make_bus("policy")
    await bus.serve_wishes(WISHES, scripted.handle)
    await bus.connection.client.flush()
    return scripted


@pytest.mark.parametrize(
    ("words", "wish", "fields", "said"),
    [
        (("press", "button1"), wishes.WishPress, {"input": "button1"}, "button1 pressed (call c1)"),
        (
            ("call", "101", "--account", "pbx"),
            wishes.WishCall,
            {"to": "101", "account": "pbx"},
            "calling 101 (call c1)",
        ),
        (("call", "sip:1@192.0.2.7"), wishes.WishCall, {"account": None}, "calling sip:1@192.0.2.7 (call c1)"),
        (("hangup",), wishes.WishHangUp, {"call": None}, "hanging up (call c1)"),
        (("hangup", "--call", "c1"), wishes.WishHangUp, {"call": "c1"}, "hanging up (call c1)"),
        (("unlock", "gate"), wishes.WishUnlock, {}, "unlocking gate (call c1)"),
        (("dnd", "on"), wishes.WishDnd, {"enabled": True, "account": None}, "do not disturb is on (call c1)"),
        (
            ("dnd", "off", "--account", "pbx"),
            wishes.WishDnd,
            {"enabled": False, "account": "pbx"},
            "do not disturb is off for pbx (call c1)",
        ),
    ],
)
async def test_a_wish_arrives_as_it_was_meant(
    words: tuple[str, ...],
    wish: type[Wish],
    fields: dict[str, object],
    said: str,
    policy: Policy,
    doorbus: Doorbus,
    run_dir: Path,
) -> None:
    """Policy gets the wish with its fields, from `operator`, in time; the answer stands there in words."""
    policy.reply = Reply(call="c1")
    result = await doorbus(*words, "--run-dir", run_dir)
    assert (0, said + "\n") == (result.exit_code, result.output)
    (received,) = policy.heard
    assert (wish, "operator", "front") == (type(received.message), received.client, received.door)
    assert fields == {name: getattr(received.message, name) for name in fields}


async def test_the_relay_stands_in_the_subject(policy: Policy, doorbus: Doorbus, run_dir: Path) -> None:
    """So the server can check it."""
    await doorbus("unlock", "lamp", "--run-dir", run_dir)
    assert [received.relay for received in policy.heard] == ["lamp"]


async def test_the_only_relay_need_not_be_named(
    policy: Policy, doorbus: Doorbus, run_dir: Path, tmp_path: Path
) -> None:
    """With one relay in the document it is the one; with two the command asks which, and sends nothing."""
    document = tmp_path / "door.yaml"
    document.write_text("door: front\nio: {relays: [{id: gate, chip: sim, line: 8}]}\n")
    await doorbus("apply", "-f", document, "--run-dir", run_dir)
    assert (await doorbus("unlock", "--run-dir", run_dir)).output == "unlocking gate\n"
    document.write_text("door: front\nio: {relays: [{id: a, chip: sim, line: 8}, {id: b, chip: sim, line: 9}]}\n")
    await doorbus("apply", "-f", document, "--run-dir", run_dir)
    result = await doorbus("unlock", "--run-dir", run_dir)
    assert "which relay? door front has a, b" in result.output
    assert [received.relay for received in policy.heard] == ["gate"]


async def test_a_refusal_is_named(policy: Policy, doorbus: Doorbus, run_dir: Path) -> None:
    """Code and reason are shown, the exit code is 1; with --json the same as an object."""
    policy.reply = Reply(ok=False, code=ErrorCode.UNKNOWN_INPUT, message="button9 is not one of button1")
    result = await doorbus("press", "button9", "--run-dir", run_dir)
    assert (result.exit_code, result.output) == (1, "refused, unknown_input: button9 is not one of button1\n")
    as_json = await doorbus("press", "button9", "--run-dir", run_dir, "--json")
    assert as_json.exit_code == 1
    expected = {"ok": False, "code": "unknown_input", "message": "button9 is not one of button1"}
    assert expected == {key: value for key, value in json.loads(as_json.output).items() if value is not None}


async def test_status_is_told_in_words(policy: Policy, doorbus: Doorbus, run_dir: Path) -> None:
    """The call, DND and the document; with --json all that policy says."""
    policy.reply = Answer.model_validate(
        {
            "stage": "answered",
            "direction": "outgoing",
            "far_side": "sip:101@pbx",
            "answered_s": 12.4,
            "dnd_accounts": ["pbx"],
            "codes_locked": True,
            "revision": 7,
            "call": "c1",
        }
    )
    result = await doorbus("status", "--run-dir", run_dir)
    assert result.output.splitlines() == [
        "outgoing call, answered for 12 s with sip:101@pbx (c1)",
        "do not disturb: on for pbx",
        "unlock codes are locked: too many wrong ones",
        "document: revision 7",
    ]
    told = json.loads((await doorbus("status", "--run-dir", run_dir, "--json")).output)
    assert (told["ok"], told["stage"], told["revision"]) == (True, "answered", 7)


async def test_a_door_without_policy_says_so(make_bus: MakeBus, doorbus: Doorbus, run_dir: Path) -> None:
    """Nobody there is exit code 3, at once, with words and as JSON."""
    result = await doorbus("press", "button1", "--run-dir", run_dir)
    assert (result.exit_code, result.output) == (3, "nobody decides for door front: is policy running?\n")
    as_json = json.loads((await doorbus("press", "button1", "--run-dir", run_dir, "--json")).output)
    assert (as_json["ok"], as_json["code"]) == (False, "not_ready")


async def test_a_viewer_cannot_unlock(policy: Policy, doorbus: Doorbus, run_dir: Path) -> None:
    """The server stops the wish: policy hears nothing, the command ends with 3; status is allowed."""
    result = await doorbus("unlock", "gate", "--run-dir", run_dir, "--user", "viewer")
    assert result.exit_code == 3
    assert policy.heard == []
    assert (await doorbus("status", "--run-dir", run_dir, "--user", "viewer")).exit_code == 0


async def test_no_running_door_is_said(
    doorbus: Doorbus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_dir: Path
) -> None:
    """Without a context the command names the ways to give one; several doors are listed."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    result = await doorbus("status")
    assert (result.exit_code, "doorbus up" in result.output) == (3, True)
    for door in ("front", "back"):
        place = tmp_path / "state" / "doorbus" / door
        place.mkdir(parents=True)
        (place / "client.json").write_text((run_dir / "client.json").read_text())
    assert "back, front" in (await doorbus("status")).output
