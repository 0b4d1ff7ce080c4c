"""The engine's small pure parts: limits, matching, sockets, questions, what is read from an INVITE, RTP shares."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorbus_sip.invite import info_digit, parse_invite, user_of
from doorbus_sip.limits import Due, Limits, due
from doorbus_sip.matching import Direct, Forbidden, Known, Match, OnAccount, match, networks
from doorbus_sip.pool import rtp_shares
from doorbus_sip.resolve import host_of
from doorbus_sip.worker import slots

ACCOUNTS = (
    Known("pbx", "door", networks(("192.0.2.7",))),
    Known("night", "night", networks(("192.0.2.7", "198.51.100.0/24"))),
)
ALLOW = networks(("10.0.0.0/8",))


@pytest.mark.parametrize(
    ("source", "to_user", "owner"),
    [
        ("192.0.2.7", "door", OnAccount("pbx")),
        ("192.0.2.7", "night", OnAccount("night")),
        ("192.0.2.7", "anybody", OnAccount("pbx")),
        ("198.51.100.9", "door", OnAccount("night")),
        ("10.1.2.3", "door", Direct()),
        ("::ffff:10.1.2.3", "door", Direct()),
        ("192.0.2.8", "door", Forbidden()),
        ("2001:db8::1", "door", Forbidden()),
        ("not an address", "door", Forbidden()),
    ],
)
def test_owner_of_an_invite(source: str, to_user: str, owner: Match) -> None:
    """The source address decides; To only chooses among accounts of one registrar."""
    assert match(source, to_user, ACCOUNTS, ALLOW) == owner


@pytest.mark.parametrize(
    ("limits", "answered", "warned", "expected"),
    [
        (Limits(ring_s=20), None, False, Due(122, "dial_timeout")),
        (Limits(ring_s=0), None, False, None),
        (Limits(max_call_s=60), 110, False, Due(172, "max_duration")),
        (Limits(max_call_s=60, warn_s=10), 110, False, Due(160, "warning")),
        (Limits(max_call_s=60, warn_s=10), 110, True, Due(172, "max_duration")),
        (Limits(max_call_s=60, warn_s=60), 110, False, Due(172, "max_duration")),
        (Limits(max_call_s=0), 110, False, None),
    ],
)
def test_backstop(limits: Limits, answered: float | None, warned: bool, expected: Due | None) -> None:
    """Ringing and speaking end 2 s after policy would have ended them; the warning is not delayed."""
    assert due(limits, 100, answered, warned) == expected


@given(st.lists(st.tuples(st.sampled_from(("invite", "refuse", "cancel")), st.floats(0, 0.4)), max_size=200))
def test_sockets_never_run_out(history: list[tuple[str, float]]) -> None:
    """Whatever comes in whatever order, calls that are up or cool never need more than the queue's 64 places."""
    state, now = slots.Sockets(), 0.0
    for what, pause in history:
        now += pause
        if what == "invite" and state.live < 4 and not slots.is_full(state, now):
            state = slots.opened(state)
        elif state.live and (what == "cancel" or slots.may_end_at(state, now) <= now):
            state = slots.closed(state, now)
        assert slots.in_use(state, now) * 2 <= 2 * slots.HARD < 64


def test_refusals_wait_only_under_load() -> None:
    """The first refusals go out at once; then one waits until the oldest has cooled."""
    state = slots.Sockets()
    for _ in range(slots.SOFT):
        assert slots.may_end_at(state, 5.0) == 5.0
        state = slots.closed(slots.opened(state), 5.0)
    assert slots.may_end_at(state, 5.1) == 5.0 + slots.COOL_S
    assert slots.may_end_at(state, 5.0 + slots.COOL_S) == 5.0 + slots.COOL_S


def invite(*headers: str, body: str = "") -> str:
    lines = ("INVITE sip:door%3Bx@192.0.2.1:5060;user=phone SIP/2.0", *headers)
    return "\r\n".join(lines) + "\r\n\r\n" + body


def test_reads_an_invite() -> None:
    """Caller, callee and video are read, from compact and folded headers too."""
    message = invite(
        'f: "A; <b>" ', " <sip:anna@192.0.2.9;x=y>;tag=1", "t: <sip:z@q>", body="v=0\r\nm=video 4 RTP/AVP 96\r\n"
    )
    found = parse_invite(message)
    assert (found.from_user, found.from_uri) == ("anna", "sip:anna@192.0.2.9;x=y")
    assert found.to_user == "door%3Bx"
    assert found.wants_video


@pytest.mark.parametrize(
    ("header", "hints"),
    [
        ("Call-Info: <sip:x>;answer-after=0", (("call_info", 0),)),
        ("Call-Info: <sip:x>; Answer-After = 9999", (("call_info", 60),)),
        ("Alert-Info: <http://x>;info=alert-autoanswer", (("alert_info", 0),)),
        ("Alert-Info: ring-answer", (("alert_info", 0),)),
        ("Alert-Info: Auto Answer", (("alert_info", 0),)),
        ("Answer-Mode: Auto;require", (("answer_mode", 0),)),
        ("Answer-Mode: Manual", ()),
        ("Call-Info: <sip:x>;answer-after=soon", ()),
    ],
)
def test_reads_auto_answer_hints(header: str, hints: tuple[tuple[str, int], ...]) -> None:
    """Each vendor's way to ask for an answer is known, nonsense is no hint."""
    assert parse_invite(invite(header)).auto_answer == hints


@given(st.text(max_size=300))
def test_no_text_upsets_the_readers(text: str) -> None:
    """Whatever an attacker writes into a message, reading it raises nothing."""
    parse_invite(text)
    parse_invite(invite(text, body=text))
    info_digit("INFO sip:x SIP/2.0\r\nContent-Type: application/dtmf\r\n\r\n" + text)
    user_of(text)
    host_of(text)


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", ("dtmf-relay", "5")),
        ("application/dtmf-relay;x=y", "signal = #\r\n", ("dtmf-relay", "#")),
        ("application/dtmf", "10", ("dtmf", "*")),
        ("application/dtmf", " d \r\n", ("dtmf", "D")),
        ("application/dtmf", "12", None),
        ("application/dtmf-relay", "Signal=55\r\n", None),
        ("text/plain", "5", None),
    ],
)
def test_reads_digits_in_info(content_type: str, body: str, expected: tuple[str, str] | None) -> None:
    """One digit an INFO, events 10 and 11 are * and #, anything else is none."""
    assert info_digit(f"INFO sip:x SIP/2.0\r\nContent-Type: {content_type}\r\n\r\n{body}") == expected


def test_rtp_ports_are_shared_without_overlap() -> None:
    """Workers get even, disjoint shares within the range, some to spare; a range that is too small is refused."""
    shares = rtp_shares((10001, 10199), 9)
    assert len(shares) == 12
    assert len(rtp_shares((10000, 10071), 9)) == 9
    assert all(first % 2 == 0 and last - first >= 7 for first, last in shares)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(shares))
    assert shares[0][0] >= 10001
    assert shares[-1][1] <= 10199
    with pytest.raises(ValueError, match="72 RTP ports"):
        rtp_shares((10000, 10070), 9)


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("sip:pbx.example.com", "pbx.example.com"),
        ("sip:a@192.0.2.1:5062;transport=tcp", "192.0.2.1"),
        ("<sip:[2001:db8::1]:5060;lr>", "2001:db8::1"),
        ("tel:123", None),
    ],
)
def test_host_of_a_uri(uri: str, host: str | None) -> None:
    """The host whose addresses an account's calls come from."""
    assert host_of(uri) == host
