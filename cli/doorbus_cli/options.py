"""Options that several commands have."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from doorbus.contract.errors import LocalError
from doorbus.contract.subjects import is_door, is_token
from doorbus_cli.client import be_quiet
from doorbus_cli.context import Context, ContextError, find_context
from doorbus_cli.exits import Exit, fail

T = TypeVar("T")


def _door(value: str | None) -> str | None:
    if value is not None and not is_door(value):
        raise typer.BadParameter("1 to 32 of a-z, 0-9 and -")
    return value


def _token(value: str | None) -> str | None:
    if value is not None and not is_token(value):
        raise typer.BadParameter("letters, digits, - and _ only, 1 to 64 of them")
    return value


RunDir = Annotated[
    Path | None,
    typer.Option(envvar="DOORBUS_RUN_DIR", help="Run directory of 'doorbus up'.", show_default="by the door's name"),
]
NatsUrl = Annotated[
    str | None,
    typer.Option("--nats", envvar="DOORBUS_NATS_URL", help="The bus, nats://HOST:PORT, where no 'doorbus up' runs."),
]
User = Annotated[
    str | None,
    typer.Option(
        envvar="DOORBUS_NATS_USER", callback=_token, help="Who wishes; the password is in DOORBUS_NATS_PASSWORD."
    ),
]
DoorName = Annotated[str | None, typer.Option("--door", callback=_door, help="The door, where there are several.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]
File = Annotated[Path, typer.Option("--file", "-f", help="The document of the door.", dir_okay=False, exists=True)]


def run_with_context(
    work: Callable[[Context], Awaitable[T]],
    run_dir: Path | None,
    url: str | None,
    user: str | None,
    door: str | None,
    *,
    as_json: bool,
) -> T:
    """Finds the bus and runs `work`; what cannot be reached ends the command with `Exit.UNREACHABLE`."""
    be_quiet()
    try:
        return asyncio.run(_awaited(work(find_context(run_dir, url, user, door))))
    except ContextError as error:
        fail(Exit.UNREACHABLE, "no_context", str(error), as_json=as_json)
    except LocalError as error:
        fail(Exit.UNREACHABLE, error.code, error.message, as_json=as_json)


async def _awaited(work: Awaitable[T]) -> T:
    return await work
