"""Whose INVITE is it?

Rules
- The source address alone decides, not what To or the request URI say: they are the caller's words.
- An INVITE from one of an account's networks (its registrar and proxy, resolved, the address that accepted its
  registration, and its `trusted_sources`) is a call on that account. Where several accounts share a registrar, the one
  whose AOR user the INVITE asks for wins, else the first of the document.
- Any other INVITE is a direct IP call; from outside `ip_allow` it is forbidden.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Known:
    """An account, as far as matching goes."""

    id: str
    user: str
    networks: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class OnAccount:
    """The call belongs to this account."""

    id: str


@dataclass(frozen=True, slots=True)
class Direct:
    """A direct IP call that may ring."""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """403, and nobody is asked."""


Match = OnAccount | Direct | Forbidden


def networks(values: Sequence[str]) -> tuple[Network, ...]:
    """Networks from CIDR texts or single addresses (host bits are masked).

    Raises:
        ValueError: one is neither.
    """
    return tuple(ip_network(value, strict=False) for value in values)


def match(source: str, to_user: str, accounts: Sequence[Known], ip_allow: Sequence[Network]) -> Match:
    """The owner of an INVITE from the address `source` that asks for `to_user`."""
    address = _address(source)
    if address is None:
        return Forbidden()
    found = owners(source, accounts)
    if found:
        return OnAccount(next((a.id for a in found if a.user == to_user), found[0].id))
    return Direct() if any(address in network for network in ip_allow) else Forbidden()


def owners(source: str, accounts: Sequence[Known]) -> tuple[Known, ...]:
    """The accounts whose calls come from the address `source`, in their order."""
    address = _address(source)
    if address is None:
        return ()
    return tuple(account for account in accounts if any(address in network for network in account.networks))


@functools.lru_cache(maxsize=256)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
