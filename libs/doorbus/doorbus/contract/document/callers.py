r"""Who a caller is, for the lists `bypass`, `trusted` and `callers`.

- `*` alone is everybody, on an account or direct.
- A pattern that reads as an address (`192.0.2.7`, `192.0.2.*`, `192.0.2.0/24`, `2001:db8::/32`) matches direct
  callers by their source address, and nobody else: a From header is what the caller says.
- Every other pattern matches the From user of calls on an account, and never a direct caller: `1*` is the
  extensions that begin with 1, not the addresses.
"""

import ipaddress
import re
from collections.abc import Iterable

_ADDRESS_GLOB = re.compile(r"[0-9*]{1,3}(?:\.[0-9*]{1,3}){1,3}")
_USER = re.compile(r"[A-Za-z0-9*#+_.!~$&'()=-]{1,64}")


def is_caller_pattern(text: str) -> bool:
    """Whether `text` may stand in a list of callers."""
    return _is_address_pattern(text) or _USER.fullmatch(text) is not None


def caller_matches(patterns: Iterable[str], user: str, source_address: str, direct: bool) -> bool:
    """Whether any of `patterns` names this caller.

    Args:
        patterns: a list of the document.
        user: the user part of From, unescaped; used for calls on an account.
        source_address: the IP address that the INVITE came from, without port; used for direct calls.
        direct: whether the call belongs to no account.
    """
    return any(_matches(pattern, user, source_address, direct) for pattern in patterns)


def in_networks(networks: Iterable[str], address: str) -> bool:
    """Whether `address` lies in one of `networks` (addresses or CIDR), as in `ip_calls.allow`."""
    return any(_in_network(network, address) for network in networks)


def _matches(pattern: str, user: str, source_address: str, direct: bool) -> bool:
    if pattern == "*":
        return True
    if not _is_address_pattern(pattern):
        return not direct and _glob(pattern, user)
    if not direct:
        return False
    if "*" in pattern:
        return _glob(pattern, source_address)
    return _in_network(pattern, source_address)


def _is_address_pattern(text: str) -> bool:
    if _ADDRESS_GLOB.fullmatch(text) and "*" in text:
        return True
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return "." in text or ":" in text  # a bare integer is an address to Python, and an extension to people


def _in_network(network: str, address: str) -> bool:
    try:
        source = ipaddress.ip_address(address.strip("[]"))
        mapped = source.ipv4_mapped if isinstance(source, ipaddress.IPv6Address) else None
        return (mapped or source) in ipaddress.ip_network(network)
    except ValueError:
        return False


def _glob(pattern: str, text: str) -> bool:
    """Matches `*` against any run of characters; linear, since a caller chooses the text."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    *middle, last = rest
    if not text.startswith(first) or len(text) < len(first) + len(last) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
