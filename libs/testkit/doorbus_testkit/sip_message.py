"""SIP messages as values: parsed from and written to the bytes of one datagram (RFC 3261, sections 7 and 20).

A subset for tests: one message a datagram, no folding of header lines on writing, header names compared without
regard to case and in their long form. Nothing is checked beyond what parsing needs, so that tests can send nonsense.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

COMPACT = {
    "c": "Content-Type",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "v": "Via",
    "x": "Session-Expires",
}

REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    302: "Moved Temporarily",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    415: "Unsupported Media Type",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    503: "Service Unavailable",
    600: "Busy Everywhere",
    603: "Decline",
    607: "Unwanted",
}

Address = tuple[str, int]


class SipSyntaxError(ValueError):
    """The bytes are no SIP message."""


@dataclass(frozen=True, slots=True)
class SipMessage:
    """One request (`method`, `uri`) or one response (`status`, `reason`)."""

    method: str = ""
    uri: str = ""
    status: int = 0
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def is_request(self) -> bool:
        """True for a request."""
        return bool(self.method)

    @property
    def name(self) -> str:
        """The method of a request, the status code of a response: `INVITE`, `180`."""
        return self.method or str(self.status)

    def header(self, name: str) -> str | None:
        """Returns the first value of a header, None without one."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> tuple[str, ...]:
        """Returns all lines of a header, in their order."""
        wanted = name.lower()
        return tuple(value for key, value in self.headers if key.lower() == wanted)

    def required(self, name: str) -> str:
        """Returns the first value of a header; raises SipSyntaxError without one."""
        value = self.header(name)
        if value is None:
            raise SipSyntaxError(f"{self.name} without {name}")
        return value

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.required("Call-ID")

    @property
    def cseq(self) -> tuple[int, str]:
        """Number and method of the CSeq."""
        number, _, method = self.required("CSeq").partition(" ")
        return int(number), method.strip()

    @property
    def branch(self) -> str:
        """The branch of the topmost Via, which names the transaction."""
        return parameter(self.required("Via").split(",")[0], "branch") or ""

    @property
    def from_tag(self) -> str | None:
        """The tag of From."""
        return parameter(self.required("From"), "tag")

    @property
    def to_tag(self) -> str | None:
        """The tag of To; None in a request outside a dialog."""
        return parameter(self.required("To"), "tag")

    def with_headers(self, headers: Mapping[str, str]) -> Self:
        """Returns a copy with these headers in place of those of the same names."""
        replaced = {name.lower() for name in headers}
        kept = tuple((key, value) for key, value in self.headers if key.lower() not in replaced)
        return replace(self, headers=kept + tuple(headers.items()))

    def with_body(self, content_type: str, body: bytes) -> Self:
        """Returns a copy with this body and its Content-Type."""
        return replace(self.with_headers({"Content-Type": content_type}), body=body)

    def encode(self) -> bytes:
        """Returns the bytes of the datagram, with a Content-Length that is right."""
        start = f"{self.method} {self.uri} SIP/2.0" if self.is_request else f"SIP/2.0 {self.status} {self.reason}"
        lines = [start]
        lines += [f"{key}: {value}" for key, value in self.headers if key.lower() != "content-length"]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode() + self.body

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parses one datagram.

        Raises:
            SipSyntaxError: when it is no SIP message.
        """
        head, separator, body = data.partition(b"\r\n\r\n")
        if not separator:
            raise SipSyntaxError("no empty line after the headers")
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode(errors="replace")).split("\r\n")
        headers = []
        for line in lines[1:]:
            key, colon, value = line.partition(":")
            if not colon:
                raise SipSyntaxError(f"no header line: {line!r}")
            key = key.strip()
            headers.append((COMPACT.get(key.lower(), key), value.strip()))
        words = lines[0].split(" ", 2)
        if len(words) < 3:
            raise SipSyntaxError(f"no start line: {lines[0]!r}")
        if words[0] == "SIP/2.0" and words[1].isdigit():
            message = cls(status=int(words[1]), reason=words[2], headers=tuple(headers))
        elif words[2] == "SIP/2.0":
            message = cls(method=words[0], uri=words[1], headers=tuple(headers))
        else:
            raise SipSyntaxError(f"no start line: {lines[0]!r}")
        length = message.header("Content-Length")
        return replace(message, body=body if length is None or not length.isdigit() else body[: int(length)])


def response_to(
    request: SipMessage,
    status: int,
    *,
    to_tag: str,
    reason: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> SipMessage:
    """Builds a response with what RFC 3261, 8.2.6.2, copies from the request.

    Args:
        request: what is answered.
        status: the code; its usual reason phrase follows unless `reason` is given.
        to_tag: the tag added to To, where it has none and the code is above 100.
        reason: the reason phrase.
        headers: more headers.
    """
    copied = []
    for key, value in request.headers:
        match key.lower():
            case "via" | "from" | "call-id" | "cseq" | "record-route":
                copied.append((key, value))
            case "to":
                tagged = value if request.to_tag or status == 100 else f"{value};tag={to_tag}"
                copied.append((key, tagged))
    message = SipMessage(
        status=status, reason=REASONS.get(status, "Code") if reason is None else reason, headers=tuple(copied)
    )
    return message.with_headers(headers or {})


def parameter(value: str, name: str) -> str | None:
    """Returns a parameter of a header value, outside its angle brackets; '' for one without a value."""
    outside = re.sub(r'"[^"]*"|<[^>]*>', "", value)
    found = re.search(rf";\s*{re.escape(name)}(?:\s*=\s*([^;,\s]*))?(?=[;,\s]|$)", outside, re.IGNORECASE)
    return None if found is None else found.group(1) or ""


def uri_of(value: str) -> str:
    """Returns the URI in a From, To, Contact, Route or Record-Route value."""
    bracketed = re.search(r"<([^>]*)>", value)
    return bracketed.group(1) if bracketed else value.split(";")[0].strip()


def address_of(uri: str) -> Address:
    """Returns host and port that a SIP URI names, 5060 without a port; IPv4 and host names only.

    Raises:
        SipSyntaxError: when it is no SIP URI.
    """
    found = re.fullmatch(r"sips?:(?:[^@]*@)?([^:;?>]+)(?::(\d+))?(?:[;?].*)?", uri.strip(), re.IGNORECASE)
    if found is None:
        raise SipSyntaxError(f"no SIP URI: {uri!r}")
    return found.group(1), int(found.group(2) or 5060)


def new_branch() -> str:
    """Returns a Via branch with the magic cookie of RFC 3261, 8.1.1.7."""
    return f"z9hG4bK{secrets.token_hex(8)}"


def new_tag() -> str:
    """Returns a tag for From or To."""
    return secrets.token_hex(5)
