"""Whatever the wire brings: reading it never raises, takes linear time, and what comes out is harmless."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorbus_sip.description import has_one_type, has_sip_targets, is_safe
from doorbus_sip.invite import info_digit, parse_invite, user_of
from doorbus_sip.protocol import Ended, Incoming, pack
from doorbus_sip.text import MAX_TEXT, clean

PIECES = st.sampled_from(
    [
        "INVITE sip:door@127.0.0.1 SIP/2.0",
        "INFO x SIP/2.0",
        "\r\n",
        "\n",
        "\r\n\r\n",
        "\r\n ",
        "From",
        "f",
        "To",
        "Call-Info",
        "Alert-Info",
        "Answer-Mode",
        "Content-Type",
        ":",
        " : ",
        "<",
        ">",
        "sip:",
        "sips:",
        "@",
        ";",
        "answer-after",
        "=",
        '"',
        "99999",
        "auto",
        "application/dtmf-relay",
        "application/dtmf",
        "Signal",
        "1",
        "11",
        "m=video ",
        "c=IN IP4 127.0.0.1",
        "a=rtcp:",
        "\udcff",
        "\x00",
        "\u202e",
        "٣",
        "²",
    ]
)
MESSAGES = st.one_of(st.text(max_size=400), st.lists(PIECES | st.text(max_size=5), max_size=60).map("".join))
READERS = (parse_invite, info_digit, user_of, clean, is_safe, has_one_type, has_sip_targets)
LONG = 60_000
REPEATED = (
    "<sip:;",
    "<sip:",
    "< ",
    "<   sip:",
    "\n",
    "\r\n",
    "\r\n ",
    " ",
    ";",
    "; answer-after",
    "auto ",
    "Signal ",
    "Signal=",
    "m=video\n",
    "m=video ",
    "c=",
    "c=IN ",
    "a=rtcp:1",
    "a=rtcp: ",
    "m=\n",
    "\rc ",
    "\nContent-Type\t",
    "\udcff",
    "@:",
    "\nm:<",
    '\nm:"',
    '"',
    "\\",
)
STARTS = (
    "",
    "INVITE sip:x SIP/2.0\r\nFrom: ",
    "INVITE sip:x SIP/2.0\r\nCall-Info: ",
    "INVITE sip:x SIP/2.0\r\nAlert-Info: ",
    "INVITE x SIP/2.0\r\nA: b\r\n\r\n",
    "INVITE x SIP/2.0\r\nContact: ",
    "INFO x SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\n",
    "INFO x SIP/2.0\r\nContent-Type: application/dtmf\r\n\r\n1",
)
MOST_S = 1.0
"""Linear reading takes some ms; what grows with the square takes tens of seconds."""


@given(MESSAGES)
@settings(max_examples=500, deadline=None)
def test_reading_never_raises(message: str) -> None:
    """Any text reads as something, and its texts are short and can be told."""
    invite = parse_invite(message)
    for text in (invite.from_user, invite.from_uri, invite.to_user):
        assert len(text) <= MAX_TEXT
        assert text == clean(text)
        text.encode()
    assert all(0 <= delay <= 60 for _, delay in invite.auto_answer)
    digit = info_digit(message)
    assert digit is None or digit[1] in set("0123456789*#ABCD")
    for read in READERS:
        read(message)


@given(MESSAGES)
@settings(max_examples=300, deadline=None)
def test_reports_hold_any_text(message: str) -> None:
    """What a worker reports is JSON of bounded length, whatever stands in From, or in a phone's reason phrase."""
    invite = parse_invite(message)
    incoming = Incoming(
        leg="l",
        account=None,
        from_user=message,
        from_uri=message,
        to_user=invite.to_user,
        source="127.0.0.1",
        source_port=5060,
        wants_video=invite.wants_video,
        auto_answer=invite.auto_answer,
    )
    for report in (incoming, Ended(leg="l", code=200, reason=message, remote=True)):
        packet = pack(report)
        assert json.loads(packet)["leg"] == "l"
        assert len(packet) < 8_000


@pytest.mark.parametrize("start", STARTS)
def test_reading_is_linear(start: str) -> None:
    """60 KB of one thing again and again are read at once."""
    for piece in REPEATED:
        message = start + piece * (LONG // len(piece))
        for read in READERS:
            began = time.process_time()
            read(message)
            took = time.process_time() - began
            assert took < MOST_S, f"{read.__name__} took {took:.1f} s for {start!r} and {piece!r}"
