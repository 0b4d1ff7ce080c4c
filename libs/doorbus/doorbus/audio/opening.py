"""Opens what the settings ask for."""

from doorbus.audio import without_device
from doorbus.audio.settings import AudioSettings
from doorbus.audio.streams import Capture, OnProblem, Playback, Sink, Source

LATENCY_MS = 30
"""Three periods of 10 ms. PulseAudio asks for the next one early: 6 ms from the source to the sink, measured."""


def open_playback(
    audio: AudioSettings, rate: int, source: Source, *, on_problem: OnProblem, latency_ms: int = LATENCY_MS
) -> Playback:
    """Plays `source` from now on; returns at once.

    Args:
        audio: where to.
        rate: samples a second.
        source: asked on a thread of the backend.
        on_problem: told what does not work; the stream goes on trying, and is back within seconds of the sound server.
        latency_ms: `device`: what may wait in the sound server; less is sooner heard and sooner interrupted.
    """
    if audio.backend == "device":
        from doorbus.audio.device import play

        return play(audio.playback, rate, source, on_problem, latency_ms)
    return without_device.play(rate, source, audio.record if audio.backend == "file" else None, on_problem)


def open_capture(
    audio: AudioSettings, rate: int, sink: Sink, *, on_problem: OnProblem, latency_ms: int = LATENCY_MS
) -> Capture:
    """Gives `sink` what the microphone hears from now on; returns at once. Arguments as of `open_playback`."""
    if audio.backend == "device":
        from doorbus.audio.device import capture

        return capture(audio.capture, rate, sink, on_problem, latency_ms)
    return without_device.capture(rate, sink, audio.play if audio.backend == "file" else None, on_problem)


def prepare(audio: AudioSettings) -> None:
    """Imports what these settings need: at a start it delays nobody, at the first sound it would."""
    if audio.backend == "device":
        import doorbus.audio.device
        import doorbus.audio.elastic  # noqa: F401
