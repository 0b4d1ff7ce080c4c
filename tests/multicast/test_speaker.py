"""The loudspeaker: when it is open, and what a page that breaks does to it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from doorbus.audio import AudioSettings
from doorbus_multicast.page_sound import PageSound
from doorbus_multicast.speaker import Speaker, page_file
from doorbus_testkit.polling import eventually_sync
from doorbus_testkit.tones import read_wav


class Broken(PageSound):
    """A page whose sound cannot be made."""

    def read(self, frames: int) -> bytes:
        """Raises."""
        raise ValueError("no sound")


def speaker(broken: list[PageSound]) -> Speaker:
    """Returns one that has no failures to tell."""
    return Speaker(lambda _why: None, broken.append)


def test_pages_are_recorded_beside_calls(tmp_path: Path) -> None:
    """`file`: as long as a page plays, in real time, under the recording's name with `-page`."""
    out = speaker([])
    record = tmp_path / "door.wav"
    assert page_file(str(record)) == str(tmp_path / "door-page.wav")
    out.configure(AudioSettings("file", record=str(record)), True)
    out.play(PageSound(48_000, 1.0))
    file = tmp_path / "door-page.wav"
    eventually_sync(lambda: file.exists() and len(read_wav(file)[0]) > 4800, what="it is written")
    out.play(None)
    length = len(read_wav(file)[0])
    threading.Event().wait(0.1)
    assert len(read_wav(file)[0]) == length
    assert not record.exists()
    out.close()


def test_a_page_that_breaks_is_told_once_and_silent() -> None:
    """The loudspeaker goes on: silence, and the next page."""
    broken: list[PageSound] = []
    out = speaker(broken)
    page = Broken(48_000, 1.0)
    out.play(page)
    eventually_sync(lambda: broken == [page], what="it is told")
    assert out.read(3) == bytes(6)
    assert broken == [page]
    out.play(PageSound(48_000, 1.0, time.monotonic))
    assert out.read(3) == bytes(6)
    out.close()
