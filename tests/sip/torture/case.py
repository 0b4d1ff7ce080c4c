"""What a torture message is made of: where it goes, what its point is, what may come back.

The messages follow the tests of RFC 4475 section by section. What they are about is the RFC's; names, hosts and values
are our own, and the topmost Via is the sender's, so that answers come back where a test is not about Via.
"""

from collections.abc import Callable
from dataclasses import dataclass

SILENCE = 0
"""In `Case.expected`: no answer at all is right too."""

DECIDED = 486
"""What the test's own decision turns an INVITE into that the door hands up."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message goes and whence; `door` and `me` are HOST:PORT, `transport` is `UDP` or `TCP`.

    `token` makes branch, tags and Call-ID of one sending unique; it is letters and digits.
    """

    door: str
    me: str
    transport: str
    token: str

    @property
    def via(self) -> str:
        """A plain Via of the sender."""
        return f"SIP/2.0/{self.transport} {self.me};rport;branch=z9hG4bK{self.token}"

    @property
    def uri(self) -> str:
        """The door's plain address."""
        return f"sip:door@{self.door}"

    def sdp(self) -> str:
        """A plain offer of PCMU."""
        return (
            "v=0\r\no=visitor 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            "m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )


@dataclass(frozen=True, slots=True)
class Case:
    """One test of the RFC.

    Attributes:
        name: the RFC's name of it.
        section: where it stands.
        point: what it is about, in one line.
        build: makes its bytes.
        expected: status codes of right final answers of an endpoint, `SILENCE` among them where dropping it is right.
        streams: it makes sense on a stream; where the message's own length is wrong, it does not.
    """

    name: str
    section: str
    point: str
    build: Callable[[Place], bytes]
    expected: frozenset[int]
    streams: bool = True


def message(*lines: str, body: str = "") -> bytes:
    """Header lines and a body as bytes: UTF-8, a lone surrogate U+DCXX becomes the bare byte XX."""
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode(errors="surrogateescape")


def plain(place: Place, method: str, **changed: str | None) -> bytes:
    """An ordinary request with some headers changed (`call_id="…"`), left out (`None`) or added, in a fixed order.

    `start` replaces the start line, `body` is the body; `content_length` is counted unless it is given.
    """
    headers: dict[str, str | None] = {
        "via": place.via,
        "max_forwards": "70",
        "from_": f'"A Visitor" <sip:visitor@{place.me}>;tag=f{place.token}',
        "to": f"<{place.uri}>",
        "call_id": f"{place.token}@visitors.example",
        "cseq": f"7 {method}",
        "contact": f"<sip:visitor@{place.me}>",
    }
    body = place.sdp() if method == "INVITE" else ""
    body = changed.pop("body", body) or ""
    start = changed.pop("start", None) or f"{method} {place.uri} SIP/2.0"
    if body:
        headers["content_type"] = "application/sdp"
    headers["content_length"] = str(len(body.encode(errors="surrogateescape")))
    headers |= changed
    names = {"from_": "From", "call_id": "Call-ID", "cseq": "CSeq"}
    lines = [
        f"{names.get(name, name.replace('_', '-').title())}: {value}"
        for name, value in headers.items()
        if value is not None
    ]
    return message(start, *lines, body=body)
