"""The clock of backends that have none of their own."""

import threading
import time
from collections.abc import Callable

from doorbus.audio.streams import TICK_MS, Closing

_FAR_BEHIND_S = 1.0


class Ticker(Closing):
    """Calls `tick` every 20 ms on a thread of its own, late ones in a row, until it is closed.

    A process that stood still for more than a second (a stop, a suspended machine) makes up for nothing.
    """

    def __init__(self, name: str, tick: Callable[[], None]) -> None:
        self._tick = tick
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the clock; the tick in progress is waited for, unless it is the one that calls."""
        self._over.set()
        if self._thread is not threading.current_thread():
            self._thread.join(1.0)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            self._tick()
            due += TICK_MS / 1000
            if time.monotonic() - due > _FAR_BEHIND_S:
                due = time.monotonic()
