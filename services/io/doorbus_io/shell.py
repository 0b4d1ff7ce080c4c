"""Carries out what the door's core wants: drives lines, tells facts, answers policy's orders, keeps the state.

Nothing here waits for the bus: a line moves first, facts go to the outbox, and the state is written by a task of its
own, the latest value only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import assert_never

import structlog

from doorbus.contract.base import Event, Reply
from doorbus.contract.errors import ErrorCode
from doorbus.contract.lines import (
    DoorUnlocked,
    Energise,
    InputForced,
    InputLimited,
    IoSnapshot,
    Pulse,
    Reset,
    TakeIoSnapshot,
    UnlockMethod,
)
from doorbus.contract.services import ServiceDegraded
from doorbus.runtime.bus import Bus
from doorbus.runtime.driver import Driver
from doorbus.runtime.endpoints import Received
from doorbus.runtime.metrics import exemplar
from doorbus_io import door as core
from doorbus_io import metrics
from doorbus_io.chips import ChipError, OpenChip
from doorbus_io.door_model import (
    Answer,
    Claim,
    Door,
    DoorEffect,
    DoorEvent,
    Drive,
    Line,
    Ordered,
    Stop,
    Tell,
    TimePassed,
    Warn,
)
from doorbus_io.lines import Lines, Spawn
from doorbus_io.relay_model import Energised

ORDERS = (Pulse, Energise, Reset, TakeIoSnapshot)

ANSWER_WITHIN_S = 0.5
"""A step takes microseconds; an order without an answer by then met an error of ours."""

STATE_PAUSE_S = 0.2
"""Between two writes of the state: a line that flaps floods the store as little as the stream, and a page still shows
what is within a second."""

log = structlog.get_logger()


class DoorShell:
    """One door at work.

    Args:
        door: its id.
        bus: where facts go.
        open_chip: opens the chips that the document names.
        spawn: runs work in the background.
        on_complete: told whether all lines are there, when that changes.
    """

    def __init__(
        self, door: str, bus: Bus, open_chip: OpenChip, spawn: Spawn, on_complete: Callable[[bool], None]
    ) -> None:
        self._door = door
        self._bus = bus
        self._on_complete = on_complete
        self._lines = Lines(open_chip, self.put, self._on_problem, spawn)
        self._driver: Driver[Door, DoorEvent, DoorEffect] = Driver(
            "io", Door(), core.step, core.deadline, TimePassed(), self._perform, self._note_state
        )
        self._unmoved: set[Line] = set()
        self._tickets = 0
        self._answers: dict[int, asyncio.Future[Reply]] = {}
        self._state_changed = asyncio.Event()
        self._problems: dict[str, str] = {}

    def put(self, event: DoorEvent) -> bool:
        """Puts an event into the door's mailbox; False when it is full."""
        taken = self._driver.put(event)
        if not taken:
            metrics.EVENTS_LOST.inc()
        return taken

    async def run(self) -> None:
        """Drives the door until cancelled."""
        await self._driver.run()

    async def keep_state(self) -> None:
        """Writes the state when it has changed, at once or after the pause, until cancelled."""
        while True:
            await self._state_changed.wait()
            self._state_changed.clear()
            await self._bus.state.keep(self._door, self.snapshot().to_bytes())
            await asyncio.sleep(STATE_PAUSE_S)

    async def rest(self) -> None:
        """Ends: every relay rests, and that is told; then all lines are given back. `run` must have ended before."""
        try:
            self.put(Stop())
            await self._driver.run_until_idle()
        finally:
            self._lines.close()
        await self._bus.state.keep(self._door, self.snapshot().to_bytes())

    def snapshot(self) -> IoSnapshot:
        """Returns how everything is now, consistent with the last event told."""
        numbers = {
            "source_epoch": self._bus.epoch,
            "sequence": self._bus.sequence(self._door),
            "policy_epoch": self._bus.gate.policy_epoch(self._door),
        }
        return core.snapshot(self._driver.state, time.monotonic()).model_copy(update=numbers)

    async def on_order(self, received: Received) -> Reply:
        """Takes an order of policy and returns the answer."""
        match received.message:
            case TakeIoSnapshot():
                return self.snapshot()
            case Pulse() | Energise() | Reset() as order:
                return await self._order(order)
            case _:
                return Reply(ok=False, code=ErrorCode.UNKNOWN_COMMAND, message="io does not know this order")

    async def _order(self, order: Pulse | Energise | Reset) -> Reply:
        self._tickets += 1
        ticket = self._tickets
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._answers[ticket] = answer
        try:
            if not self.put(Ordered(ticket, order)):
                return Reply(ok=False, code=ErrorCode.BUSY, message="too much happens at this door")
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await answer
        except TimeoutError:
            return Reply(ok=False, code=ErrorCode.INTERNAL, message="an error of ours; the log has it")
        finally:
            del self._answers[ticket]

    def _perform(self, effect: DoorEffect) -> None:
        match effect:
            case Drive(line, level):
                self._drive(line, level)
            case Tell(fact, at, needs, prompt):
                if needs not in self._unmoved:
                    self._tell(fact, at, prompt)
            case Claim(inputs, relays):
                self._lines.claim(inputs, relays)
            case Answer(ticket, reply):
                answer = self._answers.get(ticket)
                if answer is not None and not answer.done():
                    answer.set_result(reply)
            case Warn(what, relay, why):
                log.warning(what, relay=relay, why=why)
            case _:
                assert_never(effect)

    def _drive(self, line: Line, level: int) -> None:
        try:
            self._lines.drive(line, level)
        except ChipError as error:
            self._unmoved.add(line)
            log.error("a relay was not moved", chip=line.chip, line=line.offset, level=level, why=str(error))  # noqa: TRY400
        else:
            self._unmoved.discard(line)

    def _tell(self, fact: Event, at: float, prompt: bool) -> None:
        self._bus.tell(self._door, fact, at)
        if prompt:
            metrics.EDGE_SECONDS.observe(time.monotonic() - at)
        match fact:
            case DoorUnlocked(method=method):
                metrics.UNLOCKS.labels(method).inc(1, exemplar(fact.call))
            case InputForced():
                metrics.FORCED.inc()
            case InputLimited(over=False):
                metrics.FLOODS.inc()
            case InputLimited(dropped=dropped, unlocks=unlocks):
                metrics.CHANGES_LEFT_OUT.inc(dropped)
                metrics.UNLOCKS.labels(UnlockMethod.INPUT).inc(unlocks)

    async def _note_state(self, before: Door, after: Door) -> None:
        """Has the state written when it says something new; does not wait for that."""
        if _told(before) != _told(after):
            energised = sum(isinstance(each.core.phase, Energised) for each in after.relays.values())
            metrics.RELAYS_ENERGISED.set(energised)
            self._state_changed.set()

    def _on_problem(self, chip: str, problem: str | None) -> None:
        if problem is None:
            self._problems.pop(chip, None)
            log.info("a chip is complete", chip=chip)
        else:
            if chip not in self._problems:
                metrics.CHIP_PROBLEMS.inc()
            self._problems[chip] = problem
            log.warning("a chip is not complete", chip=chip, why=problem)
        degraded = ServiceDegraded(service="io", part="chip", why=problem or chip, recovered=problem is None)
        self._bus.tell(self._door, degraded)
        self._on_complete(not self._problems)


def _told(door: Door) -> tuple[object, ...]:
    """Returns what a snapshot tells, without the time."""
    inputs = tuple((id_, each.core.active) for id_, each in door.inputs.items())
    return (inputs, tuple((id_, each.core.phase) for id_, each in door.relays.items()))
