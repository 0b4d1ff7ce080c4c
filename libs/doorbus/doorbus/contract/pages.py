"""Pages: what multicast tells of the sound that comes over RTP multicast.

A page is one RTP stream (listener and SSRC) from where it is heard to its end. At most one page plays at a door. Which
one plays now, the page lease says (`contract.leases`); it is the snapshot of multicast, too.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from doorbus.contract.base import Event, Name, Seconds

Count = Annotated[int, Field(ge=0)]
Ssrc = Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
Place = Annotated[int, Field(ge=1)]

EndedBecause = Literal["silence", "call", "new_ssrc", "document", "failed", "shutdown"]
"""Its packets stopped; a call began that it does not outrank; another stream began on its listener; its listener is
gone from the document; it cannot be played; multicast stops."""


class PageEvent(Event):
    """Base of what is told of a page.

    Attributes:
        listener: label of the listener it came to.
    """

    domain = "page"
    listener: str


class PageStarted(PageEvent):
    """A page plays.

    Attributes:
        place: of its listener; 1 = the highest.
        source: address and port of its sender, `192.0.2.7:40000`.
        outranks_calls: its listener is one of the first `multicast.barge`, and priority is active.
    """

    what = "started"
    page: Name
    place: Place
    ssrc: Ssrc
    source: str
    outranks_calls: bool


class PageReplaced(PageEvent):
    """A page on a higher listener took the loudspeaker. This one is over; if it still sends later, that is a new page.

    Attributes:
        by: the page that plays now.
    """

    what = "replaced"
    page: Name
    by: Name


class PageSuppressed(PageEvent):
    """A stream that may not be heard now; told once for each stream and reason.

    Attributes:
        because: of a call that it does not outrank, or of a page.
    """

    what = "suppressed"
    place: Place
    ssrc: Ssrc
    source: str
    because: Literal["call", "page"]


class PageEnded(PageEvent):
    """A page is over, and no other has replaced it.

    Attributes:
        lost: packets that did not come in time.
        concealed_ms: sound made up where they were missing.
    """

    what = "ended"
    page: Name
    reason: EndedBecause
    duration_s: Seconds = 0
    packets: Count = 0
    lost: Count = 0
    concealed_ms: Count = 0
