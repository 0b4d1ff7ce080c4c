"""The scheduler on a real NATS server, with a bus time that the test sets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.scheduler.conftest import StartLife
from tests.scheduler.documents import OFFICE, daily, document, local, template
from tests.scheduler.observer import DOOR, Observer

from doorbus.runtime.bus import Bus
from doorbus.runtime.state import StateKeeper
from doorbus_scheduler.scheduler import READY
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import eventually

WITHIN_S = 1.5
"""The bound of a test on "within 1 s", as the machine runs other tests too."""

NOTICE_S = 2.5
"""How long a test looks on before it says that nothing happens: the scheduler looks each second."""

BEFORE = timedelta(seconds=1.5)
HOUSE = document(OFFICE, templates=[template("day", "office")])
EIGHT, SIX = local("2026-11-23 08:00"), local("2026-11-23 18:00")


async def stays(observer: Observer, count: int) -> None:
    """Watches that nothing more is told."""
    until = time.monotonic() + NOTICE_S
    while time.monotonic() < until:
        assert count == len(observer.told), observer.words()
        await asyncio.sleep(0.02)


async def test_what_is_active_is_kept_and_told(observer: Observer, begin: StartLife) -> None:
    """A document's schedules are kept with the next boundary, and what is active is told, once."""
    await observer.apply(HOUSE)
    await begin(local("2026-11-23 12:00"))
    state = await observer.kept({"office": True})
    assert (state.templates, state.valid_until) == ({"day": True}, SIX)
    await observer.hears("activated", "template day")
    assert observer.words() == ["activated schedule office", "activated template day"]
    await stays(observer, 2)


async def test_a_boundary_is_told_and_kept_within_a_second(observer: Observer, begin: StartLife) -> None:
    """It takes effect at its time and is told once, with its time; the state holds until the next one."""
    life = await begin(EIGHT - BEFORE)
    await observer.apply(HOUSE)
    assert (await observer.kept({"office": False})).valid_until == EIGHT
    life.set_clock(EIGHT - BEFORE)
    boundary = time.monotonic() + BEFORE.total_seconds()
    told = await observer.hears("activated", "schedule office")
    assert told.at == EIGHT
    assert 0 <= told.came - boundary < WITHIN_S
    assert (await observer.kept({"office": True}, within_s=WITHIN_S)).valid_until == SIX
    await stays(observer, 2)


CHANGES = [
    pytest.param("Europe/Berlin", daily("02:30", "05:00"), "2026-03-29T01:00", None, id="skipped"),
    pytest.param("Europe/Berlin", daily("02:30", "05:00"), "2026-10-25T00:30", "2026-10-25T01:30", id="repeated"),
    pytest.param(
        "Australia/Lord_Howe", daily("01:45", "05:00"), "2026-04-04T14:45", "2026-04-04T15:15", id="half hour"
    ),
    pytest.param("Africa/Casablanca", daily("02:30", "05:00"), "2026-02-15T01:30", "2026-02-15T02:30", id="Ramadan"),
    pytest.param("America/Santiago", daily("00:00", "12:00"), "2026-09-06T04:00", None, id="midnight is skipped"),
]


@pytest.mark.parametrize(("zone", "schedule", "happens", "repeats"), CHANGES)
async def test_a_boundary_at_a_clock_change_happens_once(
    observer: Observer, begin: StartLife, zone: str, schedule: Mapping[str, Any], happens: str, repeats: str | None
) -> None:
    """It is told at the right moment; when the clock shows that time again, nothing is told."""
    at = datetime.fromisoformat(happens).replace(tzinfo=UTC)
    life = await begin(at - BEFORE)
    await observer.apply(document(schedule, zone=zone))
    await observer.kept({"x": False})
    life.set_clock(at - BEFORE)
    boundary = time.monotonic() + BEFORE.total_seconds()
    told = await observer.hears("activated", "schedule x")
    assert at == told.at
    assert 0 <= told.came - boundary < WITHIN_S
    if repeats is not None:
        life.set_clock(datetime.fromisoformat(repeats).replace(tzinfo=UTC) - timedelta(seconds=1))
    await stays(observer, 1)


async def test_a_clock_that_jumps_is_followed_at_once(observer: Observer, begin: StartLife) -> None:
    """Bus time set forward over a boundary makes it happen now, set back undoes it; each is told once."""
    life = await begin(EIGHT - timedelta(hours=1))
    await observer.apply(HOUSE)
    await observer.kept({"office": False})
    for hours, active, what in ((1, True, "activated"), (12, False, "deactivated"), (2, True, "activated")):
        before = len(observer.told)
        life.set_clock(EIGHT + timedelta(hours=hours))
        jumped = time.monotonic()
        await observer.kept({"office": active})
        await eventually(lambda before=before: len(observer.told) == before + 2, what="both are told")  # type: ignore[misc]
        assert {what} == {told.what for told in observer.told[before:]}
        assert observer.told[-1].came - jumped < 1.0 + WITHIN_S
    await stays(observer, 6)


async def test_a_changed_document_counts_at_once(observer: Observer, begin: StartLife) -> None:
    """Without restart: what is new is told, what is gone is over, and the old boundary is forgotten."""
    life = await begin(EIGHT - timedelta(hours=1))
    await observer.apply(HOUSE)
    await observer.kept({"office": False})
    early = {**OFFICE, "start": "06:00"}
    await observer.apply(document(early, templates=[template("day", "office")]))
    await observer.hears("activated", "template day")
    await observer.apply(document({"id": "other", "kind": "daily", "start": "12:00", "end": "13:00"}))
    await observer.hears("deactivated", "template day")
    await observer.kept({"other": False})
    life.set_clock(EIGHT - timedelta(seconds=1))
    await stays(observer, 4)


async def test_a_restart_tells_nothing_again(observer: Observer, begin: StartLife) -> None:
    """The next life knows by the kept state what was told, and is right at once."""
    life = await begin(local("2026-11-23 12:00"))
    await observer.apply(HOUSE)
    await observer.kept({"office": True})
    await observer.hears("activated", "template day")
    await life.stop()
    await begin(local("2026-11-23 12:01"))
    await stays(observer, 2)


async def test_a_boundary_missed_between_two_lives_is_told_late_once(observer: Observer, begin: StartLife) -> None:
    """The next life tells it with the time at which it was, and the state is right."""
    life = await begin(local("2026-11-23 12:00"))
    await observer.apply(HOUSE)
    await observer.kept({"office": True})
    await life.stop()
    await begin(local("2026-11-23 20:00"))
    told = await observer.hears("deactivated", "template day")
    assert told.at == SIX
    assert local("2026-11-24 08:00") == (await observer.kept({"office": False})).valid_until
    await stays(observer, 4)


@pytest.mark.parametrize("told", [False, True], ids=["before it was told", "before that was kept"])
async def test_a_death_at_a_boundary_loses_and_doubles_nothing(
    observer: Observer, begin: StartLife, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    """The next life tells what the last one had kept as changed, under the same ids: the stream has it once."""
    life = await begin(EIGHT - timedelta(minutes=1))
    await observer.apply(HOUSE)
    await observer.kept({"office": False})

    async def never(_bus: Bus, _within_s: float) -> bool:
        return False

    with monkeypatch.context() as patched:
        patched.setattr(Bus, "all_told", never)
        if not told:
            patched.setattr(Bus, "tell", lambda *_args, **_more: None)
        life.set_clock(EIGHT)
        state = await observer.kept({"office": True}, told=False)
        assert [change.id for change in state.telling] == ["office", "day"]
        if told:
            await observer.hears("activated", "template day")
        await life.stop()
    await begin(EIGHT + timedelta(seconds=30))
    await eventually(lambda: len(observer.told) == (4 if told else 2), what="both are told (again)")
    assert {change.event for change in state.telling} == {each.id for each in observer.told}
    await observer.kept({"office": True})
    kept = await observer.in_stream()
    assert [(each.about, each.at) for each in kept] == [("schedule office", EIGHT), ("template day", EIGHT)]


async def test_who_hears_of_a_boundary_finds_it_in_force(observer: Observer, begin: StartLife) -> None:
    """When the event comes, the state is there already."""
    life = await begin(EIGHT - BEFORE)
    await observer.apply(HOUSE)
    await observer.kept({"office": False})
    for number in range(1, 5):
        life.set_clock(EIGHT + timedelta(days=number, seconds=-0.3))
        await observer.hears("activated", "schedule office", number)
        state = await observer.state()
        assert state is not None
        assert state.schedules == {"office": True}
        life.set_clock(SIX + timedelta(days=number, seconds=1))
        await observer.hears("deactivated", "schedule office", number)


async def test_a_boundary_while_the_bus_is_gone(observer: Observer, begin: StartLife, server: NatsServer) -> None:
    """It is told once and kept when the bus is back, with the time at which it was."""
    life = await begin(EIGHT - timedelta(minutes=1))
    await observer.apply(HOUSE)
    await observer.kept({"office": False})
    server.stop()
    await eventually(lambda: not life.service.bus.connected, what="the bus is gone")
    life.set_clock(EIGHT - timedelta(seconds=0.2))
    await eventually(lambda: life.service.bus.sequence(DOOR) >= 4, what="the boundary was told to nobody")
    server.start()
    await observer.kept({"office": True})
    await observer.hears("activated", "template day")
    kept = await observer.in_stream()
    assert [(told.about, told.at) for told in kept] == [("schedule office", EIGHT), ("template day", EIGHT)]


async def test_a_store_that_comes_back_empty_gets_its_state_again(
    observer: Observer, begin: StartLife, server: NatsServer
) -> None:
    """Also in a life that found the state as it should be, and never changed it."""
    first = await begin(local("2026-11-23 12:00"))
    await observer.apply(HOUSE)
    before = await observer.kept({"office": True})
    await first.stop()
    life = await begin(local("2026-11-23 12:01"))
    await eventually(lambda: life.service.health._conditions.get(READY), what="the second life is ready")
    server.restart(empty_store=True)
    assert before == await observer.kept({"office": True})
    await stays(observer, 2)


async def test_ready_means_that_every_document_was_looked_at(
    observer: Observer, begin: StartLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the kept state cannot be read nothing is told, as it might have been; afterwards it is not told again."""
    first = await begin(local("2026-11-23 12:00"))
    await observer.apply(HOUSE)
    await observer.kept({"office": True})
    await observer.hears("activated", "template day")
    await first.stop()

    async def silent(_keeper: StateKeeper, _door: str) -> bytes | None:
        raise TimeoutError

    with monkeypatch.context() as patched:
        patched.setattr(StateKeeper, "recall", silent)
        life = await begin(local("2026-11-23 12:01"))
        await eventually(lambda: "schedules" in life.service.health.missing, what="the second life is not ready")
        await stays(observer, 2)
        assert "schedules" in life.service.health.missing
    await eventually(lambda: "schedules" not in life.service.health.missing, what="the second life is ready")
    await stays(observer, 2)
