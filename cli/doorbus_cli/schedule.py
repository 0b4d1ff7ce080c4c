"""`doorbus schedule show`: what the call schedule says at a moment, and whom a press would call then.

It evaluates the document itself, by the rules that the scheduler goes by (`doorbus.schedule`); nothing needs to run but
the bus, and with a file not even that.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from doorbus.contract.document import Door
from doorbus.contract.document.buttons import Button
from doorbus.schedule import Evaluation, evaluate, first_instant, template_for
from doorbus_cli.apply import read_document
from doorbus_cli.client import connected
from doorbus_cli.context import Context
from doorbus_cli.documents import stored_document
from doorbus_cli.exits import Exit, fail
from doorbus_cli.options import AsJson, DoorName, NatsUrl, RunDir, User, run_with_context

app = typer.Typer(help="The call schedule of a door.", no_args_is_help=True)
DocumentFile = Annotated[
    Path | None,
    typer.Option(
        "--file", "-f", help="A document, in place of the door's own on the bus.", dir_okay=False, exists=True
    ),
]


@app.callback()
def schedule() -> None:
    """The call schedule of a door."""


@app.command()
def show(
    at: Annotated[
        str | None,
        typer.Option(help="Moment, 2026-12-24T18:30; without an offset in the door's time zone.", show_default="now"),
    ] = None,
    file: DocumentFile = None,
    run_dir: RunDir = None,
    nats_url: NatsUrl = None,
    user: User = None,
    door: DoorName = None,
    as_json: AsJson = False,
) -> None:
    """Tells what is active at a moment, whom a press of each button would call, and when that changes next."""
    now = datetime.now(UTC)
    if file is not None:
        document = read_document(file, as_json=as_json)
    else:

        async def work(context: Context) -> tuple[Door, datetime | None]:
            async with connected(context) as connection:
                return await stored_document(connection, context.need_door()), connection.clock.now()

        document, bus_time = run_with_context(work, run_dir, nats_url, user, door, as_json=as_json)
        now = bus_time or now
    try:
        evaluation = evaluate(document, now if at is None else moment(at, document))
    except ValueError as error:
        fail(Exit.INVALID, "invalid_moment", f"--at: {error}", as_json=as_json)
    typer.echo(json.dumps(as_data(document, evaluation)) if as_json else in_words(document, evaluation))


def moment(text: str, document: Door) -> datetime:
    """Reads a moment; one without an offset is a time on the door's clock, and the first one where there are two.

    Raises:
        ValueError: it is none.
    """
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date and time, like 2026-12-24T18:30 or 2026-12-24T18:30+01:00") from None
    if read.tzinfo is not None:
        return read
    if not 1 < read.year < 9999:
        raise ValueError("the calendar has no room around that year")
    return first_instant(read, ZoneInfo(document.timezone))


def as_data(document: Door, evaluation: Evaluation) -> dict[str, Any]:
    """Returns it for programs; times are the door's."""
    zone = ZoneInfo(document.timezone)
    change = evaluation.next_change
    return {
        "ok": True,
        "door": document.door,
        "timezone": document.timezone,
        "at": evaluation.at.astimezone(zone).isoformat(),
        "schedules": dict(evaluation.schedules),
        "templates": dict(evaluation.templates),
        "buttons": {button.input: called(document, button, evaluation) for button in document.buttons},
        "next_change": None if change is None else change.astimezone(zone).isoformat(),
    }


def called(document: Door, button: Button, evaluation: Evaluation) -> dict[str, Any] | None:
    """Returns whom a press calls and how, None where it calls nobody."""
    call = button.call
    if call is None:
        return None
    how = {"type": call.type, "account": call.account}
    if call.template_enabled:
        template = template_for(document, button.input, evaluation.templates)
        return None if template is None else {**how, "template": template.id, "numbers": list(template.numbers)}
    if call.numbers:
        return {**how, "numbers": list(call.numbers)}
    return None if call.directory is None else {**how, "directory": call.directory}


def in_words(document: Door, evaluation: Evaluation) -> str:
    """Returns it for a person."""
    lines = [f"door {document.door}, {_time(evaluation.at, document)} ({document.timezone})"]
    for kind, active in (("schedule", evaluation.schedules), ("template", evaluation.templates)):
        width = max(map(len, active), default=0)
        lines += [f"{kind} {name:<{width}}  {'active' if on else 'not active'}" for name, on in active.items()]
    lines += [f"{button.input} calls {_whom(document, button, evaluation)}" for button in document.buttons]
    change = evaluation.next_change
    lines.append(f"next change: {'never' if change is None else _time(change, document)}")
    return "\n".join(lines)


def _whom(document: Door, button: Button, evaluation: Evaluation) -> str:
    found = called(document, button, evaluation)
    if found is None:
        by_template = button.call is not None and button.call.template_enabled
        return "nobody: none of its templates is active" if by_template else "nobody"
    how = "one after another" if found["type"] == "sequence" else "at the same time"
    account = f", on account {found['account']}" if found["account"] else ""
    if "directory" in found:
        return f"those of the directory {found['directory']}, {how}{account}"
    why = f" (template {found['template']})" if "template" in found else ""
    numbers = found["numbers"]
    return f"{', '.join(numbers)}{f', {how}' if len(numbers) > 1 else ''}{account}{why}"


def _time(at: datetime, document: Door) -> str:
    local = at.astimezone(ZoneInfo(document.timezone))
    return f"{local:%a %Y-%m-%d %H:%M}{f':{local:%S}' if local.second else ''} {local:%Z}"
