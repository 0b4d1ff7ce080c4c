"""Writes the documents that are generated from the code: `python -m tools.generate_docs [--check]`.

`--check` writes nothing and fails when a committed file differs: a test runs it.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel

from doorbus.contract import catalog
from doorbus.contract.actions import DeadLetter
from doorbus.contract.base import Command, Event, Order, Question, Wish
from doorbus.contract.directories import Directory
from doorbus.contract.errors import ErrorCode
from doorbus.contract.nats_config import example_config
from doorbus.contract.schedules import ScheduleState
from doorbus.contract.subjects import KV_DEAD_LETTERS, KV_DIRECTORIES, KV_STATE
from doorbus_policy.press_table import press_table

ROOT = Path(__file__).resolve().parent.parent

BUS_HEAD = """# The bus

Generated from the code by `make docs`; do not edit. Bodies are JSON; unknown fields are ignored on reading. Fields
with a default may be left out. [`architecture.md`](architecture.md) says how the bus is used.

Every command carries `id` (yours; a repeat of it gets the first answer and does nothing) and `expires_at` (RFC 3339
with time zone, at most 3 s ahead in the NATS server's time). `issued_at` should stand there too: without it the command
counts as issued 3 s before it expires, and is refused by a process that started later. Answers are `{"ok": true, …}` or
`{"ok": false, "code": …, "message": …}`. Events carry CloudEvents 1.0 headers (`ce-id`, `ce-source`, `ce-type`,
`ce-time`, and `ce-epoch` with `ce-sequence`, which number a source's events) and are kept in the stream
`DOORBUS_EVENTS`.
"""


def documents() -> dict[Path, str]:
    """Returns the generated files with their contents."""
    return {
        ROOT / "docs/bus.md": bus(),
        ROOT / "docs/press-table.md": press_table(),
        ROOT / "deploy/nats/nats.conf": example_config(),
    }


def bus() -> str:
    """Returns the page on subjects and messages."""
    parts = [BUS_HEAD]
    parts += ["\n## Wishes: what anybody may ask of policy\n", *map(_wish, catalog.WISHES)]
    parts += ["\n## Commands to actions\n"]
    parts += [_section(f"door.<door>.cmd.actions.{kind.verb}.<client>", kind) for kind in catalog.ACTIONS_COMMANDS]
    parts += ["\n## Events\n", *(_section(_event_subject(kind), kind) for kind in catalog.EVENTS)]
    parts += ["\n## Questions to policy\n"]
    parts += [_section(f"door.<door>.ask.policy.{kind.what}", kind) for kind in catalog.QUESTIONS]
    parts += ["\n## Orders: policy alone may send them\n"]
    orders = (*catalog.SIP_ORDERS, *catalog.IO_ORDERS)
    parts += [_section(f"door.<door>.cmd.{kind.service}.{kind.verb}", kind) for kind in orders]
    parts += ["\n## Values that are kept (KV)\n"]
    parts += [_section(f"$KV.{KV_STATE}.<door>.scheduler", ScheduleState)]
    parts += [_section(f"$KV.{KV_DIRECTORIES}.<name>", Directory)]
    parts += [_section(f"$KV.{KV_DEAD_LETTERS}.<door>.<message>", DeadLetter)]
    parts += ["\n## Error codes\n", *(f"- `{code}`\n" for code in ErrorCode)]
    return "".join(parts)


def _wish(kind: type[Wish]) -> str:
    middle = "unlock.<relay>" if kind.verb == "unlock" else kind.verb
    return _section(f"door.<door>.cmd.policy.{middle}.<client>", kind)


def _event_subject(kind: type[Event]) -> str:
    return f"door.<door>.event.{kind.domain}.{kind.what}"


def _section(subject: str, kind: type[BaseModel]) -> str:
    lines = [f"\n### `{subject}`\n\n{_summary(kind)}\n"]
    fields = list(_fields(kind))
    if fields:
        lines.append("\n| field | type | default |\n|---|---|---|\n")
        lines += fields
    return "".join(lines)


def _fields(kind: type[BaseModel]) -> Iterable[str]:
    common: set[str] = set()
    for base in (Command, Question):
        if issubclass(kind, base):
            common |= set(base.model_fields)
    if issubclass(kind, Order):
        common.add("epoch")
    for name, schema in kind.model_json_schema()["properties"].items():
        if name in common:
            continue
        field = kind.model_fields[name]
        default = "" if field.is_required() else f"`{json.dumps(schema.get('default'))}`"
        yield f"| `{name}` | {_type(schema)} | {default} |\n"


def _type(schema: dict[str, object]) -> str:
    if "enum" in schema and isinstance(schema["enum"], list):
        return " \\| ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema and isinstance(schema["anyOf"], list):
        return " or ".join(_type(each) for each in schema["anyOf"])
    if schema.get("type") == "array" and isinstance(schema.get("items"), dict):
        items = schema["items"]
        assert isinstance(items, dict)  # noqa: S101  # for the type checker
        return f"list of {_type(items)}"
    return str(schema.get("format", schema.get("type", "any")))


def _summary(kind: type[object]) -> str:
    return (inspect.getdoc(kind) or "").split("\n\nAttributes:")[0]


def main(arguments: list[str]) -> int:
    """Writes the files, or checks them; returns the exit code."""
    stale = [path for path, text in documents().items() if not path.exists() or path.read_text() != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not what the code says: run 'make docs'", file=sys.stderr)  # noqa: T201
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(documents()[path])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
