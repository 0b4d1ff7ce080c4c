"""Options that several commands have."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

import typer

from doorbus.contract.errors import LocalError
from doorbus.contract.subjects import is_door, is_token
from doorbus_cli.client import be_quiet
from doorbus_cli.context import Context, ContextError, find_context
from doorbus_cli.exits import Exit, fail

T = TypeVar("T")
P = ParamSpec("P")


def _door(value: str | None) -> str | None:
    if value is not None and not is_door(value):
        raise typer.BadParameter("1 to 32 of a-z, 0-9 and -")
    return value


def token(value: str | None) -> str | None:
    """Refuses what cannot stand in a subject. Raises typer.BadParameter."""
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
        envvar="DOORBUS_NATS_USER", callback=token, help="Who wishes; the password is in DOORBUS_NATS_PASSWORD."
    ),
]
DoorName = Annotated[str | None, typer.Option("--door", callback=_door, help="The door, where there are several.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]
File = Annotated[Path, typer.Option("--file", "-f", help="The document of the door.", dir_okay=False, exists=True)]


@dataclass(frozen=True)
class Where:
    """The options of the connection, as they were given to a command."""

    run_dir: RunDir = None
    nats_url: NatsUrl = None
    user: User = None
    door: DoorName = None
    as_json: AsJson = False

    def run(self, work: Callable[[Context], Awaitable[T]]) -> T:
        """Finds the bus and runs `work`; what cannot be reached ends the command with `Exit.UNREACHABLE`."""
        return run_with_context(work, self.run_dir, self.nats_url, self.user, self.door, as_json=self.as_json)


def on_the_bus(command: Callable[Concatenate[Where, P], None]) -> Callable[..., None]:
    """Gives a command, whose first parameter is `Where`, the options of the connection after its own."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    options = list(inspect.signature(Where, eval_str=True).parameters.values())

    @functools.wraps(command)
    def run(**given: Any) -> None:
        where = Where(**{option.name: given.pop(option.name) for option in options})
        command(where, **given)  # type: ignore[call-arg]  # what the signature below says

    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *options)]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


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
