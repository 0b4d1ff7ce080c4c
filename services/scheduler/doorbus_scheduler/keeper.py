"""Keeps the states of doors and tells their changes: each change is told once, and never before it counts.

1. The state is written, and in it what it has changed (`telling`): who hears of a boundary finds it in force.
2. The changes are told.
3. When the stream has kept the events, the state is written without them.

A process that dies after 1 leaves word for its next life, which tells again, under the same ids: the stream and readers
drop what they have had. A store that does not answer delays the events by `doorbus.runtime.state.WRITE_WAIT_S` once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from doorbus.contract.schedules import ScheduleActivated, ScheduleChange, ScheduleDeactivated, ScheduleState
from doorbus.runtime.bus import Bus

AT_ONCE = 100
"""Writes under way: a thousand doors may change at eight o'clock."""

LOOK_FIRST_S, LOOK_MOST_S = 0.05, 2.0
"""Pauses between looks whether the stream has kept everything: that takes a millisecond, or hours in an outage."""

SETTLE_S = 0.3
"""Of the time that an orderly end may take."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Word:
    """What is said of a door: its latest state, and changes that are to be told, or may not have been kept."""

    state: ScheduleState
    changes: tuple[ScheduleChange, ...]


class Keeper:
    """Keeps and tells.

    Args:
        bus: where to.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: dict[str, Word] = {}
        self._told: dict[str, Word] = {}
        self._wake = asyncio.Event()

    def put(self, door: str, state: ScheduleState, changes: Iterable[ScheduleChange] = ()) -> None:
        """Takes a state to keep, in place of an earlier one that still waits, and changes to tell."""
        earlier = self._waiting.get(door)
        self._waiting[door] = Word(state, (*(earlier.changes if earlier else ()), *changes))
        self._wake.set()

    async def run(self) -> None:
        """Keeps and tells until cancelled."""
        pause_s = LOOK_FIRST_S
        while True:
            try:
                async with asyncio.timeout(pause_s if self._told else None):
                    await self._wake.wait()
                pause_s = LOOK_FIRST_S
            except TimeoutError:
                pause_s = min(2 * pause_s, LOOK_MOST_S)
            self._wake.clear()
            while self._waiting:
                await self._keep_and_tell([self._waiting.popitem() for _ in range(min(AT_ONCE, len(self._waiting)))])
            if self._told and await self._bus.all_told(0):
                await self._write([(door, word.state) for door, word in self._told.items()])
                self._told.clear()

    async def settle(self) -> None:
        """Waits shortly until nothing is left for the next life: before an orderly end."""
        self._wake.set()
        try:
            async with asyncio.timeout(SETTLE_S):
                while self._waiting or self._told:  # noqa: ASYNC110  # two collections to watch, once in a life
                    await asyncio.sleep(0.01)
        except TimeoutError:
            log.info("the next life tells again what may not be kept", doors=len(self._told))

    async def _keep_and_tell(self, some: list[tuple[str, Word]]) -> None:
        unsure = {door: self._told[door].changes if door in self._told else () for door, _ in some}
        await self._write(
            [(door, word.state.model_copy(update={"telling": (*unsure[door], *word.changes)})) for door, word in some]
        )
        for door, word in some:
            for change in word.changes:
                self._tell(door, change)
            if changes := (*unsure[door], *word.changes):
                self._told[door] = Word(word.state, changes)

    def _tell(self, door: str, change: ScheduleChange) -> None:
        kind = ScheduleActivated if change.active else ScheduleDeactivated
        event = kind(kind=change.kind, id=change.id, at=change.at)
        self._bus.tell(door, event, event_id=change.event)
        log.info(event.what, door=door, kind=change.kind, id=change.id, at=change.at.isoformat())

    async def _write(self, states: list[tuple[str, ScheduleState]]) -> None:
        for first in range(0, len(states), AT_ONCE):
            some = states[first : first + AT_ONCE]
            await asyncio.gather(*(self._bus.state.keep(door, state.to_bytes()) for door, state in some))
