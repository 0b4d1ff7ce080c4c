"""Which messages of a far side may reach the library (RFC 3261, 7.3.1 and 12.1; RFC 8866, 5.7; RFC 3605).

Rules
- A message says once what its body is. With two Content-Type headers, one of them `multipart`, the library reads the
  body by one and takes it apart by the other, and aborts the process.
- Contact and Record-Route hold SIP URIs only, save in a redirection: they say where a dialog's requests go, and an ACK
  that cannot be sent aborts the process (`Contact: <tel:+1>` in the 200 of a dialed phone).
- Each media line has an address, its own `c=` or the session's, also one that is declined (port 0). Without, the
  library lets a declined one pass and aborts the process over its own answer.
- Each address, in `c=` and in `a=rtcp`, is a literal of the family that it names: `IN IP4 192.0.2.7`, or
  `IN IP6 2001:db8::7`. One of the other family (`IN IP4 ::1`) aborts the process when media starts. A host name would
  be resolved there and then: a name server that says nothing stalls all calls of the process.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

_ADDRESSES = re.compile(r"^(?:c=|a=rtcp:[ \t]*\d*[ \t]+)[ \t]*(\S*)[ \t]*(\S*)[ \t]*([^\s/]*)", re.MULTILINE)
_TYPE = re.compile(r"[\r\n](?:content-type|c)[ \t]*:", re.IGNORECASE)
_TARGETS = re.compile(r"[\r\n](?:contact|m|record-route)[ \t]*:([^\r\n]*)", re.IGNORECASE)
_FOLD = re.compile(r"(?:\r\n|\n|\r)[ \t]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRACKETED = re.compile(r"<([^<>]*)")
_SIP = re.compile(r"\s*sips?:", re.IGNORECASE)
_REDIRECTION = re.compile(r"SIP/2\.0\s+3", re.IGNORECASE)
_HEAD_END = re.compile(r"\r\n\r\n|\n\n|\r\r")
_MEDIA = re.compile(r"^m=", re.MULTILINE)
_CONNECTION = re.compile(r"^c=", re.MULTILINE)
_FAMILIES = {"IP4": IPv4Address, "IP6": IPv6Address}
_MAX_ADDRESS = 45


def has_one_type(message: str) -> bool:
    """Whether a message has at most one Content-Type."""
    return len(_TYPE.findall(_HEAD_END.split(message, 1)[0])) <= 1


def has_sip_targets(message: str) -> bool:
    """Whether every URI in Contact and Record-Route is one of SIP, in a redirection whatever it is."""
    if _REDIRECTION.match(message):
        return True
    head = _FOLD.sub(" ", _HEAD_END.split(message, 1)[0])
    return all(_is_sip(value) for value in _TARGETS.findall(head))


def _is_sip(value: str) -> bool:
    bare = _QUOTED.sub("", value)
    if bare.strip() == "*":
        return True
    return all(_SIP.match(uri) for uri in _BRACKETED.findall(bare) or [bare])


def is_safe(description: str) -> bool:
    """Whether a description, as the library prints what it has read, keeps the rules."""
    session, *media = _MEDIA.split(description)
    if not _CONNECTION.search(session) and not all(_CONNECTION.search(each) for each in media):
        return False
    return all(_is_literal(*each) for each in _ADDRESSES.findall(description))


def _is_literal(network: str, family: str, address: str) -> bool:
    kind = _FAMILIES.get(family.upper())
    if network.upper() != "IN" or kind is None or len(address) > _MAX_ADDRESS or "%" in address:
        return False
    try:
        kind(address)
    except AddressValueError:
        return False
    return True
