"""`doorbus schedule show`: what is active at a moment, whom a press would call, and what comes next."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from doorbus.runtime.bus import Bus

Doorbus = Callable[..., Awaitable[Any]]
MakeBus = Callable[[str], Awaitable[Bus]]
DOCUMENT = """
door: front
timezone: Europe/Berlin
sip: {accounts: [{id: pbx, aor: "sip:door@pbx.example.com", registrar: null}]}
io:
  inputs:
    - {id: button1, kind: push_button, chip: sim, line: 0}
    - {id: button2, kind: push_button, chip: sim, line: 1}
    - {id: button3, kind: push_button, chip: sim, line: 2}
    - {id: button4, kind: push_button, chip: sim, line: 3}
buttons:
  - {input: button1, call: {account: pbx, template_enabled: true}}
  - {input: button2, call: {type: sequence, account: pbx, numbers: ["101", "102"]}}
  - {input: button3, call: {account: pbx, directory: porters}}
  - {input: button4}
schedule:
  holidays: [2026-12-25]
  schedules:
    - {id: office, kind: weekly, days: [mon, tue, wed, thu, fri], start: "08:00", end: "18:00", holidays: exclude}
    - {id: night, kind: daily, start: "22:00", end: "06:00"}
    - {id: dawn, kind: normal, first_date: 2026-03-29, last_date: 2026-03-29, start: "02:30", end: "05:00"}
  templates:
    - {id: day, name: Office hours, numbers: ["201", "202"], schedules: [office]}
    - {id: late, name: Night, numbers: ["301"], schedules: [night]}
  inputs: {button1: [day, late]}
"""
NOON = """\
door front, Thu 2026-12-24 12:00 CET (Europe/Berlin)
schedule office  active
schedule night   not active
schedule dawn    not active
template day   active
template late  not active
button1 calls 201, 202, at the same time, on account pbx (template day)
button2 calls 101, 102, one after another, on account pbx
button3 calls those of the directory porters, at the same time, on account pbx
button4 calls nobody
next change: Thu 2026-12-24 18:00 CET
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A document with schedules."""
    path = tmp_path / "door.yaml"
    path.write_text(DOCUMENT)
    return path


@pytest.mark.parametrize("at", ["2026-12-24T12:00", "2026-12-24T11:00Z", "2026-12-24 12:00+01:00"])
async def test_a_file_is_asked_without_a_bus(file: Path, doorbus: Doorbus, at: str) -> None:
    """What is active, whom each button calls and what comes next; a naive moment is one of the door's clock."""
    shown = await doorbus("schedule", "show", "-f", file, "--at", at)
    assert (shown.exit_code, shown.output) == (0, NOON)


@pytest.mark.parametrize(
    ("at", "calls", "next_change"),
    [
        ("2026-12-24T19:00", "nobody: none of its templates is active", "Thu 2026-12-24 22:00 CET"),
        ("2026-12-24T23:00", "301, on account pbx (template late)", "Fri 2026-12-25 06:00 CET"),
        ("2026-12-25T12:00", "nobody: none of its templates is active", "Fri 2026-12-25 22:00 CET"),
        ("2026-03-29T02:30", "301, on account pbx (template late)", "Sun 2026-03-29 05:00 CEST"),
    ],
)
async def test_other_moments(file: Path, doorbus: Doorbus, at: str, calls: str, next_change: str) -> None:
    """Evening, night, a holiday, and a time that the clock skips: it is taken for the moment when it skips it."""
    shown = await doorbus("schedule", "show", "-f", file, "--at", at)
    assert f"button1 calls {calls}\n" in shown.output
    assert shown.output.endswith(f"next change: {next_change}\n")


async def test_the_same_for_programs(file: Path, doorbus: Doorbus) -> None:
    """One JSON object; times carry the door's offset."""
    told = json.loads((await doorbus("schedule", "show", "-f", file, "--at", "2026-12-24T12:00", "--json")).output)
    assert (told["at"], told["next_change"]) == ("2026-12-24T12:00:00+01:00", "2026-12-24T18:00:00+01:00")
    assert told["schedules"] == {"office": True, "night": False, "dawn": False}
    assert told["templates"] == {"day": True, "late": False}
    assert told["buttons"] == {
        "button1": {"type": "group", "account": "pbx", "template": "day", "numbers": ["201", "202"]},
        "button2": {"type": "sequence", "account": "pbx", "numbers": ["101", "102"]},
        "button3": {"type": "group", "account": "pbx", "directory": "porters"},
        "button4": None,
    }


async def test_the_doors_own_document_and_now(file: Path, run_dir: Path, doorbus: Doorbus, make_bus: MakeBus) -> None:
    """Without a file the bus has the document, without a moment it has the time; who may not read it is told so."""
    bus = await make_bus("policy")
    missing = await doorbus("schedule", "show", "--run-dir", run_dir)
    assert (missing.exit_code, "no document yet" in missing.output) == (3, True)
    assert (await doorbus("apply", "-f", file, "--run-dir", run_dir)).exit_code == 0
    shown = await doorbus("schedule", "show", "--run-dir", run_dir, "--at", "2026-12-24T12:00")
    assert (shown.exit_code, shown.output) == (0, NOON)
    now = bus.clock.now()
    assert now is not None
    told = json.loads((await doorbus("schedule", "show", "--run-dir", run_dir, "--json")).output)
    from_file = json.loads((await doorbus("schedule", "show", "-f", file, "--at", told["at"], "--json")).output)
    assert from_file == told
    denied = await doorbus("schedule", "show", "--run-dir", run_dir, "--user", "viewer")
    assert (denied.exit_code, "cannot be read here" in denied.output) == (3, True)


@pytest.mark.parametrize("at", ["noon", "2026", "0001-01-01", "9999-12-31T23:59", "9995-01-01T00:00Z"])
async def test_what_is_no_moment(file: Path, doorbus: Doorbus, at: str) -> None:
    """It is named, with exit code 2 and no traceback."""
    shown = await doorbus("schedule", "show", "-f", file, "--at", at)
    assert shown.exit_code == 2
    assert shown.output.startswith("--at: ")


async def test_a_document_with_mistakes(tmp_path: Path, doorbus: Doorbus) -> None:
    """They are named as `apply` names them."""
    path = tmp_path / "bad.yaml"
    path.write_text("door: front\nschedule: {schedules: [{id: x, kind: yearly}]}\n")  # a few bytes
    shown = await doorbus("schedule", "show", "-f", path)
    assert (shown.exit_code, "schedule.schedules[0].kind" in shown.output) == (2, True)
