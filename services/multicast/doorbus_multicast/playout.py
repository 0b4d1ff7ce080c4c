"""The adaptive jitter buffer: packets in as the network brings them, sound out as the loudspeaker's clock asks. Pure.

Rules
- Playing begins `START_S` after the first packet; from then on the delay follows the network (`delay.py`).
- Growth that is owed, or nothing there at all: sound is made up (`concealment.py`), and the stream waits.
- A hole with packets behind it: sound is made up for as long as the hole is, less the time that was waited already. A
  pause that the sender meant is silence.
- A packet that comes late is played from where its turn is now.
- A loudspeaker that has not asked for `STALLED_S` (it is not there yet, or was away) misses what came meanwhile: the
  stream begins again with the newest packet, as nobody wants to be seconds behind.
- Another format in the stream is a new timeline, and begins as the stream did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from doorbus.rtp.codecs import Decode, Samples, decoder
from doorbus.rtp.payloads import Format
from doorbus_multicast.concealment import HISTORY_S, Concealment
from doorbus_multicast.delay import SPARE_S, Delay
from doorbus_multicast.intake import Taken
from doorbus_multicast.timeline import Fate, Timeline

START_S = 0.02
"""One packet: a network without jitter needs no more, and another teaches more within the first packets."""

MOST_AT_START_S = 0.12
"""A stream that was on probation brings so much along; who begins later than that begins with the newest."""
STALLED_S = 0.3
"""Sound servers ask each 10 to 50 ms."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the packets; `concealed_s` of sound was made up between them."""

    packets: int = 0
    lost: int = 0
    concealed_s: float = 0.0


class Playout:
    """One page's. `put` and `pull` must not run at the same time.

    Args:
        make_decoder: for a format.
    """

    def __init__(self, make_decoder: Callable[[Format], Decode] = decoder) -> None:
        self._make_decoder = make_decoder
        self._phase: _Phase | None = None
        self._before = Counts()

    @property
    def counts(self) -> Counts:
        """What became of the packets so far."""
        return self._before if self._phase is None else _added(self._before, self._phase.counts)

    @property
    def rate(self) -> int | None:
        """Samples a second of what `pull` returns; None before the first packet."""
        return None if self._phase is None else self._phase.rate

    @property
    def delay_s(self) -> float:
        """How much sound waits."""
        return 0.0 if self._phase is None else self._phase.delay_s

    @property
    def speed(self) -> float:
        """How fast the sound wants to be played."""
        return 1.0 if self._phase is None else self._phase.delay.speed

    def put(self, packet: Taken) -> Fate:
        """Takes a packet as it arrives."""
        if self._phase is None or packet.form != self._phase.timeline.form:
            self._before = self.counts
            self._phase = _Phase(Timeline(packet.form, self._make_decoder(packet.form)), packet.at)
        return self._phase.put(packet)

    def pull(self, frames: int, now: float, speed: float = 1.0) -> Samples:
        """Returns the next `frames` samples, which will be played at `speed`."""
        return np.zeros(frames, np.float32) if self._phase is None else self._phase.pull(frames, now, speed)


class _Phase:
    """The part of a stream that is of one format."""

    def __init__(self, timeline: Timeline, began: float) -> None:
        self.timeline = timeline
        self.delay = Delay()
        self.rate = timeline.form.rate
        self._began = began
        self._plays = False
        self._pulled_at = 0.0
        self._packets = 0
        self._concealed = 0
        self._waited = 0
        self._made_up = 0
        self._gap: Concealment | None = None
        self._history: Samples = np.zeros(0, np.float32)
        self._remembers = round(HISTORY_S * self.rate) + 1

    @property
    def counts(self) -> Counts:
        return Counts(self._packets, self.timeline.lost, self._concealed / self.rate)

    @property
    def delay_s(self) -> float:
        return (self.timeline.end - self.timeline.head) / self.rate if self._plays else 0.0

    def put(self, packet: Taken) -> Fate:
        place, jumps = self.timeline.place(packet)
        if jumps:
            self.delay.forget()
        if self.timeline.is_known(packet, place):
            return "repeated"
        if packet.at - (self._pulled_at if self._plays else self._began) > STALLED_S:
            self._begin_again(packet.at, place)
        if self._plays:
            ahead_s = (place - self.timeline.head) / self.rate
            since_s = min(max(packet.at - self._pulled_at, 0.0), SPARE_S)
            self.delay.note(ahead_s - since_s, -ahead_s, self.delay_s)
        fate = self.timeline.add(packet, place)
        self._packets += fate == "taken"
        return fate

    def pull(self, frames: int, now: float, speed: float) -> Samples:
        if not self._plays:
            if now - self._began < START_S:
                return np.zeros(frames, np.float32)
            self.timeline.begin(round(MOST_AT_START_S * self.rate))
            self._plays = True
        pieces: list[Samples] = []
        missing = frames
        while missing > 0:
            piece = self._next_piece(missing)
            pieces.append(piece)
            self._history = np.concatenate((self._history, piece))[-self._remembers :]
            missing -= len(piece)
        self._pulled_at = now
        self.delay.moved(-frames * (1 - 1 / speed) / self.rate)
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _begin_again(self, at: float, place: int) -> None:
        self.timeline.begin_again(place)
        self.delay = Delay()
        self._began, self._plays = at, False
        self._waited = self._made_up = 0

    def _next_piece(self, most: int) -> Samples:
        owed = round(self.delay.grow_s * self.rate)
        if owed > 0:
            frames = min(most, owed)
            self.delay.grow_s = (owed - frames) / self.rate
            self.delay.moved(frames / self.rate)
            return self._make_up(frames)
        real = self.timeline.real(most)
        if real is not None:
            return self._after_gap(real)
        hole = self.timeline.hole()
        if hole is None:
            self._waited += most
            self.delay.moved(most / self.rate)
            return self._make_up(most)
        waited = min(self._waited, hole.frames)
        self._waited -= waited
        self.delay.moved(-waited / self.rate)
        frames = min(most, hole.frames - waited)
        self.timeline.head += waited + frames
        if hole.meant:
            self._gap = None
            return np.zeros(frames, np.float32)
        return self._make_up(frames)

    def _make_up(self, frames: int) -> Samples:
        if self._gap is None:
            self._gap = Concealment(self._history, self.rate)
        self._made_up += frames
        return self._gap.make(frames)

    def _after_gap(self, real: Samples) -> Samples:
        self._concealed += self._made_up  # only now it was a gap, and not the end
        self._made_up = self._waited = 0
        if self._gap is None:
            return real
        joined, self._gap = self._gap.join(real), None
        return joined


def _added(one: Counts, other: Counts) -> Counts:
    return Counts(one.packets + other.packets, one.lost + other.lost, one.concealed_s + other.concealed_s)
