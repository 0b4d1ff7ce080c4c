"""The door's tones, as a table: what each is made of, how often it comes, and whose volume it has.

The call progress tones follow ITU-T E.180/Q.35 with the one frequency of most of Europe, 425 Hz (E.180, supplement 2;
ETSI TR 101 041-2); the alerting tone at the loudspeaker and the cadence of the warning are the door's own, as no
standard says how a door sounds. Frequencies in Hz, times in ms.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Tone(StrEnum):
    """What may be heard beside a call."""

    RING = "ring"
    RINGBACK = "ringback"
    BUSY = "busy"
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Burst:
    """A sine of `hz` for `on_ms`, then silence for `off_ms`."""

    hz: int
    on_ms: int
    off_ms: int


@dataclass(frozen=True, slots=True)
class Spec:
    """Bursts that come `times` times, 0 = until something else is to be heard; `volume` names the document's."""

    bursts: tuple[Burst, ...]
    times: int
    volume: Literal["ring", "call"]

    @property
    def length_s(self) -> float:
        """Seconds from begin to end of all of it, infinite where nothing ends it."""
        return self.times * sum(burst.on_ms + burst.off_ms for burst in self.bursts) / 1000 or float("inf")


TONES: dict[Tone, Spec] = {
    # a warble, so that nobody takes it for a call progress tone
    Tone.RING: Spec((Burst(660, 400, 0), Burst(880, 400, 1200)), 0, "ring"),
    # E.180, 3: 400 to 450 Hz, 0.67 to 1.5 s on, 3 to 5 s off
    Tone.RINGBACK: Spec((Burst(425, 1000, 4000),), 0, "call"),
    # E.180, 4: on and off 100 to 660 ms, together 0.3 to 1.1 s
    Tone.BUSY: Spec((Burst(425, 500, 500),), 4, "call"),
    # E.180, 9: the special information tone, three frequencies in rising order, 330 +- 70 ms each, then 1 s of silence
    Tone.ERROR: Spec((Burst(950, 330, 0), Burst(1400, 330, 0), Burst(1800, 330, 1000)), 2, "call"),
    # E.180, 12: 1400 Hz warns; two short bursts say that the time is nearly over
    Tone.WARNING: Spec((Burst(1400, 200, 200), Burst(1400, 200, 0)), 1, "call"),
}

AMPLITUDE = 0.3
"""Peak at full volume as a share of full scale: -10 dBFS, the loudness of speech."""
