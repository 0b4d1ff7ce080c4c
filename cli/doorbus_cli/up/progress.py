"""What `doorbus up` says while it works: sentences for a person, or JSON lines for a program."""

from __future__ import annotations

import json
from typing import Any

import typer


class Progress:
    """Says what happens.

    Args:
        as_json: one JSON object a line: `{"event": NAME, …}`.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def say(self, event: str, words: str, **fields: Any) -> None:
        """Says one thing; never fails: who started us may have stopped reading."""
        try:
            if self._as_json:
                typer.echo(json.dumps({"event": event, **fields}))
            elif words:
                typer.echo(words)
        except OSError:
            pass
