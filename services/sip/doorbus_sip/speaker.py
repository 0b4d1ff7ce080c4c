"""The parent's end of the loudspeaker: which worker plays what.

Rules
- Tones come from the front, which is always there; a leg's early media from the worker that has the leg.
- The tone ends before anything else begins: orders are kept in order, and what was ordered last is what is heard.
- A farewell is heard once, unless something else is to be heard meanwhile.
"""

from collections.abc import Iterable

from doorbus.audio.wav import begin_anew
from doorbus_sip.calls import Record
from doorbus_sip.config import Audio, FileAudio
from doorbus_sip.pool import Pool
from doorbus_sip.protocol import Listen, Play
from doorbus_sip.sounds import Early, Sound, sound_of
from doorbus_sip.tones import Tone


class Speaker:
    """Remembers what was ordered."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._now: Sound = None

    def update(self, calls: Iterable[Record], farewell: Tone | None = None) -> None:
        """Plays what these calls want to be heard, or else the farewell of the one that has just ended."""
        wanted = sound_of(calls)
        if wanted is None and farewell is not None:
            self._pool.tell_front(Play(tone=farewell))
        elif wanted != self._now:
            self._pool.tell_front(Play(tone=wanted if isinstance(wanted, Tone) else None))
            if isinstance(wanted, Early):
                self._pool.send(wanted.leg, Listen(leg=wanted.leg))
        self._now = wanted

    def front_started(self) -> None:
        """A new front plays what the one before would."""
        if isinstance(self._now, Tone):
            self._pool.tell_front(Play(tone=self._now))


def begin_recording(audio: Audio) -> str | None:
    """Makes the recording of a backend that has one, empty, before any worker adds to it; returns why it cannot be."""
    if isinstance(audio, FileAudio) and audio.record:
        try:
            begin_anew(audio.record)
        except OSError as error:
            return f"{audio.record} cannot be written: {error.strerror}"
    return None
