"""Servers for the button's messages: HTTP, mail, FTP; each a process that can be killed and misbehaves on demand.

    async with Receiver("http") as hub:
        hub.behave("500")
        ...
        assert hub.ids() == [...]

| `behave` | HTTP | mail | FTP |
|---|---|---|---|
| `ok` | takes it | takes it | takes it |
| `500`, … | answers so | answers DATA so | answers STOR so |
| `slow:S` | takes it after S seconds | the same | the same |
| `close` | closes in the middle of its answer | closes in DATA | closes in STOR |
| `never` | reads, and never answers | the same | the same |
| `to:URL` | redirects there | | |
| `recipients:550`, `login:535` | | refuses these | `login:530` |
| `no_overwrite` | | | refuses to rename over a file |
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from doorbus_testkit.certificates import Certificate
from doorbus_testkit.polling import eventually
from doorbus_testkit.ports import free_tcp_port, give_back
from doorbus_testkit.processes import Process

Kind = Literal["http", "smtp", "ftp"]
START_S = 15.0


class Receiver:
    """A server on a loopback port of its own, which it keeps over a kill.

    Args:
        kind: what it speaks.
        certificate: it speaks TLS with this: HTTPS, STARTTLS, FTPS.
        implicit: TLS begins with the connection, for mail and FTP.
        username: a login is required.
        password: of it.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        certificate: Certificate | None = None,
        implicit: bool = False,
        username: str | None = None,
        password: str = "",
    ) -> None:
        self.kind = kind
        self.port = free_tcp_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"doorbus-{kind}-"))
        (self.folder / "files").mkdir()
        self._argv = [sys.executable, "-m", "doorbus_testkit.receivers", kind, str(self.port), str(self.folder)]
        self._options = {
            "cert": str(certificate.cert) if certificate else None,
            "key": str(certificate.key) if certificate else None,
            "implicit": implicit,
            "username": username,
            "password": password,
        }
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        """Its process."""
        if self._process is None:
            raise RuntimeError("it has not been started")
        return self._process

    def behave(self, how: str) -> None:
        """Says what becomes of what comes from now on."""
        fresh = self.folder / "behave.new"
        fresh.write_text(how)
        fresh.replace(self.folder / "behave")

    def records(self) -> list[dict[str, Any]]:
        """Returns all that came, in order, over all its lives."""
        path = self.folder / "journal"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def taken(self) -> list[dict[str, Any]]:
        """Returns what it has taken: it had all of it, and said so or was about to."""
        return [record for record in self.records() if record["taken"]]

    def ids(self) -> list[str]:
        """Returns the ids of what it has taken, repeats included."""
        return [str(record["id"]) for record in self.taken()]

    def files(self) -> dict[str, str]:
        """Returns the files that lie there (FTP), by path."""
        root = self.folder / "files"
        return {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}

    async def start(self) -> None:
        """Starts it, the first time or after a kill, and waits until it takes connections."""
        (self.folder / "options").write_text(json.dumps(self._options))
        self._process = Process(self._argv, log=self.folder / "output.log")
        await eventually(self._listens, START_S, what=f"the {self.kind} server listens")
        if not self._process.running:
            raise AssertionError(f"the {self.kind} server ended: {self._process.log_text()[-2000:]}")

    def kill(self) -> None:
        """Kills it (SIGKILL)."""
        self.process.kill9()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            if error is not None:
                print(f"--- {self.kind} server\n{self._process.log_text()[-2000:]}")  # noqa: T201  # captured by pytest
            self._process.stop()
        give_back(self.port)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _listens(self) -> bool:
        if not self.process.running:
            return True
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False
