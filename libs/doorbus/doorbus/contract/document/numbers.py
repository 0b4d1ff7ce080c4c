"""What may be dialed: a number, an address, a SIP URI; and the URI that each becomes.

- Digits with `*` and `#` are called at the domain of an account's AOR; `#` travels as `%23` (RFC 3261, 25.1: it
  is not allowed in a user part, `*` is).
- A bare IP address, with a port if need be, is a direct call.
- A SIP URI is taken as it is. It may hold neither a password (secrets are references) nor headers (`?…`, they
  would let a number write into the INVITE).
"""

import ipaddress
import re
from enum import StrEnum

DIGITS = re.compile(r"[0-9*#]{1,32}")
_USER = r"[A-Za-z0-9_.!~*'()&=+$,;?/%-]{1,64}"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
SIP_URI_PATTERN = rf"sips?:(?:{_USER}@)?{_HOST}(?::[0-9]{{1,5}})?(?:;[A-Za-z0-9_.!~*'()%=\[\]:+$-]{{1,128}})*"
AOR_PATTERN = rf"sips?:{_USER}@{_HOST}(?::[0-9]{{1,5}})?"
_SIP_URI = re.compile(SIP_URI_PATTERN)
_HOST_PORT = re.compile(rf"sips?:(?:[^@]*@)?({_HOST})(?::([0-9]{{1,5}}))?(?:;.*)?")
_ADDRESS = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")


class NumberKind(StrEnum):
    """How a dialed text is called."""

    DIGITS = "digits"
    ADDRESS = "address"
    URI = "uri"


def kind_of(number: str) -> NumberKind | None:
    """Tells how `number` is called, or None when it cannot be."""
    if DIGITS.fullmatch(number):
        return NumberKind.DIGITS
    if is_sip_uri(number):
        return NumberKind.URI
    found = _ADDRESS.fullmatch(number)
    if found and is_ip(found[1].strip("[]")) and _is_port(found[2]):
        return NumberKind.ADDRESS
    return None


def is_sip_uri(text: str) -> bool:
    """Whether `text` is a SIP URI that we call: no password, no headers, a real host and port."""
    if _SIP_URI.fullmatch(text) is None:
        return False
    found = _HOST_PORT.fullmatch(text)
    return found is not None and is_host(found[1]) and _is_port(found[2])


def is_host(text: str) -> bool:
    """Whether `text` is a host name, an IPv4 address or an IPv6 address in brackets."""
    if text.startswith("["):
        return is_ip(text.strip("[]"))
    if re.fullmatch(r"[0-9.]+", text):
        return is_ip(text)
    labels = text.split(".")
    return len(text) <= 253 and all(re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?", x) for x in labels)


def is_ip(text: str) -> bool:
    """Whether `text` is an IPv4 or IPv6 address, without brackets."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def host_port(uri: str) -> str:
    """Returns `host` or `host:port` of a SIP URI.

    Raises:
        ValueError: `uri` is not a SIP URI.
    """
    found = _HOST_PORT.fullmatch(uri)
    if found is None:
        raise ValueError("not a SIP URI")
    return found[1] if found[2] is None else f"{found[1]}:{found[2]}"


def number_at(number: str, aor: str | None) -> str:
    """Returns the SIP URI to call for `number`; digits are called at the domain of `aor`.

    Raises:
        ValueError: nothing that can be called, or digits without an account.
    """
    match kind_of(number):
        case NumberKind.URI:
            return number
        case NumberKind.ADDRESS:
            return f"sip:{number}"
        case NumberKind.DIGITS if aor is not None:
            return f"sip:{number.replace('#', '%23')}@{host_port(aor)}"
        case NumberKind.DIGITS:
            raise ValueError("a number needs an account; without one, dial an IP address or a SIP URI")
        case None:
            raise ValueError("must be digits with * and #, an IP address with optional port, or a SIP URI")


def _is_port(text: str | None) -> bool:
    return text is None or 1 <= int(text) <= 65535
