"""The web service within `doorbus up`: its place, its port and the one-time password, said once."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from doorbus_cli.up.programs import SERVICES, WEB
from doorbus_cli.up.progress import Progress
from doorbus_cli.up.web import PASSWORD_FILE, USUAL_PORT, Web, chosen_port


def test_the_port_that_was_told_is_taken_as_it_is() -> None:
    """A told port, also one in use: the service itself says what is wrong then; 0 is any free one."""
    assert chosen_port(12345) == 12345
    assert chosen_port(0) not in (0, USUAL_PORT)


def test_without_a_port_the_usual_one_or_a_free_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual port where it is free, another where somebody has it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr("doorbus_cli.up.web.USUAL_PORT", port)
        assert chosen_port(None) != port
    assert chosen_port(None) == port


def test_the_password_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After a first start user and password are said and their file is gone; later only the address is said."""
    web = Web("0.0.0.0", 8080, tmp_path)
    (tmp_path / PASSWORD_FILE).write_text("admin abcd-efgh\n")
    for _ in range(2):
        web.introduce(Progress(as_json=True))
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    url = "http://127.0.0.1:8080/"
    assert first == {"event": "web", "url": url, "user": "admin", "password": "abcd-efgh"}
    assert second == {"event": "web", "url": url}
    assert list(tmp_path.iterdir()) == []


def test_only_the_web_service_is_told(tmp_path: Path) -> None:
    """Where it listens, and where the password goes, stands in its own environment alone."""
    web = Web("127.0.0.1", 8081, tmp_path)
    told = {service.name: dict(web.service(service).env) for service in SERVICES}
    assert told.pop(WEB) == {
        "DOORBUS_WEB_HOST": "127.0.0.1",
        "DOORBUS_WEB_PORT": "8081",
        "DOORBUS_WEB_FIRST_PASSWORD_FILE": str(tmp_path / PASSWORD_FILE),
    }
    assert set(map(str, told.values())) == {"{}"}
