"""`doorbus directory`: publish, show, delete."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from doorbus.contract.subjects import KV_DIRECTORIES
from doorbus.runtime.bus import Bus

Doorbus = Callable[..., Awaitable[Any]]
MakeBus = Callable[[str], Awaitable[Bus]]


async def test_a_directory_is_published_shown_and_deleted(run_dir: Path, doorbus: Doorbus, make_bus: MakeBus) -> None:
    """As words and as JSON; what stands in the bucket is what any other system would write."""
    bus = await make_bus("policy")
    where = ("--run-dir", run_dir)
    done = await doorbus("directory", "set", "residents", "101", "sip:102@192.0.2.7", "--label", "House", *where)
    assert (done.exit_code, done.output) == (0, "directory residents: 2 numbers, revision 1\n")
    bucket = await bus.connection.client.jetstream().key_value(KV_DIRECTORIES)
    value = (await bucket.get("residents")).value or b""
    assert json.loads(value) == {"numbers": ["101", "sip:102@192.0.2.7"], "label": "House"}
    shown = await doorbus("directory", "show", *where)
    assert shown.output == "residents (House): 101, sip:102@192.0.2.7\n"
    shown = await doorbus("directory", "show", "residents", "--json", *where)
    assert json.loads(shown.output) == {
        "ok": True,
        "name": "residents",
        "numbers": ["101", "sip:102@192.0.2.7"],
        "label": "House",
    }
    gone = await doorbus("directory", "delete", "residents", *where)
    assert (gone.exit_code, gone.output) == (0, "directory residents is deleted\n")
    assert (await doorbus("directory", "show", *where)).output == "no directory is published\n"


async def test_what_cannot_be_called_is_not_published(run_dir: Path, doorbus: Doorbus, make_bus: MakeBus) -> None:
    """The message names the number and what is allowed; the exit code is 2."""
    await make_bus("policy")
    refused = await doorbus("directory", "set", "residents", "101", "the porter", "--run-dir", run_dir)
    assert refused.exit_code == 2
    assert "numbers[1]: must be a quoted number" in refused.output
    assert (await doorbus("directory", "show", "--run-dir", run_dir)).output == "no directory is published\n"


async def test_an_unknown_directory_is_said(run_dir: Path, doorbus: Doorbus, make_bus: MakeBus) -> None:
    """Showing or deleting what nobody published ends with 4."""
    await make_bus("policy")
    for verb in ("show", "delete"):
        result = await doorbus("directory", verb, "nobody", "--run-dir", run_dir)
        assert (result.exit_code, result.output) == (4, "nobody has published a directory nobody\n")
