"""Exit codes, and how a command says that it failed."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Any, NoReturn

import typer

from doorbus.contract.document import DocumentError


class Exit(IntEnum):
    """What a command ends with; 0 is done."""

    REFUSED = 1
    """Policy said no, or somebody else changed the document in between."""
    INVALID = 2
    """The document or the command line is wrong; nothing was done."""
    UNREACHABLE = 3
    """No bus, or no answer on it: it may have been done or not."""
    NOT_FOUND = 4
    """Nothing of that name is known or kept."""


def fail(exit_code: Exit, code: str, message: str, *, as_json: bool, **more: Any) -> NoReturn:
    """Says what went wrong and ends the command.

    Args:
        exit_code: of the process.
        code: stable, for programs.
        message: for a person.
        as_json: one JSON object on standard output in place of words on standard error.
        more: further fields of that object.

    Raises:
        typer.Exit: always.
    """
    if as_json:
        typer.echo(json.dumps({"ok": False, "code": code, "message": message, **more}))
    else:
        typer.echo(message, err=True)
    raise typer.Exit(exit_code)


def fail_document(name: str, error: DocumentError, *, as_json: bool) -> NoReturn:
    """Names every mistake of a document and ends the command. Raises typer.Exit."""
    count = len(error.problems)
    lines = [f"{name}: {count} mistake{'s' if count > 1 else ''}, nothing was written"]
    lines += [f"  {problem}" for problem in error.problems]
    problems = [{"path": each.path, "message": each.message, "line": each.line} for each in error.problems]
    fail(Exit.INVALID, "invalid_document", "\n".join(lines), as_json=as_json, problems=problems)
