"""`doorbus apply`: whole or not at all, and never over somebody else's newer document."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from doorbus.contract import subjects
from doorbus.contract.document import from_json
from doorbus.runtime.bus import Bus
from doorbus_cli.documents import ConflictError, write_document

Doorbus = Callable[..., Awaitable[Any]]
MakeBus = Callable[[str], Awaitable[Bus]]
GOOD = "door: front\nio: {relays: [{id: gate, chip: sim, line: 8}]}\n"
BAD = "door: front\ncalls: {max_call_s: often}\nio: {relays: [{id: gate, chip: sim, line: 8, hold: 3}]}\n"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A valid document."""
    path = tmp_path / "door.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A document with two mistakes."""
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    return path


async def test_a_document_is_written_once(good: Path, run_dir: Path, doorbus: Doorbus, make_bus: MakeBus) -> None:
    """The first time it gets a revision, the second time it is unchanged; a change gets the next one."""
    bus = await make_bus("policy")
    first = await doorbus("apply", "-f", good, "--run-dir", run_dir)
    assert (first.exit_code, first.output) == (0, "door front: revision 1\n")
    again = await doorbus("apply", "-f", good, "--run-dir", run_dir)
    assert (again.exit_code, again.output) == (0, "door front: unchanged, revision 1\n")
    good.write_text(GOOD.replace("gate", "lamp"))  # noqa: ASYNC240  # a few bytes
    changed = await doorbus("apply", "-f", good, "--run-dir", run_dir, "--json")
    assert json.loads(changed.output) == {"ok": True, "door": "front", "revision": 2, "changed": True}
    bucket = await bus.connection.client.jetstream().key_value(subjects.KV_CONFIG)
    entry = await bucket.get("front")
    assert [relay.id for relay in from_json(entry.value or b"").io.relays] == ["lamp"]


async def test_mistakes_are_all_named_and_nothing_is_written(
    bad: Path, run_dir: Path, doorbus: Doorbus, make_bus: MakeBus
) -> None:
    """Each with its path; the exit code is 2, with and without --check."""
    bus = await make_bus("policy")
    for words in (["apply", "-f", bad, "--run-dir", run_dir], ["apply", "-f", bad, "--check"]):
        result = await doorbus(*words)
        assert result.exit_code == 2
        assert "2 mistakes" in result.output
        assert "calls.max_call_s:" in result.output
        assert "io.relays[0].hold:" in result.output
    as_json = json.loads((await doorbus("apply", "-f", bad, "--check", "--json")).output)
    assert sorted(each["path"] for each in as_json["problems"]) == ["calls.max_call_s", "io.relays[0].hold"]
    stream = await bus.connection.client.jetstream().stream_info(f"KV_{subjects.KV_CONFIG}")
    assert stream.state.messages == 0


async def test_check_needs_no_bus(good: Path, doorbus: Doorbus) -> None:
    """A valid document is called valid with nothing running anywhere."""
    result = await doorbus("apply", "-f", good, "--check")
    assert (0, f"{good}: valid, for door front\n") == (result.exit_code, result.output)


async def test_a_viewer_may_not_apply(good: Path, run_dir: Path, doorbus: Doorbus, make_bus: MakeBus) -> None:
    """The server does not let the document pass, and the command says that it was not written."""
    bus = await make_bus("policy")
    result = await doorbus("apply", "-f", good, "--run-dir", run_dir, "--user", "viewer")
    assert result.exit_code == 3
    assert "not written" in result.output
    stream = await bus.connection.client.jetstream().stream_info(f"KV_{subjects.KV_CONFIG}")
    assert stream.state.messages == 0


async def test_no_bus_is_said_with_its_address(good: Path, doorbus: Doorbus) -> None:
    """A dead address ends with exit code 3 and the reason."""
    result = await doorbus("apply", "-f", good, "--nats", "nats://127.0.0.1:9")
    assert result.exit_code == 3
    assert "nats://127.0.0.1:9" in result.output
    assert "Connect call failed" in result.output


async def test_a_wrong_password_is_said(good: Path, run_dir: Path, doorbus: Doorbus) -> None:
    """Who is turned away learns why, not that there is no bus."""
    (run_dir / "passwords" / "operator").write_text("guessed")
    result = await doorbus("apply", "-f", good, "--run-dir", run_dir)
    assert result.exit_code == 3
    assert "authorization violation" in result.output.lower()


async def test_who_comes_second_does_not_overwrite(make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between reading and writing somebody else wrote: their document stands, ours is refused."""
    bus = await make_bus("supervisor")
    await write_document(bus.connection, "front", b"first")
    js = bus.connection.client.jetstream()
    bucket = await js.key_value(subjects.KV_CONFIG)
    read = type(bucket).get

    async def slow_read(self: object, key: str) -> object:
        entry = await read(bucket, key)
        await bucket.put("front", b"theirs")
        return entry

    monkeypatch.setattr(type(bucket), "get", slow_read)
    with pytest.raises(ConflictError):
        await write_document(bus.connection, "front", b"ours")
    monkeypatch.undo()
    assert (await bucket.get("front")).value == b"theirs"
