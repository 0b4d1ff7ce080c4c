"""A sound server with ears at both of its sinks: what most tests of sound want, once a module."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from doorbus_testkit.listener import Listener
from doorbus_testkit.sound_server import MICROPHONE, SoundServer


@dataclass(frozen=True, slots=True)
class Sound:
    """A running server; both listeners keep its sinks' delay low.

    Attributes:
        server: the server.
        speaker: hears what the loudspeaker plays.
        microphone: hears what is spoken into the microphone.
    """

    server: SoundServer
    speaker: Listener
    microphone: Listener


@contextmanager
def running() -> Iterator[Sound]:
    """Runs a server with its listeners."""
    with (
        tempfile.TemporaryDirectory(prefix="sound-") as folder,
        SoundServer(Path(folder)) as server,
        server.listen() as speaker,
        server.listen(f"{MICROPHONE}.monitor") as microphone,
    ):
        yield Sound(server, speaker, microphone)
