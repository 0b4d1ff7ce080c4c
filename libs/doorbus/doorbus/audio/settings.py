"""Which backend, and what it plays on and records from."""

from dataclasses import dataclass
from typing import Literal, Self

from doorbus.contract.document.audio import Audio


@dataclass(frozen=True, slots=True)
class AudioSettings:
    """The sound of one process.

    Attributes:
        backend: `none` drops and gives silence, `file` writes and reads WAV files, `device` asks the sound server
            that the environment names (`PULSE_SERVER`; ALSA where there is none).
        record: `file`: what the loudspeaker plays is appended here; None = dropped.
        play: `file`: what the microphone hears, again and again; None = silence.
        playback: `device`: name of the output as `doorbus audio` lists it; None = the default.
        capture: `device`: name of the input; None = the default.
    """

    backend: Literal["none", "file", "device"] = "none"
    record: str | None = None
    play: str | None = None
    playback: str | None = None
    capture: str | None = None

    @classmethod
    def of(cls, audio: Audio) -> Self:
        """Returns the settings of a document."""
        return cls(audio.backend, audio.record, audio.play, audio.playback, audio.capture)
