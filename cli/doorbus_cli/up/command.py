"""`doorbus up`: from the command line to a plan."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from doorbus_cli.apply import read_document
from doorbus_cli.client import be_quiet
from doorbus_cli.context import state_home
from doorbus_cli.exits import Exit, fail
from doorbus_cli.options import AsJson, File
from doorbus_cli.up.lock import AlreadyUpError, take_lock
from doorbus_cli.up.programs import SERVICES, WEB, NotInstalledError, Service, require_installed
from doorbus_cli.up.progress import Progress
from doorbus_cli.up.run import Plan, StartError, run
from doorbus_cli.up.server import Server, ServerError, embedded, external
from doorbus_cli.up.web import Web, chosen_port

EMBEDDED = "embedded"


RunDir = Annotated[
    Path | None,
    typer.Option(
        envvar="DOORBUS_RUN_DIR",
        help="Store, logs and passwords.",
        show_default="by the door's name",
        file_okay=False,
    ),
]
NatsOption = Annotated[str, typer.Option(help="'embedded', or the URL of a server that runs elsewhere.")]
NatsPort = Annotated[int, typer.Option(min=0, max=65535, help="Of the embedded server; 0 = any free one.")]
Passwords = Annotated[
    Path | None, typer.Option(help="With a server elsewhere: directory with a file a user that holds its password.")
]
SecretsDir = Annotated[
    Path | None,
    typer.Option(
        envvar="DOORBUS_SECRETS_DIR",
        help="Where {file: NAME} is looked up.",
        show_default="secrets beside the file",
    ),
]
WebOption = Annotated[bool, typer.Option("--web/--no-web", help="Serve the pages and the HTTP API.")]
WebHost = Annotated[
    str, typer.Option(envvar="DOORBUS_WEB_HOST", help="Where the pages are served; other addresses want TLS in front.")
]
WebPort = Annotated[
    int | None,
    typer.Option(
        envvar="DOORBUS_WEB_PORT",
        help="Of the pages; 0 = any free one.",
        show_default="8080, or any if that is taken",
        min=0,
        max=65535,
    ),
]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], typer.Option(help="Of the services.")]


def up(
    file: File,
    run_dir: RunDir = None,
    nats: NatsOption = EMBEDDED,
    nats_port: NatsPort = 0,
    passwords: Passwords = None,
    secrets_dir: SecretsDir = None,
    web: WebOption = True,
    web_host: WebHost = "127.0.0.1",
    web_port: WebPort = None,
    log_level: LogLevel = "info",
    as_json: AsJson = False,
) -> None:
    """Runs a door on this box: a bus and every service, each kept alive, until Ctrl-C."""
    services = SERVICES if web else tuple(each for each in SERVICES if each.name != WEB)
    pages = (web_host, web_port) if web else None
    run_door(
        file,
        run_dir,
        nats,
        nats_port,
        passwords,
        secrets_dir,
        log_level,
        as_json=as_json,
        services=services,
        pages=pages,
    )


def run_door(
    file: Path,
    run_dir: Path | None = None,
    nats: str = EMBEDDED,
    nats_port: int = 0,
    passwords: Path | None = None,
    secrets_dir: Path | None = None,
    log_level: str = "info",
    *,
    as_json: bool = False,
    services: tuple[Service, ...] = SERVICES,
    pages: tuple[str, int | None] | None = None,
) -> None:
    """Runs a door with `services`; arguments as of the command. Raises typer.Exit when it cannot."""
    be_quiet()
    document = read_document(file, as_json=as_json)
    home = (run_dir or state_home() / document.door).absolute()
    try:
        require_installed(services)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / "state").mkdir(exist_ok=True)
        lock = take_lock(home)
        server: Server
        if nats == EMBEDDED:
            server = embedded(home, document.door, tuple(each.name for each in services), nats_port)
        else:
            server = external(nats, passwords)
        web = None if pages is None else Web(pages[0], chosen_port(pages[1]), home)
        plan = Plan(
            document=document,
            path=file.absolute(),
            run_dir=home,
            lock=lock,
            server=server,
            services=services if web is None else tuple(web.service(each) for each in services),
            web=web,
            secrets_dir=(secrets_dir or file.absolute().parent / "secrets").absolute(),
            log_level=log_level,
        )
        try:
            asyncio.run(run(plan, Progress(as_json=as_json)))
        finally:
            os.close(lock)
    except (NotInstalledError, AlreadyUpError) as error:
        fail(Exit.INVALID, "cannot_start", str(error), as_json=as_json)
    except (ServerError, StartError) as error:
        fail(Exit.UNREACHABLE, "cannot_start", str(error), as_json=as_json)
    except OSError as error:
        fail(Exit.INVALID, "cannot_start", f"{error.filename or home}: {error.strerror}", as_json=as_json)
