"""The loudspeaker: one playback of the audio library, and the page that sounds on it now.

A device is open as long as there are listeners, as opening takes a sound server longer than a page may wait; a file is
written, and `none` keeps time, while a page plays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePath

import structlog

from doorbus.audio import AudioSettings, OnProblem, Playback, open_playback
from doorbus.audio.streams import SAMPLE_BYTES
from doorbus_multicast.page_sound import PageSound

RATE = 48_000
"""What sound servers mix at: whatever a page is sampled at, it is resampled once, here."""
LATENCY_MS = 60
"""Three times what the library thinks least: nobody answers a page, and a box busy for a moment leaves no gap."""

log = structlog.get_logger()


class Speaker:
    """The door's, for pages.

    Args:
        on_problem: told in words what does not work, from any thread.
        broken: told of a page that cannot be played, from any thread; it is silent from then on.
    """

    def __init__(self, on_problem: OnProblem, broken: Callable[[PageSound], None]) -> None:
        self._on_problem = on_problem
        self._broken = broken
        self._audio = AudioSettings()
        self._wanted = False
        self._playback: Playback | None = None
        self._page: PageSound | None = None

    def configure(self, audio: AudioSettings, listening: bool) -> None:
        """Plays from now on where `audio` says; `listening`: there are listeners. A running page goes on there."""
        audio = replace(audio, record=page_file(audio.record), play=None, capture=None)
        if audio != self._audio:
            self._close()
        self._audio = audio
        self._wanted = listening and audio.backend == "device"
        self._open_or_close()

    def play(self, page: PageSound | None) -> None:
        """Plays this page, or none."""
        self._page = page
        self._open_or_close()

    def read(self, frames: int) -> bytes:
        """Returns the next samples (`doorbus.audio.Source`)."""
        page = self._page
        if page is not None:
            try:
                return page.read(frames)
            except Exception:  # one page must not take the loudspeaker from the others
                log.exception("a page cannot be played")
                self._page = None
                self._broken(page)
        return bytes(frames * SAMPLE_BYTES)

    def close(self) -> None:
        """Gives the loudspeaker back."""
        self._page, self._wanted = None, False
        self._close()

    def _open_or_close(self) -> None:
        needed = self._wanted or self._page is not None
        if needed and self._playback is None:
            self._playback = open_playback(self._audio, RATE, self, on_problem=self._on_problem, latency_ms=LATENCY_MS)
        elif not needed:
            self._close()

    def _close(self) -> None:
        if self._playback is not None:
            self._playback.close()
            self._playback = None


def page_file(record: str | None) -> str | None:
    """Returns where pages are recorded: `/a/door.wav` is the calls', `/a/door-page.wav` theirs."""
    if record is None:
        return None
    path = PurePath(record)
    return str(path.with_name(f"{path.stem}-page{path.suffix}"))
