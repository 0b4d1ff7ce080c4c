"""`doorbus actions failed | retry`: messages of the push button that were given up, and sending them again."""

from __future__ import annotations

from typing import Annotated

import typer

from doorbus.contract.actions import DeadLetter, Retry
from doorbus.runtime.dead_letters import DeadLetters
from doorbus_cli.answers import say
from doorbus_cli.client import Answer, connected, send_actions_command, stamps
from doorbus_cli.context import Context
from doorbus_cli.exits import Exit, fail
from doorbus_cli.options import Where, on_the_bus, token

SHORTEST = 8
"""Characters of an id that may stand for it, as in `doorbus watch --call`."""

app = typer.Typer(help="Messages of the push button that could not be delivered.", no_args_is_help=True)


@on_the_bus
def failed(where: Where) -> None:
    """Lists the messages that were given up, the oldest press first."""

    async def work(context: Context) -> list[DeadLetter]:
        async with connected(context) as connection:
            return await DeadLetters(connection).of(context.need_door())

    letters = where.run(work)
    for letter in letters:
        typer.echo(letter.model_dump_json(exclude_none=True) if where.as_json else _in_words(letter))
    if not letters and not where.as_json:
        typer.echo("no message is given up")


@on_the_bus
def retry(
    where: Where,
    message: Annotated[
        str | None,
        typer.Argument(metavar="ID", callback=token, help="The message, by the first 8 characters of its id."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All messages of the door that were given up.")] = False,
) -> None:
    """Sends a message that was given up again, for another hour."""
    if (message is None) is not every:
        fail(Exit.INVALID, "invalid_usage", "name one message, or give --all", as_json=where.as_json)

    async def work(context: Context) -> Answer | list[str]:
        door = context.need_door()
        async with connected(context) as connection:
            named = message
            if message is not None:
                known = [letter.message for letter in await DeadLetters(connection).of(door)]
                meant = _meant(message, known)
                if len(meant) != 1:
                    return meant
                named = meant[0]
            return await send_actions_command(connection, door, Retry(message=named, **stamps(connection)))

    answer = where.run(work)
    if isinstance(answer, list):
        _fail_unless_one(str(message), answer, as_json=where.as_json)
        return
    count = (answer.model_extra or {}).get("count", 0)
    words = f"{count} message{'' if count == 1 else 's'} will be sent again"
    say(answer, f"{words}: {answer.message}" if answer.message else words, as_json=where.as_json)


def _meant(message: str, known: list[str]) -> list[str]:
    """Returns the messages that may be meant: the very one, else those whose id begins so."""
    if message in known:
        return [message]
    return [each for each in known if each.startswith(message)] if len(message) >= SHORTEST else []


def _fail_unless_one(message: str, meant: list[str], *, as_json: bool) -> None:
    """Says that an id names no message, or several. Raises typer.Exit."""
    if meant:
        text = f"{len(meant)} messages begin with {message}: {', '.join(sorted(meant)[:5])}"
        fail(Exit.INVALID, "ambiguous_message", text, as_json=as_json, messages=sorted(meant))
    short = f"; a part of an id needs {SHORTEST} characters or more" if len(message) < SHORTEST else ""
    fail(Exit.NOT_FOUND, "unknown_message", f"no message {message} was given up{short}", as_json=as_json)


def _in_words(letter: DeadLetter) -> str:
    pressed = f"{letter.pressed_at.astimezone():%Y-%m-%d %H:%M:%S}"
    tries = f"{letter.tries} {'try' if letter.tries == 1 else 'tries'}"
    return f"{letter.message[:SHORTEST]}  {pressed}  {letter.input}  {letter.action}, {tries}: {letter.why}"


app.command()(failed)
app.command()(retry)
