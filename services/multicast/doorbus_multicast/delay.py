"""How far playing is behind the network: as little as its jitter allows. Pure.

Rules
- A packet's margin is the time between its arrival and its turn. The delay follows the worst of the last `WINDOW`.
- A packet that comes late makes the delay grow at once, by what it was late.
- While even the worst had time to spare, playing is up to 2 % faster: the delay shrinks. While the worst had hardly
  any, it is a little slower. So a sender and a sound card whose clocks differ are followed, too.
"""

from __future__ import annotations

from collections import deque

SPARE_S = 0.012
"""The worst margin that is aimed at: a period of the sound card, as that is how evenly packets are asked for."""
SLACK_S = 0.012
"""So much more is no reason to play faster."""
WINDOW = 150
"""Packets whose margins count: 3 s of 20 ms, some of which come as late as they ever do."""
LEARN = 50
"""Packets before the speed is changed: the first second says little about the worst."""
STRAYS = 1
"""So many of the worst margins are passed over."""
HURRY = 0.02
"""A third of a semitone: nobody notices, and a second of it wins 20 ms."""
LITTLE_S = 0.004
LINGER = 0.003
MOST_GROWTH_S = 0.06
"""For one late packet: a stray one of long ago says nothing about the next."""
MOST_DELAY_S = 0.4
"""Late packets do not make the delay grow beyond this: who speaks has gone on."""


class Delay:
    """Of one stream. `grow_s` is the growth that is owed."""

    def __init__(self) -> None:
        self.grow_s = 0.0
        self._margins: deque[float] = deque(maxlen=WINDOW)
        self._ordered: list[float] = []
        self._moved = 0.0

    @property
    def speed(self) -> float:
        """How fast to play: more than 1.0 to shrink the delay, less to grow it."""
        if len(self._margins) < LEARN:
            return 1.0
        if not self._ordered:
            self._ordered = sorted(self._margins)
        worst = self._ordered[STRAYS] + self._moved
        if worst < LITTLE_S:
            return 1.0 - LINGER
        return 1.0 + min(max(worst - SPARE_S - SLACK_S, 0.0), HURRY)

    def note(self, margin_s: float, behind_s: float, delay_s: float) -> None:
        """Notes a packet.

        Args:
            margin_s: the time until its turn, as the sound card's clock goes.
            behind_s: how much later than its turn it came; negative for one that came in time.
            delay_s: how much sound waits.
        """
        self._margins.append(margin_s - self._moved)
        self._ordered = []
        if behind_s > self.grow_s and delay_s < MOST_DELAY_S:
            self.grow_s = min(behind_s, MOST_GROWTH_S)

    def moved(self, seconds: float) -> None:
        """The turn of all that follows has come later by so much (negative: sooner)."""
        self._moved += seconds

    def forget(self) -> None:
        """What was noted says nothing about what follows."""
        self._margins.clear()
        self._ordered = []
