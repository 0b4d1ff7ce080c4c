"""The FTP client against a real FTP server, good and bad."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from tests.actions.conftest import NewReceiver
from tests.actions.notes import BERLIN, TIME, note

from doorbus.contract.document.actions import FtpAction
from doorbus_actions import ftp_client
from doorbus_actions.delivery import End, Result
from doorbus_actions.senders import try_once
from doorbus_actions.tools import Tools
from doorbus_testkit.certificates import Authority
from doorbus_testkit.polling import eventually
from doorbus_testkit.receivers import Receiver

LOGIN = {"username": "door", "password": {"env": "DOORBUS_SECRET_IT"}}
TAKEN = End(Result.TAKEN)


def to(server: Receiver, path: str = "$time.txt", *, tls: bool = False, **more: Any) -> FtpAction:
    """Returns an action that uploads to a server."""
    url = f"{'ftps' if tls else 'ftp'}://127.0.0.1:{server.port}/{path}"
    return FtpAction.model_validate({"id": "it", "type": "ftp", "url": url, "content": "$time $input $id", **more})


async def test_a_file_lies_there_and_nothing_else(receiver: NewReceiver, tools: Tools) -> None:
    """Name and content from the templates, in a folder; a repeat replaces it, and no part is left."""
    server = await receiver("ftp")
    (server.folder / "files/door").mkdir()
    for _ in range(2):
        assert await try_once(to(server, "door/$time.txt"), note(), BERLIN, tools) == TAKEN
    assert server.files() == {"door/2026-05-04T12-00-00.000+02-00.txt": f"{TIME} button1 m1"}
    assert [record["path"].rpartition("/")[2] for record in server.taken()] == ["2026-05-04T12-00-00.000+02-00.txt"] * 2


async def test_ftps_with_login(receiver: NewReceiver, authority: Authority, tools: Tools) -> None:
    """The server wants TLS on both connections before anything else, and gets it."""
    certificate = authority.issue("127.0.0.1", name="files")
    server = await receiver("ftp", certificate=certificate, username="door", password="geheim")
    assert await try_once(to(server, "$id", tls=True, **LOGIN), note(), BERLIN, tools) == TAKEN
    assert server.files() == {"m1": f"{TIME} button1 m1"}


async def test_tls_from_the_start(
    receiver: NewReceiver, authority: Authority, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On port 990 (here: the test's) TLS begins with the connection."""
    server = await receiver("ftp", certificate=authority.issue("127.0.0.1", name="files2"), implicit=True)
    monkeypatch.setattr(ftp_client, "IMPLICIT_PORT", server.port)
    assert await try_once(to(server, "$id", tls=True), note(), BERLIN, tools) == TAKEN
    assert list(server.files()) == ["m1"]


async def test_a_server_that_renames_over_nothing(receiver: NewReceiver, tools: Tools) -> None:
    """Where the file is there already, a repeat takes it away first."""
    server = await receiver("ftp")
    server.behave("no_overwrite")
    for _ in range(2):
        assert await try_once(to(server, "$id"), note(), BERLIN, tools) == TAKEN
    assert list(server.files()) == ["m1"]


@pytest.mark.parametrize(
    ("how", "end"),
    [
        ("550", End(Result.REFUSED, "127.0.0.1 refuses the file: 550")),
        ("452", End(Result.REFUSED, "127.0.0.1 refuses the file: 452")),
        ("553", End(Result.REFUSED_FOR_GOOD, "127.0.0.1 refuses the file: 553")),
        ("login:530", End(Result.REFUSED, "127.0.0.1 refuses the login: 530")),
        ("close", End(Result.UNREACHED, "127.0.0.1: it closed the connection")),
    ],
)
async def test_a_server_that_does_not_take_it(receiver: NewReceiver, tools: Tools, how: str, end: End) -> None:
    """Only a name that is not allowed is for good."""
    server = await receiver("ftp")
    server.behave(how)
    assert end == await try_once(to(server), note(), BERLIN, tools)
    assert server.files() == {}


async def test_a_folder_that_is_not_there(receiver: NewReceiver, tools: Tools) -> None:
    """Tried again: somebody may make it."""
    server = await receiver("ftp")
    assert (await try_once(to(server, "nowhere/$id"), note(), BERLIN, tools)).result == Result.REFUSED


async def test_a_server_that_never_answers(receiver: NewReceiver, tools: Tools) -> None:
    """The try ends when its time is over, and so does its thread."""
    server = await receiver("ftp")
    server.behave("never")
    tools.try_s = 0.5
    assert End(Result.UNREACHED, "127.0.0.1: no answer within 0.5 s") == await try_once(
        to(server), note(), BERLIN, tools
    )
    await eventually(
        lambda: "ftp" not in [thread.name for thread in threading.enumerate()], what="the thread has ended"
    )


async def test_certificates_are_verified(receiver: NewReceiver, tools: Tools, tmp_path: Path) -> None:
    """A stranger's certificate gets neither login nor file; neither does a server that offers no TLS."""
    stranger = Authority(tmp_path, "stranger")
    server = await receiver("ftp", certificate=stranger.issue("127.0.0.1"))
    end = await try_once(to(server, tls=True), note(), BERLIN, tools)
    assert end.result is Result.UNREACHED
    assert end.why.startswith("127.0.0.1: its certificate is not trusted: ")
    plain = await receiver("ftp")
    assert (await try_once(to(plain, tls=True), note(), BERLIN, tools)).result == Result.REFUSED
    assert (server.files(), plain.files()) == ({}, {})
