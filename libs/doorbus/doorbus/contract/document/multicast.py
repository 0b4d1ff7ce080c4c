"""Pages: multicast addresses that the door listens to, in the order of their priority."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from doorbus.contract.document.base import Between, Model, Written
from doorbus.contract.document.scalars import Label, MulticastAddress, Network, Percent

MAX_LISTENERS = 64
"""Twice what is promised; each is a socket and a jitter buffer."""


def _key_to_number(key: Any) -> Any:
    """JSON's keys are text."""
    return int(key) if isinstance(key, str) and re.fullmatch(r"[0-9]{1,3}", key) else key


PayloadType = Annotated[int, Between(96, 127), BeforeValidator(_key_to_number)]
RtpCodec = Annotated[
    str,
    Written(
        "one of L16, PCMU, PCMA, G722 with rate and channels, like L16/16000/1",
        r"(?:L16/(?:8000|11025|16000|22050|24000|32000|44100|48000)|PCM[UA]/(?:8000|16000))(?:/[12])?|G722/8000(?:/1)?",
    ),
]
InterfaceName = Annotated[str, Written("the name of a network interface, like eth0", r"[A-Za-z0-9_.:@-]{1,15}")]


class Listener(Model):
    """One address whose pages are played."""

    label: Label
    """Names it in events."""
    address: MulticastAddress
    volume: Percent = 100
    """Of `audio.volume.page`."""
    codecs: dict[PayloadType, RtpCodec] = Field(default_factory=dict)
    """What dynamic payload types mean: RTP alone does not tell. The static ones (RFC 3551) need no entry."""
    end_ms: Annotated[int, Between(60, 10000)] = 500
    """Silence that ends a page: longer than a network's jitter, short enough that the call comes back at once."""


class Multicast(Model):
    """All about pages. Without listeners nothing is joined."""

    interface: InterfaceName | None = None
    """Null = the one that the system's routes choose."""
    barge: Annotated[int, Between(0, MAX_LISTENERS)] = 0
    """So many listeners, from the first, outrank SIP calls. None, until somebody says that a page is an alarm."""
    priority_active: bool = True
    """The order of the list is the order of priority; false = the first page plays to its end."""
    sources: tuple[Network, ...] = ()
    """The senders that are heard; empty = all."""
    listeners: Annotated[tuple[Listener, ...], Field(max_length=MAX_LISTENERS)] = ()
    """Highest priority first."""
