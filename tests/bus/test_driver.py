"""The driver: order, the timer, keeping before effects, and going on after an error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from doorbus.runtime.driver import Driver
from doorbus_testkit.polling import eventually


@dataclass(frozen=True)
class Counter:
    """A core that counts, and wants a tick `due`."""

    count: int = 0
    due: float | None = None


def step(state: Counter, event: str, now: float) -> tuple[Counter, tuple[str, ...]]:
    """Counts, arms the timer, or fails, as the event says."""
    match event:
        case "tick":
            return replace(state, due=None), ("ticked",)
        case "arm":
            return replace(state, due=now + 0.05), ()
        case "stuck":
            return replace(state, due=now - 1), ("stuck",)
        case "fail":
            raise RuntimeError("a rule that fails")
        case _:
            return replace(state, count=state.count + 1), (f"did {event}",)


@asynccontextmanager
async def driving(log: list[str], fail_on: str = "") -> AsyncIterator[Driver[Counter, str, str]]:
    """Runs a driver whose effects and keeping go into `log`."""

    def perform(effect: str) -> None:
        log.append(effect)
        if effect == fail_on:
            raise RuntimeError("an effect that fails")

    async def keep(before: Counter, after: Counter) -> None:
        await asyncio.sleep(0)
        log.append(f"kept {after.count}")

    driver = Driver("test", Counter(), step, lambda state: state.due, "tick", perform, keep)
    task = asyncio.create_task(driver.run())
    yield driver
    task.cancel()


async def test_events_are_handled_in_order_and_kept_before_their_effects() -> None:
    """Each event's new state is kept before its effects are carried out, in the order of the mailbox."""
    log: list[str] = []
    async with driving(log) as driver:
        driver.put("a")
        driver.put("b")
        await eventually(lambda: len(log) == 4, what="both events")
    assert log == ["kept 1", "did a", "kept 2", "did b"]


async def test_an_urgent_effect_comes_before_the_keeping() -> None:
    """An effect that somebody waits for is carried out before the state is kept, the others after it."""
    log: list[str] = []

    async def keep(before: Counter, after: Counter) -> None:
        log.append("kept")

    def two(state: Counter, event: str, now: float) -> tuple[Counter, tuple[str, ...]]:
        return replace(state, count=1), ("order", "answer")

    driver = Driver("test", Counter(), two, lambda _: None, "tick", log.append, keep, lambda e: e == "answer")
    driver.put("a")
    await driver.run_until_idle()
    assert log == ["answer", "kept", "order"]


async def test_the_timer_ticks_once_at_the_deadline() -> None:
    """A deadline brings one tick, also while other events come."""
    log: list[str] = []
    async with driving(log) as driver:
        driver.put("arm")
        driver.put("a")
        await eventually(lambda: "ticked" in log, what="the tick")
        driver.put("b")
        await eventually(lambda: "did b" in log, what="the event after the tick")
    assert log.count("ticked") == 1


async def test_a_failing_step_or_effect_stops_nothing() -> None:
    """An event whose rule fails leaves the state as it was; an effect that fails takes no other along."""
    log: list[str] = []
    async with driving(log, fail_on="did a") as driver:
        for event in ("a", "fail", "b"):
            driver.put(event)
        await eventually(lambda: "did b" in log, what="the event after the failures")
        assert driver.state.count == 2


async def test_a_deadline_that_stays_in_the_past_does_not_spin() -> None:
    """A core that never clears its deadline is ticked at a bounded pace, and other events still get through."""
    log: list[str] = []
    ticks = 0

    def stubborn(state: Counter, event: str, now: float) -> tuple[Counter, tuple[str, ...]]:
        nonlocal ticks
        ticks += event == "tick"
        return replace(state, due=now - 1), (event,)

    driver = Driver("test", Counter(), stubborn, lambda state: state.due, "tick", log.append)
    task = asyncio.create_task(driver.run())
    driver.put("a")
    await eventually(lambda: ticks >= 3, what="some ticks")
    driver.put("b")
    await eventually(lambda: "b" in log, what="another event")
    task.cancel()
    assert ticks < 1000
