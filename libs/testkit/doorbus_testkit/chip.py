"""Drives the simulated GPIO chip of the io service: sets its input lines, reads and watches its output lines.

The protocol is JSON lines on a Unix socket. Requests: `{"op":"set","line":0,"level":1}`, `{"op":"get","line":8}`,
`{"op":"watch"}`. Each is answered in order by `{"ok":true,"line":8,"level":0,"at":SECONDS}` or
`{"ok":false,"error":TEXT}`; after a watch each change of an output line comes as `{"line":8,"level":1,"at":SECONDS}`.
Levels are physical; times are the machine's monotonic clock.
"""

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from doorbus_testkit.polling import eventually

ANSWER_S = 5.0


class ChipError(RuntimeError):
    """The chip refused a request, or its socket is closed."""


@dataclass(frozen=True, slots=True)
class Change:
    """An output line went to `level` at the monotonic second `at`."""

    line: int
    level: int
    at: float


class SimulatedChip:
    """A connection to the chip: `async with SimulatedChip(path) as chip: await chip.press(0)`.

    Args:
        path: the Unix socket.
        within_s: how long to wait for the socket to take a connection, in seconds.
    """

    def __init__(self, path: Path, within_s: float = 30.0) -> None:
        self.path = path
        self._within_s = within_s
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.Task[None] | None = None
        self._answers: deque[asyncio.Future[dict[str, Any]]] = deque()
        self._changes: list[Change] = []

    async def set(self, line: int, level: int) -> float:
        """Puts an input line to a physical level; returns the monotonic second of the edge."""
        answer = await self._request(op="set", line=line, level=level)
        return float(answer["at"])

    async def level(self, line: int) -> int:
        """Returns the physical level of a line."""
        answer = await self._request(op="get", line=line)
        return int(answer["level"])

    async def press(self, line: int, hold_s: float = 0.1, active_low: bool = True) -> float:
        """Presses and releases a button.

        Args:
            line: input line.
            hold_s: seconds between the two edges.
            active_low: pressed is level 0.

        Returns:
            The monotonic second of the first edge.
        """
        edge = await self.set(line, 0 if active_low else 1)
        await asyncio.sleep(hold_s)
        await self.set(line, 1 if active_low else 0)
        return edge

    async def wait_level(self, line: int, level: int, within_s: float = 10.0) -> float:
        """Waits until an output line has a level; returns since when, or now for a line that has not changed yet.

        Raises:
            AssertionError: after `within_s` seconds.
        """

        async def reached() -> bool:
            return await self.level(line) == level

        await eventually(reached, within_s, 0.01, f"line {line} at level {level}")
        if not any(change.level == level for change in self.history(line)):
            return asyncio.get_running_loop().time()
        return next(change.at for change in reversed(self.history(line)) if change.level == level)

    def history(self, line: int) -> list[Change]:
        """Returns the changes of an output line since the connection was made, in order."""
        return [change for change in self._changes if change.line == line]

    async def __aenter__(self) -> Self:
        reader, self._writer = await eventually(
            lambda: asyncio.open_unix_connection(str(self.path)), self._within_s, what=f"the chip at {self.path}"
        )
        self._reader = asyncio.create_task(self._read(reader), name="simulated-chip")
        await self._request(op="watch")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reader is not None:
            self._reader.cancel()
        if self._writer is not None:
            self._writer.close()

    async def _request(self, **request: object) -> dict[str, Any]:
        if self._writer is None or self._reader is None or self._reader.done():
            raise ChipError(f"not connected to the chip at {self.path}")
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers.append(answer)
        self._writer.write(json.dumps(request).encode() + b"\n")
        result = await asyncio.wait_for(answer, ANSWER_S)
        if not result["ok"]:
            raise ChipError(f"{request}: {result.get('error', 'refused')}")
        return result

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            message = json.loads(line)
            if "ok" not in message:
                self._changes.append(Change(message["line"], message["level"], message["at"]))
                continue
            answer = self._answers.popleft()
            if not answer.done():  # its request may have given up
                answer.set_result(message)
        for answer in self._answers:
            if not answer.done():
                answer.set_exception(ChipError("the chip closed the connection"))
