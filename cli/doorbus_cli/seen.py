"""An event as a reader of the bus sees it, shown as a line or as an object."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from doorbus.contract.sentences import BAD, GOOD, INFO, QUIET, SENTENCES, WARN, sentence
from doorbus.runtime.seen import Seen

STYLES = {INFO: "default", GOOD: "green", WARN: "yellow", BAD: "red", QUIET: "bright_black"}


def show(console: Console, seen: Seen, since_start_ms: int | None, *, as_json: bool) -> None:
    """Shows an event: one line, or one JSON object a line."""
    if as_json:
        console.file.write(json.dumps(as_object(seen, since_start_ms), ensure_ascii=False) + "\n")
        console.file.flush()
    else:
        console.print(as_line(seen, since_start_ms), soft_wrap=True)


def as_object(seen: Seen, since_start_ms: int | None) -> dict[str, Any]:
    """Returns an event as one JSON object: door, envelope, data, and where it stands in its story."""
    envelope = asdict(seen.envelope) | {"time": seen.envelope.time.isoformat(timespec="milliseconds")}
    return {"door": seen.door, "since_start_ms": since_start_ms, "envelope": envelope, "data": seen.data}


def as_line(seen: Seen, since_start_ms: int | None) -> Text:
    """Returns an event as one line: wall clock, milliseconds since the start of its story, what it says."""
    known = SENTENCES.get(type(seen.event)) if seen.event is not None else None
    icon, tone = (known.icon, known.tone) if known is not None else ("?", QUIET)
    words = sentence(seen.event) if seen.event is not None else f"{seen.envelope.type} {json.dumps(seen.data)}"
    since = f"{since_start_ms:>8} ms" if since_start_ms is not None else " " * 11
    clock = seen.envelope.time.astimezone().strftime("%H:%M:%S.%f")[:-3]
    return Text.assemble((f"{clock} ", "bright_black"), f"{since}  ", (f"{icon} {_plain(words)}", STYLES[tone]))


def _plain(words: str) -> str:
    """Takes out control characters: callers choose their own names."""
    return "".join(character if character.isprintable() else "?" for character in words)
