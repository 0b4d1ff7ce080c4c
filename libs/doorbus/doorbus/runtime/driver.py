"""The driver of a pure core: one mailbox, one timer, one instance a door.

It feeds events to `step` one at a time, keeps what must be kept before it carries the effects out, and re-arms the one
timer from `deadline`. No effect may block: the end of a request comes back as an event through `put`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

import structlog

from doorbus.contract.identity import call_of
from doorbus.runtime import logs, metrics

State = TypeVar("State")
Event = TypeVar("Event")
Effect = TypeVar("Effect")

MAILBOX_LIMIT = 10_000
"""More waiting events than this mean that the door is flooded: further ones are refused by `put`."""

SPIN_GUARD_S = 0.01
"""A core whose deadline stays in the past after its tick would spin; it is ticked at this pace instead."""

log = structlog.get_logger()


class Driver(Generic[State, Event, Effect]):
    """Runs a core.

    Args:
        name: for logs and metrics; from a table, not from callers.
        state: where the core begins.
        step: the core's rule.
        deadline: when the core wants its next tick, in the seconds of `clock`.
        tick: the event that says that the deadline came.
        perform: carries one effect out, without blocking.
        before_effects: awaited with the old and the new state before the effects of a step, to keep what must be kept.
        urgent: tells of an effect whether it is carried out before that: somebody waits for it and can do without the
            memory of it.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        state: State,
        step: Callable[[State, Event, float], tuple[State, tuple[Effect, ...]]],
        deadline: Callable[[State], float | None],
        tick: Event,
        perform: Callable[[Effect], None],
        before_effects: Callable[[State, State], Awaitable[None]] | None = None,
        urgent: Callable[[Effect], bool] = lambda _effect: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state = state
        self._name = name
        self._step = step
        self._deadline = deadline
        self._tick = tick
        self._perform = perform
        self._before_effects = before_effects
        self._urgent = urgent
        self._clock = clock
        self._mailbox: asyncio.Queue[Event] = asyncio.Queue(MAILBOX_LIMIT)

    def put(self, event: Event) -> bool:
        """Puts an event into the mailbox; False when it is full, and the event is lost."""
        try:
            self._mailbox.put_nowait(event)
        except asyncio.QueueFull:
            metrics.STEP_FAILURES.labels(self._name).inc()
            return False
        return True

    async def run(self) -> None:
        """Runs until cancelled. An event whose step raises is logged and counted, and the core goes on without it."""
        while True:
            await self._take(await self._next())

    async def run_until_idle(self) -> None:
        """Handles what waits in the mailbox and returns: for an orderly end."""
        while not self._mailbox.empty():
            await self._take(self._mailbox.get_nowait())

    async def _next(self) -> Event:
        if not self._mailbox.empty():
            return self._mailbox.get_nowait()
        due = self._deadline(self.state)
        if due is None:
            return await self._mailbox.get()
        try:
            async with asyncio.timeout(max(due - self._clock(), 0.0)):
                return await self._mailbox.get()
        except TimeoutError:
            return self._tick

    async def _take(self, event: Event) -> None:
        with logs.about(event):
            await self._handle(event)

    async def _handle(self, event: Event) -> None:
        started, call = self._clock(), call_of(event)
        try:
            state, effects = self._step(self.state, event, started)
        except Exception:  # one bad event must not stop a door
            metrics.STEP_FAILURES.labels(self._name).inc()
            log.exception("step failed", core=self._name, event_type=type(event).__name__)
            state, effects = self.state, ()
        before, self.state = self.state, state
        self._carry_out(call, (effect for effect in effects if self._urgent(effect)))
        if self._before_effects is not None and before is not state:
            try:
                await self._before_effects(before, state)
            except Exception:  # the door goes on without its memory
                metrics.STEP_FAILURES.labels(self._name).inc()
                log.exception("state was not kept", core=self._name)
        self._carry_out(call, (effect for effect in effects if not self._urgent(effect)))
        metrics.STEP_SECONDS.observe(self._clock() - started, metrics.exemplar(call))
        if event is self._tick:
            due = self._deadline(self.state)
            if due is not None and due <= started:
                log.error("deadline stays in the past", core=self._name)
                await asyncio.sleep(SPIN_GUARD_S)

    def _carry_out(self, call: str | None, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if call_of(effect) in (None, call):  # its lines name the event's call already
                self._carry_out_one(effect)
            else:
                with logs.about(effect):
                    self._carry_out_one(effect)

    def _carry_out_one(self, effect: Effect) -> None:
        try:
            self._perform(effect)
        except Exception:  # an effect that fails must not take the others along
            metrics.STEP_FAILURES.labels(self._name).inc()
            log.exception("effect failed", core=self._name, effect_type=type(effect).__name__)
