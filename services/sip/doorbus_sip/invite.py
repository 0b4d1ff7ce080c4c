"""What the engine reads from the text of an INVITE or INFO: pjproject does not act on these headers itself.

Auto-answer hints: `Call-Info: …;answer-after=N`, `Alert-Info: …info=alert-autoanswer`, `…ring-answer` or
`…Auto Answer` (all vendors' habits), `Answer-Mode: Auto` (RFC 5373). Header names may be compact or folded (RFC 3261,
7.3.1 and 7.3.3), lines may end as pjsip lets them, with LF alone. Whatever is malformed reads as absent: nothing here
raises or takes more than linear time. What becomes part of an event or a log is made harmless (`text.clean`).
"""

import re
from dataclasses import dataclass

from doorbus_sip.text import clean

_COMPACT = {"f": "from", "t": "to", "c": "content-type", "i": "call-id"}
_MAX_ANSWER_AFTER_S = 60
_MAX_HINTS = 8
_RELAY_SIGNAL = re.compile(r"^[ \t]*Signal[ \t]*=[ \t]*(1[01]|[0-9*#A-Da-d])[ \t]*$", re.IGNORECASE | re.MULTILINE)
_DIGIT = re.compile(r"\s*([0-9*#A-Da-d]|1[01])\s*\Z")
_ALERT = re.compile(r"alert-autoanswer|ring-answer|auto\s*answer", re.IGNORECASE)
_AFTER = re.compile(r";\s*answer-after\s*=\s*\"?([0-9]{1,4})", re.IGNORECASE)
_VIDEO = re.compile(r"^m=video[ \t]+([0-9]{1,5})", re.MULTILINE)
_URI = re.compile(r"<\s*(sips?:[^<>\s]+)\s*>|(sips?:[^;,\s>]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Invite:
    """The caller, the callee and the wishes of an INVITE."""

    from_user: str
    from_uri: str
    to_user: str
    wants_video: bool
    auto_answer: tuple[tuple[str, int], ...]


def parse_invite(message: str) -> Invite:
    """Reads an INVITE as it came from the wire."""
    start, headers, body = _split(message)
    words = start.split(" ")
    target = words[1] if len(words) > 1 else ""
    from_uri = _uri(_first(headers, "from"))
    return Invite(
        from_user=clean(user_of(from_uri)),
        from_uri=clean(from_uri),
        to_user=clean(user_of(target) or user_of(_uri(_first(headers, "to")))),
        wants_video=any(int(port) > 0 for port in _VIDEO.findall(body)),
        auto_answer=_auto_answer(headers),
    )


def info_digit(message: str) -> tuple[str, str] | None:
    """The digit of a DTMF INFO as (`dtmf-relay` or `dtmf`, digit), `None` for any other message."""
    start, headers, body = _split(message)
    if not start.startswith("INFO "):
        return None
    kind = _first(headers, "content-type").split(";")[0].strip().lower()
    if kind == "application/dtmf-relay":
        found = _RELAY_SIGNAL.search(body)
    elif kind == "application/dtmf":
        found = _DIGIT.match(body)
    else:
        return None
    if found is None:
        return None
    digit = {"10": "*", "11": "#"}.get(found[1], found[1].upper())
    return kind.removeprefix("application/"), digit


def user_of(uri: str) -> str:
    """The user part of a SIP URI without its parameters, empty if there is none."""
    rest = uri.partition(":")[2]
    user, at, _ = rest.partition("@")
    return user.partition(";")[0].partition(":")[0] if at else ""


def _split(message: str) -> tuple[str, dict[str, list[str]], str]:
    head, _, body = message.replace("\r\n", "\n").partition("\n\n")
    lines = re.sub(r"\n[ \t]+", " ", head).split("\n")
    headers: dict[str, list[str]] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            name = name.strip().lower()
            headers.setdefault(_COMPACT.get(name, name), []).append(value.strip())
    return lines[0], headers, body


def _first(headers: dict[str, list[str]], name: str) -> str:
    return headers.get(name, [""])[0]


def _uri(header: str) -> str:
    found = _URI.search(header)
    return (found[1] or found[2]) if found else ""


def _auto_answer(headers: dict[str, list[str]]) -> tuple[tuple[str, int], ...]:
    hints = [
        ("call_info", min(int(after[1]), _MAX_ANSWER_AFTER_S))
        for value in headers.get("call-info", [])[:_MAX_HINTS]
        if (after := _AFTER.search(value))
    ]
    if any(_ALERT.search(value) for value in headers.get("alert-info", [])):
        hints.append(("alert_info", 0))
    if any(value.split(";")[0].strip().lower() == "auto" for value in headers.get("answer-mode", [])):
        hints.append(("answer_mode", 0))
    return tuple(hints)
