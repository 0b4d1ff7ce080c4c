"""The small values of the document: ids, numbers, codes, addresses, times. Each says in words what it takes."""

import ipaddress
import re
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import GetCoreSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from doorbus.contract.document.base import Between, Written
from doorbus.contract.document.callers import is_caller_pattern
from doorbus.contract.document.numbers import AOR_PATTERN, SIP_URI_PATTERN, is_host, is_sip_uri, kind_of

DIRECT = "ip"
"""Stands for direct IP calls where account ids are listed, so no account may have this id."""


def _unless(valid: bool, complaint: str) -> str | None:
    return None if valid else complaint


def _ports(text: str) -> str | None:
    low, _, high = text.partition("-")
    return _unless(1 <= int(low) <= int(high) <= 65535, "ports are 1 to 65535, the lower one first")


def _multicast(text: str) -> str | None:
    host, _, port = text.rpartition(":")
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        return "the address has four parts of 0 to 255"
    return _unless(address.is_multicast and 1 <= int(port) <= 65535, "ports are 1 to 65535")


def _network(text: str) -> str | None:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return "the bits behind the prefix are 0"
    return None


def _timezone(text: str) -> str | None:
    try:
        ZoneInfo(text)
    except (ValueError, KeyError, OSError):  # KeyError is an unknown zone, OSError a folder of zones
        return "no such zone"
    return None


def _host_port(text: str) -> str | None:
    host, _, port = text.partition(":")
    return _unless(is_host(host) and (not port or 1 <= int(port) <= 65535), "ports are 1 to 65535")


DoorId = Annotated[str, Written("1 to 32 of a-z, 0-9 and -", r"[a-z0-9-]{1,32}")]
# Ids stand in subjects of the bus, where a dot, a space or a wildcard would change the meaning.
Id = Annotated[str, Written("1 to 32 of a-z, 0-9, _ and -", r"[a-z0-9_-]{1,32}")]
Number = Annotated[
    str,
    Written(
        'a quoted number of digits, * and # ("101"), an IP address with optional port, or a SIP URI without '
        "password and headers",
        r".{1,256}",
        lambda text: _unless(kind_of(text) is not None, "this is none of them"),
    ),
]
OptionalCode = Annotated[str, Written('a quoted code of up to 32 of 0-9, * and # ("*78"), or ""', r"[0-9*#]{0,32}")]
SipUri = Annotated[
    str,
    Written(
        "a SIP URI, like sip:pbx.example.com:5060, without password and headers",
        SIP_URI_PATTERN,
        lambda text: _unless(is_sip_uri(text), "its host or port is not one"),
    ),
]
Aor = Annotated[
    str,
    Written(
        "an address of record, like sip:door@pbx.example.com",
        AOR_PATTERN,
        lambda text: _unless(is_sip_uri(text), "its host or port is not one"),
    ),
]
CallerPattern = Annotated[
    str,
    Written(
        'a user ("101", "1*"), an address or network ("192.0.2.7", "192.0.2.0/24"), or "*"',
        r"\S{1,64}",
        lambda text: _unless(is_caller_pattern(text), "this is none of them"),
    ),
]
Network = Annotated[
    str, Written("an IP address or a network like 192.0.2.0/24", r"[0-9A-Fa-f:.]{2,45}(?:/[0-9]{1,3})?", _network)
]
MulticastAddress = Annotated[
    str,
    Written(
        "address:port with an address of 224.0.0.0 to 239.255.255.255, like 239.1.1.1:5004",
        r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}:[0-9]{1,5}",
        _multicast,
    ),
]
Port = Annotated[int, Between(1, 65535)]
PortRange = Annotated[str, Written("a range of ports, like 5070-5079", r"[0-9]{1,5}-[0-9]{1,5}", _ports)]
Host = Annotated[
    str,
    Written("a host name or an IP address", r"[A-Za-z0-9.-]{1,253}", lambda t: _unless(is_host(t), "this is neither")),
]
HostPort = Annotated[
    str,
    Written(
        "a host with optional port, like stun.example.com:3478", r"[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?", _host_port
    ),
]
TimezoneName = Annotated[
    str, Written("an IANA time zone, like Europe/Berlin or UTC", r"[A-Za-z0-9_+/-]{1,64}", _timezone)
]
TimeOfDay = Annotated[str, Written('a quoted time of day, "00:00" to "23:59"', r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")]
EndTime = Annotated[str, Written('a quoted time of day, "00:00" to "24:00"', r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")]
Line = Annotated[str, Written("one line of text, at most 256 characters", r"[^\x00-\x1f\x7f\x85\u2028\u2029]{0,256}")]
Label = Annotated[str, Written("one line of 1 to 64 characters", r"[^\x00-\x1f\x7f\x85\u2028\u2029]{1,64}")]
FilePath = Annotated[str, Written("the absolute path of a file", r"/[^\x00-\x1f\x7f]{1,255}")]
Percent = Annotated[int, Between(0, 100)]


class _IsoDate:
    """Takes a date only as YYYY-MM-DD: pydantic alone also reads seconds since 1970."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Wraps the date's schema."""
        refusal = PydanticCustomError("wants_date", "must be a date, YYYY-MM-DD")

        def read(value: Any, inner: core_schema.ValidatorFunctionWrapHandler) -> Any:
            if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) is None:
                raise refusal
            try:
                return inner(date.fromisoformat(value) if isinstance(value, str) else value)
            except ValueError:  # pydantic's too
                raise refusal from None

        return core_schema.no_info_wrap_validator_function(read, handler(source))


Date = Annotated[date, _IsoDate()]


def port_range(text: PortRange) -> range:
    """Returns the ports of a validated range, both ends included."""
    low, _, high = text.partition("-")
    return range(int(low), int(high) + 1)


def multicast_port(address: MulticastAddress) -> int:
    """Returns the port of a validated multicast address."""
    return int(address.rpartition(":")[2])


def listed(names: Iterable[object]) -> str:
    """Writes the allowed values for a message: `a, b, c`, or says that there are none."""
    return ", ".join(str(name) for name in names) or "(there is none yet)"
