"""`doorbus apply`: a document from a file to the bus, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import nats.errors
import typer

from doorbus.contract.document import DocumentError, Door, to_json
from doorbus.contract.document.load import load_document
from doorbus.contract.errors import ErrorCode, LocalError
from doorbus_cli.client import connected
from doorbus_cli.context import Context
from doorbus_cli.documents import ConflictError, Written, write_document
from doorbus_cli.exits import Exit, fail, fail_document
from doorbus_cli.options import AsJson, File, NatsUrl, RunDir, User, run_with_context


def read_document(path: Path, *, as_json: bool) -> Door:
    """Reads a document; names every mistake and ends the command when there is one. Raises typer.Exit."""
    try:
        return load_document(path.read_bytes())
    except DocumentError as error:
        fail_document(str(path), error, as_json=as_json)
    except OSError as error:
        fail(Exit.INVALID, "unreadable", f"{path}: {error.strerror}", as_json=as_json)


def apply(
    file: File,
    check: Annotated[bool, typer.Option("--check", help="Only look for mistakes; needs no bus.")] = False,
    run_dir: RunDir = None,
    nats_url: NatsUrl = None,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Makes a document the one that its door works by."""
    document = read_document(file, as_json=as_json)
    if check:
        _say({"ok": True, "door": document.door}, f"{file}: valid, for door {document.door}", as_json=as_json)
        return

    async def work(context: Context) -> Written:
        async with connected(context) as connection:
            try:
                return await write_document(connection, document.door, to_json(document))
            except (nats.errors.Error, TimeoutError) as error:
                text = f"the document was not written: {error or 'no answer'} (may {context.user} write documents?)"
                raise LocalError(ErrorCode.TIMEOUT, text) from None

    try:
        written = run_with_context(work, run_dir, nats_url, user, document.door, as_json=as_json)
    except ConflictError as error:
        fail(Exit.REFUSED, "conflict", str(error), as_json=as_json)
    how = f"revision {written.revision}" if written.changed else f"unchanged, revision {written.revision}"
    result = {"ok": True, "door": document.door, "revision": written.revision, "changed": written.changed}
    _say(result, f"door {document.door}: {how}", as_json=as_json)


def _say(result: dict[str, object], words: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(result) if as_json else words)
