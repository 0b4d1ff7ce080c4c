"""A press's values in URLs, paths, headers and texts; which event asks for which message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from doorbus.contract.actions import ActionRetried, message_id
from doorbus.contract.base import Event
from doorbus.contract.buttons import ButtonActivated
from doorbus.contract.document.actions import EmailAction, FtpAction
from doorbus.contract.envelope import Envelope
from doorbus_actions.asked import Asked, asked
from doorbus_actions.ftp_client import upload_of
from doorbus_actions.note import Note, file_name, in_line, in_path, in_url
from doorbus_actions.smtp_client import mail

BERLIN = ZoneInfo("Europe/Berlin")
T0 = datetime(2026, 5, 4, 10, 0, 0, 123_456, tzinfo=UTC)
NOTE = Note("0e9c1b7a-4a1e", "front", "notify", "p1", "button1", "c1", "call", T0)

anything = st.text(max_size=50)


def values_of(value: str) -> dict[str, str]:
    """Returns values that are all the same."""
    return dict.fromkeys(("door", "input", "time", "call", "id"), value)


def test_the_time_is_the_presss_in_the_doors_zone() -> None:
    """ISO 8601 with milliseconds and offset."""
    assert NOTE.time(BERLIN) == "2026-05-04T12:00:00.123+02:00"


def test_a_url_is_filled_in() -> None:
    """Values are percent-encoded: a plus stays a plus at the other end; no call is an empty value."""
    url = in_url("http://hub/ring?at=$time&d=$door&c=$call&cost=5$$", NOTE.values(BERLIN))
    assert url == "http://hub/ring?at=2026-05-04T12%3A00%3A00.123%2B02%3A00&d=front&c=c1&cost=5$"
    assert in_url("http://hub/?c=${call}x", {**NOTE.values(BERLIN), "call": ""}) == "http://hub/?c=x"


def test_what_a_url_may_not_have_is_encoded() -> None:
    """Signs that RFC 3986 does not know; escapes that are written in the document stay as they are."""
    assert in_url('http://hub/?a={b}|"<%20', values_of("x")) == "http://hub/?a=%7Bb%7D%7C%22%3C%20"


@settings(deadline=None)  # the machine is shared
@given(value=anything)
def test_a_value_adds_nothing_to_a_url(value: str) -> None:
    """Whatever it is, it is one value of its parameter at the other end, and host and path are the document's."""
    parts = urlsplit(in_url("http://hub.test/ring?v=$input&w=1", values_of(value)))
    assert ("hub.test", "/ring", {"v": [value], "w": ["1"]}) == (
        parts.hostname,
        parts.path,
        parse_qs(parts.query, keep_blank_values=True, strict_parsing=True),
    )


def test_a_path_is_filled_in_and_decoded() -> None:
    """Relative to the login's folder, from the root with two slashes; `?` and `#` are letters like others."""
    values = NOTE.values(BERLIN)
    assert in_path("ftp://f/door/$time.txt", values) == "door/2026-05-04T12-00-00.123+02-00.txt"
    assert in_path("ftp://f//var/a%20b/$id", values) == "/var/a b/0e9c1b7a-4a1e"
    assert in_path("ftps://f:21/x?y#z", values) == "x?y#z"
    assert in_path("ftp://f/a%0d%0aDELE%20b", values) == "a-DELE b"


@settings(deadline=None)  # the machine is shared
@given(value=anything)
def test_a_value_never_leaves_its_place_in_a_path(value: str) -> None:
    """No slash, no colon, no control character, no name that is a folder's."""
    name = file_name(value)
    assert not set(name) & set('/\\:*?"<>|%\r\n\0')
    assert not name.startswith(".")
    assert in_path("ftp://f/a/$input.txt", values_of(value)).count("/") == 1


@settings(deadline=None)  # the machine is shared
@given(value=anything)
def test_a_value_never_begins_a_header(value: str) -> None:
    """A subject stays one line, and the mail has the headers that it is meant to have, whatever the value is."""
    assert not set(in_line("Ring $door", values_of(value))) & set("\r\n\u2028\u2029\x85\0")
    action = EmailAction.model_validate(
        {"id": "m", "type": "email", "server": "smtp://m", "from": "a@b.test", "to": ("c@d.test",), "subject": "$input"}
    )
    note = Note("id1", "front", "m", "p", value, None, None, T0)
    head = mail(action, note, BERLIN).as_bytes().split(b"\n\n", 1)[0]
    names = [line.split(b":")[0] for line in head.splitlines() if line[:1] not in b" \t"]
    assert {b"Bcc", b"Cc", b"X-Evil"}.isdisjoint(names)
    assert len(names) == len(set(names))


def test_a_mail_is_the_same_at_each_try() -> None:
    """Message-ID from the message and the sender's domain, the date of the press, values in subject and body."""
    action = EmailAction.model_validate(
        {
            "id": "mail",
            "type": "email",
            "server": "smtp://mail.test",
            "from": "door@house.test",
            "to": ("a@b.test", "c@d.test"),
            "subject": "Klingel für $door",
            "body": "$time\n$id\n",
        }
    )
    first, again = mail(action, NOTE, BERLIN), mail(action, NOTE, BERLIN)
    assert first.as_bytes() == again.as_bytes()
    assert {
        "Message-ID": "<0e9c1b7a-4a1e@house.test>",
        "Date": "Mon, 04 May 2026 12:00:00 +0200",
        "Subject": "Klingel für front",
        "From": "door@house.test",
        "To": "a@b.test, c@d.test",
        "Auto-Submitted": "auto-generated",
    }.items() <= dict(first.items()).items()
    assert first.get_content() == "2026-05-04T12:00:00.123+02:00\n0e9c1b7a-4a1e\n"


def test_an_upload_grows_beside_its_place() -> None:
    """The part lies in the same folder, hidden, with the message's id; a password is in no repr."""
    action = FtpAction(id="up", type="ftp", url="ftps://f:2121/a/b/$input.txt", username="u")
    upload = upload_of(action, NOTE, BERLIN, "geheim")
    assert (upload.path, upload.part) == ("a/b/button1.txt", "a/b/.0e9c1b7a-4a1e.part")
    assert (
        *(upload.host, upload.port, upload.tls),
        *(upload.username, upload.password),
    ) == ("f", 2121, True, "u", "geheim")
    assert "geheim" not in repr(upload)


def envelope(event: Event, clock: Literal["bus", "local"] = "bus", age_ms: int = 0) -> Envelope:
    """Returns an event's envelope."""
    return Envelope("e1", "/door/front/policy", event.type_name(), T0, 1, 1, clock, age_ms)


def test_a_press_asks_for_the_actions_that_it_names() -> None:
    """Each action finds its own message, whose id follows from door, press and action, and no other."""
    event = ButtonActivated(input="button1", does="call", call="c1", actions=("notify", "mail"), press="p1")
    found = asked("front", "notify", event, envelope(event), T0)
    wanted = message_id("front", "p1", "notify")
    assert found == Asked(Note(wanted, "front", "notify", "p1", "button1", "c1", "call", T0), T0)
    assert asked("front", "upload", event, envelope(event), T0) is None


def test_a_press_told_without_bus_time_counts_from_the_stream() -> None:
    """A teller who does not know bus time: the stream's time, less the age that the fact had when it was sent."""
    event = ButtonActivated(input="button1", does="nothing", actions=("notify",), press="p1")
    kept_at = T0 + timedelta(hours=3)
    found = asked("front", "notify", event, envelope(event, "local", 1500), kept_at)
    assert found is not None
    assert found.since == found.note.pressed_at == kept_at - timedelta(seconds=1.5)


def test_a_wish_to_send_again_counts_anew() -> None:
    """The message is that of the press, its time too; tries count from the wish; only its own action is meant."""
    before = T0 - timedelta(days=1)
    event = ActionRetried(
        action="notify",
        message="m1",
        press="p1",
        input="button1",
        call="c1",
        tries=20,
        pressed_at=before,
        by="operator",
        does="call",
    )
    found = asked("front", "notify", event, envelope(event), T0)
    assert found == Asked(Note("m1", "front", "notify", "p1", "button1", "c1", "call", before), T0, "e1")
    assert asked("front", "mail", event, envelope(event), T0) is None


def test_what_is_told_twice_has_one_id() -> None:
    """A message is done once, whoever asked; late and failed it is once for the press and once for each wish."""
    press, wish = Asked(NOTE, T0), Asked(NOTE, T0, "e1")
    assert press.event_id("done") == wish.event_id("done") == Asked(NOTE, T0).event_id("done")
    ids = {each.event_id(what) for each in (press, wish) for what in ("failed", "delayed")}
    assert len(ids) == 4
