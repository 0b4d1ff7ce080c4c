"""The sound server's loudspeaker and microphone as ports of the bridge.

Rules
- The bridge's clock and the device's are joined by an `ElasticBuffer` each way: bounded delay, however they drift.
- A device is open while somebody needs it: the loudspeaker until `IDLE_S` without a frame, the microphone while a call
  talks. So of several workers only the one that plays has it open, and nobody listens when there is no call.
- The bridge's clock thread copies a frame into or out of a buffer. It waits for no device: these have threads of their
  own, on which a sound server that stands still stands alone.
"""

import threading
import time
from typing import TYPE_CHECKING

import pjsua2 as pj

from doorbus.audio import AudioSettings, Capture, OnProblem, Playback, open_capture, open_playback
from doorbus_sip.worker.frames import Filler

if TYPE_CHECKING:
    from doorbus.audio.elastic import ElasticBuffer  # numpy, which workers without a device do without

RATE = 16_000
FRAME_MS = 20
FRAME_SAMPLES = RATE * FRAME_MS // 1000
IDLE_S = 5.0


class Loudspeaker:
    """Where the bridge's speaker writes: takes frames on the clock thread, plays them at the device."""

    def __init__(self, audio: AudioSettings, on_problem: OnProblem) -> None:
        self.path = audio.playback or "the loudspeaker"
        self._audio = audio
        self._on_problem = on_problem
        self._lock = threading.Lock()
        self._buffer = _buffer()
        self._playback: Playback | None = None
        self._used = time.monotonic()

    def open(self) -> None:
        """Opens the device, if it is not open: sound is about to come."""
        with self._lock:
            self._used = time.monotonic()
            if self._playback is None:
                self._buffer = _buffer()
                self._playback = open_playback(self._audio, RATE, self._buffer, on_problem=self._on_problem)

    def write(self, samples: bytes) -> None:
        """Takes a frame."""
        if self._playback is None:
            self.open()
        self._used = time.monotonic()
        self._buffer.push(samples)

    def pause(self) -> None:
        """There is no sound in this frame."""

    def rest(self) -> None:
        """Closes the device after `IDLE_S` without a frame; called each second."""
        if time.monotonic() - self._used > IDLE_S:
            self.close()

    def close(self) -> None:
        """Closes the device."""
        with self._lock:
            playback, self._playback = self._playback, None
        if playback is not None:
            playback.close()


class Microphone(pj.AudioMediaPort):  # type: ignore[misc]
    """The microphone as a port of the bridge: connect it to calls with `startTransmit2`."""

    def __init__(self, audio: AudioSettings, on_problem: OnProblem) -> None:
        super().__init__()
        self._audio = audio
        self._on_problem = on_problem
        self._buffer = _buffer()
        self._filler = Filler(2 * FRAME_SAMPLES)
        self._capture: Capture | None = None
        self._users: set[object] = set()
        shape = pj.MediaFormatAudio()
        shape.type = pj.PJMEDIA_TYPE_AUDIO
        shape.clockRate, shape.channelCount, shape.bitsPerSample = RATE, 1, 16
        shape.frameTimeUsec = FRAME_MS * 1000
        self.createPort("microphone", shape)

    def use(self, audio: AudioSettings) -> None:
        """From now on listens at this input."""
        if audio.capture != self._audio.capture:
            self._audio = audio
            self._close()
            self._open_if_used()

    def begin(self, user: object) -> None:
        """Somebody needs it."""
        self._users.add(user)
        self._open_if_used()

    def end(self, user: object) -> None:
        """This one needs it no more."""
        self._users.discard(user)
        if not self._users:
            self._close()

    def onFrameRequested(self, frame: pj.MediaFrame) -> None:  # noqa: N802 - the library\'s name
        """20 ms for the calls that are connected."""
        self._filler.fill(frame, self._buffer.read(FRAME_SAMPLES))

    def _open_if_used(self) -> None:
        if self._users and self._capture is None:
            self._buffer = buffer = _buffer()
            self._capture = open_capture(self._audio, RATE, buffer.push, on_problem=self._on_problem)

    def _close(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.close()


def _buffer() -> "ElasticBuffer":
    from doorbus.audio.elastic import ElasticBuffer  # numpy, which workers without a device do without

    return ElasticBuffer(RATE)
