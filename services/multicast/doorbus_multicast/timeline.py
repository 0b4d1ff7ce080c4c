"""The packets of one format that wait for their turn, by their places on the stream's timeline, in samples. Pure.

Rules
- A packet's place follows from its timestamp. A timestamp that jumps by seconds begins where the timeline ends.
- What has been played, or is there already, is not taken again; nor what comes wholly after its turn, or far too early.
- Packets are decoded when their turn comes, in order: G.722 remembers.
"""

from __future__ import annotations

from collections import deque
from typing import Literal, NamedTuple

import numpy as np

from doorbus.rtp.codecs import Decode, Samples
from doorbus.rtp.payloads import Format
from doorbus_multicast.intake import MOST_JUMP_S, Taken

MOST_AHEAD_S = 1.0
"""A sender that is faster than its own clock fills no memory."""
REMEMBERED = 256
"""Numbers of packets that were played: a repeat of one is not late."""

Fate = Literal["taken", "repeated", "late", "early"]


class Hole(NamedTuple):
    """Nothing to play, but something after it. `meant`: the sender made a pause, nothing was lost."""

    frames: int
    meant: bool


class Timeline:
    """One format's.

    Attributes:
        form: of all its packets.
        head: the place that is played next.
        end: the place after the last packet.
        lost: packets whose turn came without them.
    """

    def __init__(self, form: Format, decode: Decode) -> None:
        self.form = form
        self.head = 0
        self.end = 0
        self.lost = 0
        self._decode = decode
        self._begun = False
        self._waiting: dict[int, Taken] = {}
        self._origin: int | None = None
        self._timestamp = 0
        self._played: int | None = None
        self._remembered: deque[int] = deque(maxlen=REMEMBERED)
        self._open_at = 0
        self._open: Samples = np.zeros(0, np.float32)

    def place(self, packet: Taken) -> tuple[int, bool]:
        """Returns a packet's place, and whether its timestamp jumped."""
        jumps = abs(packet.timestamp - self._timestamp) > MOST_JUMP_S * self.form.clock_hz
        place = packet.timestamp * self.form.rate // self.form.clock_hz
        if self._origin is None or jumps:
            self._origin = max(self.end, self.head) - place
            self._timestamp = packet.timestamp
        return self._origin + place, jumps

    def is_known(self, packet: Taken, place: int) -> bool:
        """Tells whether a packet is there or was played."""
        return place in self._waiting or packet.number in self._remembered

    def add(self, packet: Taken, place: int) -> Fate:
        """Takes a packet that is not known."""
        if self._begun and place + packet.frames <= self.head:
            return "late"
        if place - self.head > MOST_AHEAD_S * self.form.rate:
            return "early"
        self._waiting[place] = packet
        self._timestamp = max(self._timestamp, packet.timestamp)
        self.end = max(self.end, place + packet.frames)
        return "taken"

    def begin(self, most: int) -> None:
        """Has playing begin with the first packet that is there, and `most` samples behind the last one at most."""
        self.head = min((place for place in self._waiting if place >= self.end - most), default=self.head)
        self._begun = True

    def begin_again(self, place: int) -> None:
        """Forgets all before a place; playing has not begun."""
        self._waiting = {at: packet for at, packet in self._waiting.items() if at >= place}
        self.head = self.end = place
        self._begun, self._played = False, None

    def real(self, most: int) -> Samples | None:
        """Returns the next samples, `most` at most, and moves on; None where they are not there."""
        if not self._open_at <= self.head < self._open_at + len(self._open) and not self._open_next():
            return None
        first = self.head - self._open_at
        piece = self._open[first : first + most]
        self.head += len(piece)
        return piece

    def hole(self) -> Hole | None:
        """Returns what is missing before the next packet; None where none is there."""
        following = min(self._waiting, default=None)
        if following is None:
            return None
        meant = self._played is not None and self._waiting[following].number == self._played + 1
        return Hole(following - self.head, meant)

    def _open_next(self) -> bool:
        """Decodes the packet whose turn it is, and drops those before it; False where it is not there."""
        while self._waiting:
            place = min(self._waiting)
            if place > self.head:
                return False
            packet = self._waiting.pop(place)
            if self._played is not None and packet.number > self._played:
                self.lost += packet.number - self._played - 1
            self._played = packet.number
            self._remembered.append(packet.number)
            self._open_at, self._open = place, self._decode(packet.payload)
            if self.head < place + len(self._open):
                return True
        return False
