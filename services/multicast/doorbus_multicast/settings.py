"""Settings of multicast, beside those of every service of one door. What is listened to stands in the document."""

from __future__ import annotations

from pydantic import Field

from doorbus.runtime.settings import OneDoorSettings


class MulticastSettings(OneDoorSettings):
    """What multicast must know before it can read a document."""

    multicast_nice: int = Field(default=-10, ge=-20, le=19)
    """Its place among the processes of the box, where it may have one: late sound is a gap, all else can wait."""
