"""`doorbus directory set | show | delete`: the lists of numbers that group and sequence calls may go by.

Any other system publishes them the same way: one key a list in the bucket `DOORBUS_DIRECTORIES`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import nats.errors
import typer
from nats.js.errors import KeyNotFoundError, NoKeysError
from nats.js.kv import KeyValue

from doorbus.contract.directories import Directory, read_directory, write_directory
from doorbus.contract.errors import ErrorCode, LocalError
from doorbus.contract.subjects import KV_DIRECTORIES
from doorbus_cli.client import connected
from doorbus_cli.context import Context
from doorbus_cli.exits import Exit, fail
from doorbus_cli.options import AsJson, NatsUrl, RunDir, User, run_with_context, token

app = typer.Typer(help="Lists of numbers for group and sequence calls.", no_args_is_help=True)
T = TypeVar("T")
Name = Annotated[str, typer.Argument(callback=token, help="The directory, as a button's call names it.")]


@app.command(name="set")
def set_(
    name: Name,
    numbers: Annotated[list[str], typer.Argument(help="Numbers, addresses or SIP URIs, in the order of a sequence.")],
    label: Annotated[str, typer.Option(help="For people.")] = "",
    run_dir: RunDir = None,
    nats_url: NatsUrl = None,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Publishes a directory; doors that name it call it from their next press on."""
    try:
        value = write_directory(tuple(numbers), label)
    except ValueError as error:
        fail(Exit.INVALID, "invalid_directory", str(error), as_json=as_json)

    async def work(bucket: KeyValue) -> int:
        return await bucket.put(name, value)

    revision = _in_bucket(work, run_dir, nats_url, user, as_json=as_json)
    result = {"ok": True, "name": name, "revision": revision, "count": len(numbers)}
    words = f"directory {name}: {len(numbers)} number{'s' if len(numbers) > 1 else ''}, revision {revision}"
    typer.echo(json.dumps(result) if as_json else words)


@app.command()
def show(
    name: Annotated[str | None, typer.Argument(callback=token, help="One directory.", show_default="all")] = None,
    run_dir: RunDir = None,
    nats_url: NatsUrl = None,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Shows what is published."""

    async def work(bucket: KeyValue) -> dict[str, bytes]:
        try:
            names = [name] if name is not None else sorted(await bucket.keys())
        except NoKeysError:
            return {}
        return {each: (await bucket.get(each)).value or b"" for each in names}

    try:
        found = _in_bucket(work, run_dir, nats_url, user, as_json=as_json)
    except KeyNotFoundError:
        fail(Exit.NOT_FOUND, "unknown_directory", f"nobody has published a directory {name}", as_json=as_json)
    for each, value in found.items():
        typer.echo(json.dumps(_as_data(each, value)) if as_json else _in_words(each, value))
    if not found and not as_json:
        typer.echo("no directory is published")


@app.command()
def delete(
    name: Name,
    run_dir: RunDir = None,
    nats_url: NatsUrl = None,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Takes a directory away: buttons that name it call nobody."""

    async def work(bucket: KeyValue) -> None:
        await bucket.get(name)
        await bucket.delete(name)

    try:
        _in_bucket(work, run_dir, nats_url, user, as_json=as_json)
    except KeyNotFoundError:
        fail(Exit.NOT_FOUND, "unknown_directory", f"nobody has published a directory {name}", as_json=as_json)
    typer.echo(json.dumps({"ok": True, "name": name}) if as_json else f"directory {name} is deleted")


def _in_bucket(
    work: Callable[[KeyValue], Awaitable[T]],
    run_dir: RunDir,
    nats_url: NatsUrl,
    user: User,
    *,
    as_json: bool,
) -> T:
    """Runs `work` on the bucket. Raises KeyNotFoundError when a key is missing."""

    async def connect(context: Context) -> T:
        async with connected(context) as connection:
            try:
                return await work(await connection.client.jetstream(timeout=2.0).key_value(KV_DIRECTORIES))
            except KeyNotFoundError:
                raise
            except (nats.errors.Error, TimeoutError) as error:
                text = f"the directories do not answer: {error or 'no answer'} (may {context.user} use them?)"
                raise LocalError(ErrorCode.TIMEOUT, text) from None

    return run_with_context(connect, run_dir, nats_url, user, None, as_json=as_json)


def _as_data(name: str, value: bytes) -> dict[str, object]:
    try:
        directory: Directory = read_directory(value)
    except ValueError as error:
        return {"ok": False, "name": name, "message": str(error)}
    return {"ok": True, "name": name, "numbers": list(directory.numbers), "label": directory.label}


def _in_words(name: str, value: bytes) -> str:
    try:
        directory = read_directory(value)
    except ValueError as error:
        return f"{name}: cannot be used: {error}"
    label = f" ({directory.label})" if directory.label else ""
    return f"{name}{label}: {', '.join(directory.numbers) or 'nobody'}"
