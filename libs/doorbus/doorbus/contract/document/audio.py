"""The speaker and the microphone."""

from typing import Annotated, Literal

from doorbus.contract.document.base import Between, Model
from doorbus.contract.document.scalars import FilePath, Label, Percent


class Volume(Model):
    """Loudness in percent of the sink's full scale, by what is heard."""

    ring: Percent = 80
    """Loud enough for a street, with headroom before small speakers distort."""
    call: Percent = 80
    page: Percent = 80


class Audio(Model):
    """Where call audio goes and comes from."""

    backend: Literal["none", "file", "device"] = "none"
    """`none` works on every machine; `file` records and plays WAV files; `device` uses the sound server."""
    record: FilePath | None = None
    """`file` only: what the speaker would play is written here; null = it is dropped."""
    play: FilePath | None = None
    """`file` only: what the microphone would hear is read from here; null = silence."""
    playback: Label | None = None
    """`device` only: the name of the output; null = the sound server's default."""
    capture: Label | None = None
    """`device` only: the name of the input; null = the sound server's default."""
    volume: Volume = Volume()
    mic_gain: Annotated[float, Between(-30, 30)] = 0
    """In dB; 0 = what the microphone gives."""
