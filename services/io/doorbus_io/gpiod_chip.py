"""A real GPIO chip through the kernel's character device (gpiod 2.x), edges stamped by the kernel.

`make test-hardware` runs it on a kernel's chip.

Each line is a request of its own, so that a changed document disturbs no other line. The kernel debounces where it is
asked to (by hardware or by itself); where it refuses, edges come raw and the caller debounces.
"""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import gpiod
from gpiod.line import Bias as KernelBias
from gpiod.line import Clock, Direction, Edge, Value

from doorbus_io.chips import Bias, ChipError, InputReading, InputRequest, LineEdge, OnEdge, OnLost

CONSUMER = "doorbus-io"
"""Shown by `gpioinfo` beside our lines."""

EVENT_BUFFER = 256
"""Edges that the kernel keeps for one line while we are busy: a bouncing contact makes some dozens. When there are more
it drops the oldest, so the last one still says how the line is."""

KERNEL_BIAS = {
    Bias.PULL_UP: KernelBias.PULL_UP,
    Bias.PULL_DOWN: KernelBias.PULL_DOWN,
    Bias.DISABLED: KernelBias.DISABLED,
    Bias.AS_IS: KernelBias.AS_IS,
}
LEVEL = {Value.INACTIVE: 0, Value.ACTIVE: 1}
"""Lines are requested without `active_low`: logical is physical here."""
VALUE = {0: Value.INACTIVE, 1: Value.ACTIVE}

KERNEL_ERRORS = (OSError, ValueError, gpiod.ChipClosedError, gpiod.RequestReleasedError)


def device_path(name: str) -> Path:
    """Returns the device of a chip as the document names it, `gpiochip0` or `/dev/gpiochip0`."""
    return Path(name) if name.startswith("/") else Path("/dev") / name


@dataclass
class _Taken:
    request: gpiod.LineRequest
    edges: bool


class GpiodChip:
    """One open chip (see `chips.Chip`), to be opened and used in the event loop's thread.

    Args:
        name: as the document names it.
        on_edge: gets the edges of requested inputs.
        on_lost: told once when the kernel refuses a line that we hold.

    Raises:
        ChipError: there is no such chip, or it may not be used.
    """

    def __init__(self, name: str, on_edge: OnEdge, on_lost: OnLost) -> None:
        self._name = name
        self._on_edge = on_edge
        self._on_lost = on_lost
        self._taken: dict[int, _Taken] = {}
        self._loop = asyncio.get_running_loop()
        self._gone = False
        self._closed = False
        try:
            self._chip = gpiod.Chip(str(device_path(name)))
        except KERNEL_ERRORS as error:
            raise ChipError(f"{name}: {error}") from error
        self._loop.add_reader(self._chip.fd, self._unplugged)  # readable only when the chip is gone

    def request_input(self, request: InputRequest) -> InputReading:
        """Takes a line as input with both edges."""
        debounced = request.debounce_s > 0
        try:
            taken = self._request(request, timedelta(seconds=request.debounce_s))
        except ChipError:
            if not debounced:
                raise
            debounced = False
            taken = self._request(request, timedelta())
        self._taken[request.line] = _Taken(taken, edges=True)
        self._loop.add_reader(taken.fd, self._read, request.line)
        return InputReading(self.get(request.line), debounced)

    def _request(self, request: InputRequest, debounce: timedelta) -> gpiod.LineRequest:
        settings = gpiod.LineSettings(
            direction=Direction.INPUT,
            edge_detection=Edge.BOTH,
            bias=KERNEL_BIAS[request.bias],
            debounce_period=debounce,
            event_clock=Clock.MONOTONIC,
        )
        try:
            return self._chip.request_lines({request.line: settings}, CONSUMER, EVENT_BUFFER)
        except KERNEL_ERRORS as error:
            raise self._refused(request.line, error) from error

    def request_output(self, line: int, level: int) -> None:
        """Takes a line as output; the kernel drives it to `level` in the same request."""
        settings = gpiod.LineSettings(direction=Direction.OUTPUT, output_value=VALUE[level])
        try:
            taken = self._chip.request_lines({line: settings}, CONSUMER)
        except KERNEL_ERRORS as error:
            raise self._refused(line, error) from error
        self._taken[line] = _Taken(taken, edges=False)

    def release(self, line: int) -> None:
        """Gives a line back."""
        taken = self._taken.pop(line, None)
        if taken is None:
            return
        if taken.edges:
            self._loop.remove_reader(taken.request.fd)
        taken.request.release()

    def set(self, line: int, level: int) -> None:
        """Drives an output."""
        try:
            self._request_of(line).set_value(line, VALUE[level])
        except KERNEL_ERRORS as error:
            raise self._lost(line, error) from error

    def get(self, line: int) -> int:
        """Reads a line from the hardware."""
        try:
            return LEVEL[self._request_of(line).get_value(line)]
        except KERNEL_ERRORS as error:
            raise self._lost(line, error) from error

    def close(self) -> None:
        """Gives all lines back."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._chip.fd)
        for line in list(self._taken):
            self.release(line)
        self._chip.close()

    def _request_of(self, line: int) -> gpiod.LineRequest:
        taken = self._taken.get(line)
        if taken is None:
            raise ChipError(f"{self._name} line {line} is not requested")
        return taken.request

    def _read(self, line: int) -> None:
        taken = self._taken[line]
        try:
            events = taken.request.read_edge_events()
        except KERNEL_ERRORS as error:
            self._loop.remove_reader(taken.request.fd)  # a dead descriptor stays readable
            taken.edges = False
            self._lost(line, error)
            return
        for event in events:
            level = 1 if event.event_type is gpiod.EdgeEvent.Type.RISING_EDGE else 0
            self._on_edge(LineEdge(line, level, event.timestamp_ns / 1e9))

    def _unplugged(self) -> None:
        self._loop.remove_reader(self._chip.fd)  # it stays readable
        self._lose(f"{self._name} is gone")

    def _refused(self, line: int, error: Exception) -> ChipError:
        """A line was not given to us: others may be all the same, unless the chip is gone."""
        if isinstance(error, OSError) and error.errno == errno.ENODEV:
            return self._lost(line, error)
        return ChipError(f"{self._name} line {line}: {error}")

    def _lost(self, line: int, error: Exception) -> ChipError:
        why = f"{self._name} line {line}: {error}"
        self._lose(why)
        return ChipError(why)

    def _lose(self, why: str) -> None:
        if not self._gone:
            self._gone = True
            self._loop.call_soon(self._tell_lost, why)

    def _tell_lost(self, why: str) -> None:
        if not self._closed:  # whoever closed it knows
            self._on_lost(why)
