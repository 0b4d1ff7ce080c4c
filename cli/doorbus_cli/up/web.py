"""The web service within `doorbus up`: where it listens, and the admin's one-time password, said once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from doorbus_cli.up.ports import free_port, is_free
from doorbus_cli.up.programs import WEB, Service
from doorbus_cli.up.progress import Progress

USUAL_PORT = 8080
PASSWORD_FILE = "web-password"  # noqa: S105  # the name of a file


@dataclass(frozen=True)
class Web:
    """Where the pages are.

    Attributes:
        host: address to listen on.
        port: TCP port.
        run_dir: of the door.
    """

    host: str
    port: int
    run_dir: Path

    @property
    def url(self) -> str:
        """For a browser on this box."""
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104  # compared, not bound
        return f"http://{shown}:{self.port}/"

    def service(self, service: Service) -> Service:
        """Returns a service with what the web service needs to know, any other as it is."""
        if service.name != WEB:
            return service
        env = {
            "DOORBUS_WEB_HOST": self.host,
            "DOORBUS_WEB_PORT": str(self.port),
            "DOORBUS_WEB_FIRST_PASSWORD_FILE": str(self.run_dir / PASSWORD_FILE),
        }
        return replace(service, env=env)

    def introduce(self, progress: Progress) -> None:
        """Says where the pages are, and after a first start the admin's one-time password, which is kept nowhere."""
        file = self.run_dir / PASSWORD_FILE
        try:
            name, password = file.read_text().split()
            file.unlink()
        except (OSError, ValueError):
            progress.say("web", f"pages at {self.url}", url=self.url)
            return
        words = f"pages at {self.url}: sign in as {name} with {password}, which is shown only now"
        progress.say("web", words, url=self.url, user=name, password=password)


def chosen_port(port: int | None) -> int:
    """Returns the port to listen on: the one told, any free one for 0, else the usual one where it is free."""
    if port:
        return port
    return USUAL_PORT if port is None and is_free(USUAL_PORT) else free_port()
