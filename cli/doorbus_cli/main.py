"""The `doorbus` command."""

from __future__ import annotations

import typer

from doorbus_cli import actions, apply, audio, directories, page, schedule, watch, wishes
from doorbus_cli.up.command import up

app = typer.Typer(
    name="doorbus",
    help="Runs a SIP door station on a NATS bus, and talks to one.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(up)
app.command()(apply.apply)
app.command()(watch.watch)
app.command()(wishes.press)
app.command()(wishes.call)
app.command()(wishes.hangup)
app.command()(wishes.unlock)
app.command()(wishes.dnd)
app.command()(wishes.status)
app.command()(page.page)
app.add_typer(schedule.app, name="schedule")
app.add_typer(directories.app, name="directory")
app.add_typer(actions.app, name="actions")
app.add_typer(audio.app, name="audio")

if __name__ == "__main__":
    app()
