"""A sound server of one's own, without hardware: PulseAudio with a null sink for loudspeaker and one for microphone.

What the sink `speaker` plays, `SoundServer.listen` hears from its monitor. What `SoundServer.speak` plays into the sink
`microphone`, a program that captures from the default source hears. Give programs `SoundServer.env`.

A null sink renders ahead, up to 2 s while nobody wants less, and gives none of that up: a stream that begins then is
heard (and asked for samples) late. Who measures listens first: a listener keeps the sink's delay at 2 ms.
"""

import contextlib
import os
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from doorbus_testkit.listener import RATE, Listener
from doorbus_testkit.peers import require_program
from doorbus_testkit.polling import eventually_sync
from doorbus_testkit.processes import Process

SPEAKER = "speaker"
MICROPHONE = "microphone"
_PLAYER_LATENCY_MS = 5


class SoundServer:
    """Runs from `with SoundServer(folder) as server:` on; the test is skipped where PulseAudio is not installed.

    Args:
        folder: for its socket, its state and its log; the path must be short (a Unix socket's has 107 bytes).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._program = require_program("pulseaudio")
        self._process: Process | None = None

    @property
    def env(self) -> dict[str, str]:
        """What a program's environment needs to find this server and no other."""
        return {"PULSE_SERVER": f"unix:{self._socket}", "PULSE_COOKIE": str(self.folder / "cookie")}

    @property
    def process(self) -> Process:
        """The server: stall it, resume it, kill it."""
        assert self._process is not None, "the sound server has not been started"
        return self._process

    @property
    def _socket(self) -> Path:
        return self.folder / "sound.sock"

    def start(self) -> None:
        """Starts it, again after `kill`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._socket.unlink(missing_ok=True)
        modules = [
            f"module-native-protocol-unix socket={self._socket} auth-anonymous=1",
            *(f"module-null-sink sink_name={name} rate={RATE} channels=1" for name in (SPEAKER, MICROPHONE)),
        ]
        own = {name: str(self.folder) for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME")}
        self._process = Process(
            [
                self._program,
                *("-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"),
                *("--high-priority=no", "--realtime=no", "--disable-shm=yes"),
                *(word for module in modules for word in ("-L", module)),
            ],
            log=self.folder / "pulseaudio.log",
            env={**os.environ, **own},
        )
        eventually_sync(lambda: "speaker" in self.control("list", "short", "sinks"), 10, what="the sound server is up")
        self.control("set-default-sink", SPEAKER)
        self.control("set-default-source", f"{MICROPHONE}.monitor")

    def kill(self) -> None:
        """Ends it without a farewell, as a crash would."""
        self.process.kill9()

    def stop(self) -> None:
        """Ends it."""
        if self._process is not None:
            self._process.stop()

    def control(self, *words: str) -> str:
        """Returns what `pactl` says to this."""
        done = subprocess.run(
            [require_program("pactl"), *words],
            env={**os.environ, **self.env, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
        return done.stdout

    def listen(self, source: str = f"{SPEAKER}.monitor") -> Listener:
        """Hears what a source gives, from now on."""
        words = ["parec", "--raw", f"--device={source}", f"--rate={RATE}", "--channels=1", "--format=s16le"]
        words += ["--latency-msec=2", "--process-time-msec=1"]
        return Listener(Process(words, log=self.folder / "parec.log", env={**os.environ, **self.env}, pipes=True))

    def speak(self, samples: npt.NDArray[np.int16], sink: str = MICROPHONE) -> "Speech":
        """Plays samples at `listener.RATE` into a sink."""
        words = ["pacat", "--playback", "--raw", f"--device={sink}", f"--rate={RATE}", "--channels=1"]
        words += ["--format=s16le", f"--latency-msec={_PLAYER_LATENCY_MS}", "--process-time-msec=1"]
        return Speech(
            Process(words, log=self.folder / "pacat.log", env={**os.environ, **self.env}, pipes=True), samples
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Speech:
    """Samples on their way into a sink.

    Attributes:
        began: when the first of them was handed over, by `time.monotonic`.
    """

    def __init__(self, process: Process, samples: npt.NDArray[np.int16]) -> None:
        self._process = process
        self.began = time.monotonic()
        self._writer = threading.Thread(target=self._write, args=[samples.astype("<i2").tobytes()], daemon=True)
        self._writer.start()

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):  # stopped before its end
            self._process.stdin.write(data)
            self._process.stdin.close()

    def wait(self, within_s: float = 60.0) -> None:
        """Until all of it has been played."""
        eventually_sync(lambda: not self._process.running, within_s, what="the sound has been played")

    def stop(self) -> None:
        """Ends it now."""
        self._process.kill9()
        self._writer.join(5)
        self._process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
