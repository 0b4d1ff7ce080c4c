"""The backend `device`: the sound server's or ALSA's outputs and inputs, through miniaudio.

Rules
- Everything that the sound server can delay (open, close, list) happens on the stream's own thread: nobody else waits.
- A stream whose callback has not come for `SILENT_S` is lost: server gone, card pulled, or the server stands still. It
  is told once, closed, and opened anew until that works: after 0.2 s, then each `RETRY_S`.
- A callback does what the caller's source or sink does, and nothing else. What these raise is told; silence goes on.
- PulseAudio's protocol first, ALSA where no sound server answers; the null device of miniaudio never. A stream that
  had a sound server waits for it: with the card in our hands it could not come back.
"""

import ctypes
import itertools
import logging
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

import miniaudio

from doorbus.audio.devices import NOBODY, SOUND_SERVER, Direction, backends, device_id
from doorbus.audio.streams import SAMPLE_BYTES, Closing, Condition, OnProblem, Sink, Source

SILENT_S = 2.5
"""Longer than PulseAudio takes to ask a new stream on an idle null sink for its first samples: up to 2 s."""
FIRST_RETRY_S, RETRY_S = 0.2, 1.0
_PERIODS = 3
_WATCH_S = 0.25

_log = logging.getLogger(__name__)
Flow = Generator[Any, Any, None]
Make = Callable[[list[miniaudio.Backend]], miniaudio.AbstractDevice]


def play(name: str | None, rate: int, source: Source, on_problem: OnProblem, latency_ms: int) -> "DeviceStream":
    """Plays `source` at an output, `None`: the default one."""

    def make(among: list[miniaudio.Backend]) -> miniaudio.AbstractDevice:
        return miniaudio.PlaybackDevice(**_shape(Direction.PLAYBACK, name, rate, latency_ms, "output", among))

    def flow(alive: Callable[[], None]) -> Flow:
        frames: int = yield b""
        while True:
            alive()
            try:
                samples = source.read(frames)
            except Exception:  # noqa: BLE001 - what the caller does wrong must not end its sound
                _log.exception("the source of a loudspeaker failed")
                samples = bytes(frames * SAMPLE_BYTES)
            frames = yield samples

    return DeviceStream("loudspeaker", name, make, flow, on_problem)


def capture(name: str | None, rate: int, sink: Sink, on_problem: OnProblem, latency_ms: int) -> "DeviceStream":
    """Gives `sink` what an input hears, `None`: the default one."""

    def make(among: list[miniaudio.Backend]) -> miniaudio.AbstractDevice:
        return miniaudio.CaptureDevice(**_shape(Direction.CAPTURE, name, rate, latency_ms, "input", among))

    def flow(alive: Callable[[], None]) -> Flow:
        while True:
            samples: bytearray = yield
            alive()
            try:
                sink(bytes(samples))
            except Exception:  # noqa: BLE001 - what the caller does wrong must not end its sound
                _log.exception("the sink of a microphone failed")

    return DeviceStream("microphone", name, make, flow, on_problem)


def _shape(
    direction: Direction, name: str | None, rate: int, latency_ms: int, way: str, among: list[miniaudio.Backend]
) -> dict[str, Any]:
    return {
        f"{way}_format": miniaudio.SampleFormat.SIGNED16,
        "nchannels": 1,
        "sample_rate": rate,
        "buffersize_msec": max(latency_ms // _PERIODS, 1),  # miniaudio means one period
        "callback_periods": _PERIODS,
        "device_id": None if name is None else device_id(name, direction),
        "backends": among,
        "app_name": "doorbus",
    }


class DeviceStream(Closing):
    """An open device, or one that is being tried again."""

    def __init__(
        self,
        what: str,
        name: str | None,
        make: Make,
        flow: Callable[[Callable[[], None]], Flow],
        on_problem: OnProblem,
    ) -> None:
        self._what = what if name is None else f"{what} {name}"
        self._make = make
        self._flow = flow
        self._condition = Condition(on_problem)
        self._flows = False
        self._heard = 0.0
        self._over = threading.Event()
        threading.Thread(target=self._run, name=what, daemon=True).start()

    def close(self) -> None:
        """Ends the stream; returns at once, the device is closed as soon as the sound server lets it."""
        self._over.set()

    def _run(self) -> None:
        among = backends()
        for attempt in itertools.count():
            slow = threading.Timer(SILENT_S, self._tell, ["the sound server does not answer"])
            slow.daemon = True
            slow.start()
            try:
                device = self._make(among)
            except (miniaudio.MiniaudioError, LookupError) as error:
                self._tell(_words(error))
            else:
                slow.cancel()
                if device.backend == "PulseAudio":
                    among = [SOUND_SERVER]
                self._keep(device)
            finally:
                slow.cancel()
            if self._over.wait(RETRY_S if attempt else FIRST_RETRY_S):
                return

    def _keep(self, device: miniaudio.AbstractDevice) -> None:
        """Runs an open device until it is lost or the stream is closed."""
        # its destructor, called as Python ends, would wait for a callback that waits for Python
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(device))
        flow = self._flow(self._alive)
        next(flow)
        self._flows, self._heard = False, time.monotonic()
        try:
            device.start(flow)
            while not self._over.wait(_WATCH_S):
                if self._flows:
                    self._condition.works()
                if time.monotonic() - self._heard > SILENT_S:
                    self._tell("the sound server does not take or give sound any more")
                    break
        except miniaudio.MiniaudioError as error:
            self._tell(_words(error))
        device.close()
        miniaudio.lib.ma_context_uninit(device._context)
        ctypes.pythonapi.Py_DecRef(ctypes.py_object(device))

    def _alive(self) -> None:
        self._flows, self._heard = True, time.monotonic()

    def _tell(self, why: str) -> None:
        if not self._over.is_set():
            self._condition.fails(f"{self._what}: {why}")


def _words(error: Exception) -> str:
    text = str(error.args[0]) if error.args else str(error)
    return NOBODY if text == "cannot init context" else text
