"""The mail client against a real mail server, good and bad."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.actions.conftest import NewReceiver
from tests.actions.notes import BERLIN, TIME, note

from doorbus.contract.document.actions import EmailAction
from doorbus_actions.delivery import End, Result
from doorbus_actions.senders import try_once
from doorbus_actions.tools import Tools
from doorbus_testkit.certificates import Authority
from doorbus_testkit.receivers import Receiver

LOGIN: dict[str, Any] = {"username": "door", "password": {"env": "DOORBUS_SECRET_IT"}}
TAKEN = End(Result.TAKEN)


def to(server: Receiver, tls: str = "starttls", **more: Any) -> EmailAction:
    """Returns an action that mails over a server."""
    return EmailAction.model_validate(
        {
            "id": "it",
            "type": "email",
            "server": f"smtp://127.0.0.1:{server.port}",
            "tls": tls,
            "from": "door@house.test",
            "to": ("porter@house.test", "guard@house.test"),
            **more,
        }
    )


async def test_starttls_and_login(receiver: NewReceiver, authority: Authority, tools: Tools) -> None:
    """The mail arrives over TLS, after the login, with its values and the message's id."""
    server = await receiver(
        "smtp", certificate=authority.issue("127.0.0.1", name="mail"), username="door", password="geheim"
    )
    action = to(server, **LOGIN, subject="Klingel $door", body="$time: $input")
    assert await try_once(action, note(), BERLIN, tools) == TAKEN
    [came] = server.taken()
    assert (came["id"], came["tls"], came["login"]) == ("m1", True, True)
    assert (came["sender"], came["to"]) == ("door@house.test", ["porter@house.test", "guard@house.test"])
    assert (came["headers"]["Subject"], came["body"].strip()) == ("Klingel front", f"{TIME}: button1")


async def test_tls_from_the_start_and_none_at_all(receiver: NewReceiver, authority: Authority, tools: Tools) -> None:
    """`implicit` is port 465's way, `none` a local relay's."""
    safe = await receiver("smtp", certificate=authority.issue("127.0.0.1", name="mail2"), implicit=True)
    assert await try_once(to(safe, "implicit"), note(), BERLIN, tools) == TAKEN
    plain = await receiver("smtp")
    assert await try_once(to(plain, "none"), note(), BERLIN, tools) == TAKEN
    assert [came["id"] for came in (*safe.taken(), *plain.taken())] == ["m1", "m1"]


async def test_no_password_goes_without_tls(receiver: NewReceiver, tools: Tools) -> None:
    """A server that does not offer STARTTLS gets neither login nor mail."""
    server = await receiver("smtp", username="door", password="geheim")
    end = await try_once(to(server, **LOGIN), note(), BERLIN, tools)
    assert end.result is Result.REFUSED
    assert "does not offer" in end.why
    assert server.records() == []


async def test_a_wrong_password(receiver: NewReceiver, authority: Authority, tools: Tools) -> None:
    """It is tried again, as somebody may mend it; what is said of it holds no password."""
    server = await receiver(
        "smtp", certificate=authority.issue("127.0.0.1", name="mail3"), username="door", password="other"
    )
    assert End(Result.REFUSED, "127.0.0.1 refuses the login: 535") == await try_once(
        to(server, **LOGIN), note(), BERLIN, tools
    )


async def test_a_secret_that_is_not_there(receiver: NewReceiver, tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent; the reference is named."""
    monkeypatch.delenv("DOORBUS_SECRET_IT")
    server = await receiver("smtp")
    end = await try_once(to(server, "none", **LOGIN), note(), BERLIN, tools)
    assert (end.result, server.records()) == (Result.NO_SECRET, [])
    assert "DOORBUS_SECRET_IT" in end.why


@pytest.mark.parametrize(
    ("how", "end"),
    [
        ("451", End(Result.REFUSED, "127.0.0.1 refuses the mail: 451")),
        ("554", End(Result.REFUSED_FOR_GOOD, "127.0.0.1 refuses the mail: 554")),
        ("recipients:550", End(Result.REFUSED_FOR_GOOD, "127.0.0.1 refuses the recipients: 550")),
        ("recipients:450", End(Result.REFUSED, "127.0.0.1 refuses the recipients: 450")),
        ("close", End(Result.UNREACHED, "127.0.0.1: it closed the connection")),
    ],
)
async def test_a_server_that_does_not_take_it(receiver: NewReceiver, tools: Tools, how: str, end: End) -> None:
    """5xx about the mail is for good, 4xx and a broken connection are not."""
    server = await receiver("smtp")
    server.behave(how)
    assert end == await try_once(to(server, "none"), note(), BERLIN, tools)


async def test_a_server_that_never_answers(receiver: NewReceiver, tools: Tools) -> None:
    """The try ends when its time is over."""
    server = await receiver("smtp")
    server.behave("never")
    tools.try_s = 0.5
    assert (await try_once(to(server, "none"), note(), BERLIN, tools)).result == Result.UNREACHED


async def test_certificates_are_verified(receiver: NewReceiver, tools: Tools, tmp_path: Path) -> None:
    """A stranger's certificate gets neither login nor mail."""
    stranger = Authority(tmp_path, "stranger")
    for implicit, tls in ((False, "starttls"), (True, "implicit")):
        server = await receiver("smtp", certificate=stranger.issue("127.0.0.1", name=tls), implicit=implicit)
        end = await try_once(to(server, tls), note(), BERLIN, tools)
        assert end.result is Result.UNREACHED
        assert end.why.startswith("127.0.0.1: its certificate is not trusted: ")
        assert server.records() == []
