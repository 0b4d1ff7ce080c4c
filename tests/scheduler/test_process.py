"""The scheduler as its own process: killed around a boundary, stalled over one, and with a thousand doors."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path

import psutil
import pytest
from tests.scheduler.documents import daily, document, template
from tests.scheduler.observer import Observer

from doorbus.contract.document import Door
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import eventually
from doorbus_testkit.processes import Process
from doorbus_testkit.zone_file import Offset, offset_that_shows, write_zone

OPENS = time_of_day(8, 0)
WITHIN_S = 1.5
"""The bound of a test on "within 1 s", as the machine runs other tests too."""
DOORS = 1000


def scheduler(server: NatsServer, folder: Path) -> Process:
    """Starts the scheduler for all doors."""
    env = {**os.environ, "DOORBUS_NATS_URL": server.url, "DOORBUS_DOORS": "*", "DOORBUS_LOG_LEVEL": "info"}
    log = folder / f"scheduler-{len(list(folder.glob('scheduler-*.log')))}.log"
    return Process([sys.executable, "-m", "doorbus_scheduler"], log=log, env=env)


def opens_in(zones: Path, seconds: float, name: str) -> tuple[str, datetime]:
    """Makes a zone in which it is eight o'clock in so many seconds; returns its name, and that moment."""
    at = (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)
    write_zone(zones, f"Test/{name}", [Offset(None, offset_that_shows(OPENS, at), "SOON")])
    return f"Test/{name}", at


async def until(at: datetime, away_s: float = 0.0) -> None:
    """Waits for a moment of the clock: what happens just then is what the test is about."""
    await asyncio.sleep(max((at - datetime.now(UTC)).total_seconds() + away_s, 0.0))


async def test_killed_before_a_boundary(observer: Observer, server: NatsServer, zones: Path, tmp_path: Path) -> None:
    """The next life tells the boundary that nobody was there for, once and with its time."""
    zone, at = opens_in(zones, 8.0, "Killed")
    await observer.apply(document(daily("08:00", "20:00"), zone=zone, templates=[template("day", "x")]))
    with scheduler(server, tmp_path) as first:
        assert at == (await observer.kept({"x": False})).valid_until
        first.kill9()
    await until(at, 0.5)
    assert observer.told == []
    with scheduler(server, tmp_path):
        told = await observer.hears("activated", "template day")
        assert at == told.at
        await observer.kept({"x": True})
    assert [(each.about, each.at) for each in await observer.in_stream()] == [("schedule x", at), ("template day", at)]


@pytest.mark.timeout(240)
async def test_killed_around_boundaries(observer: Observer, server: NatsServer, zones: Path, tmp_path: Path) -> None:
    """Killed a little before, at and after boundaries, again and again: the stream has each event once, and all."""
    expected: list[tuple[str, str]] = []
    boundaries: list[datetime] = []
    await observer.apply(document())
    with ExitStack() as lives:
        life = lives.enter_context(scheduler(server, tmp_path))
        await observer.kept({})
        for number, away_s in enumerate((-0.01, 0.0, 0.001, 0.002, 0.005, 0.02)):
            name = f"s{number}"
            zone, at = opens_in(zones, 3.0, f"Around{number}")
            schedule = {**daily("08:00", "20:00"), "id": name}
            await observer.apply(document(schedule, zone=zone, templates=[template("day", name)]))
            await observer.kept({name: False})
            await until(at, away_s)
            life.kill9()
            life = lives.enter_context(scheduler(server, tmp_path))
            await observer.kept({name: True})
            await observer.apply(document())  # so that the next round begins with nothing active
            await observer.kept({})
            boundaries += [at, at]
            for what in ("activated", "deactivated"):
                expected += [(what, f"schedule {name}"), (what, "template day")]
        kept = await observer.kept_events(len(expected))
    assert expected == [(each.what, each.about) for each in kept]
    assert boundaries == [each.at for each in kept if each.what == "activated"]


async def test_stalled_over_a_boundary(observer: Observer, server: NatsServer, zones: Path, tmp_path: Path) -> None:
    """A process that stood still is right again at once when it goes on; the boundary is told once."""
    zone, at = opens_in(zones, 8.0, "Stalled")
    await observer.apply(document(daily("08:00", "20:00"), zone=zone))
    with scheduler(server, tmp_path) as life:
        await observer.kept({"x": False})
        life.stall()
        await until(at, 1.0)
        assert observer.told == []
        went_on = time.monotonic()
        life.resume()
        told = await observer.hears("activated", "schedule x")
        assert told.came - went_on < WITHIN_S
        assert at == told.at
        await observer.kept({"x": True})
    assert [each.about for each in await observer.in_stream()] == ["schedule x"]


async def test_it_stops_in_order(observer: Observer, server: NatsServer, tmp_path: Path) -> None:
    """SIGTERM ends it within five seconds, with exit code 0 and what is active left kept."""
    await observer.apply(document(daily("00:00", "24:00")))
    with scheduler(server, tmp_path) as life:
        await observer.kept({"x": True})
        life.terminate()
        assert await life.wait_exit(5.0) == 0
    assert (await observer.kept({"x": True})).valid_until is None


def many(zone: str) -> list[Door]:
    """Returns a thousand doors that all open at eight."""
    schedule = {**daily("08:00", "20:00"), "id": "office"}
    return [document(schedule, zone=zone, templates=[template("day", "office")], door=f"d{n}") for n in range(DOORS)]


@pytest.mark.timeout(180)
async def test_a_thousand_doors(observer: Observer, server: NatsServer, zones: Path, tmp_path: Path) -> None:
    """They open at the same moment, each told once and kept; while they wait, the process rests."""
    with scheduler(server, tmp_path) as life:
        began = time.monotonic()
        await observer.apply(*many(opens_in(zones, 3600.0, "Later")[0]))
        await _all_kept(observer, active=False)
        started_s = time.monotonic() - began
        process = psutil.Process(life.pid)
        cpu = sum(process.cpu_times()[:2])
        looked = time.monotonic()
        await eventually(lambda: time.monotonic() - looked > 4.0, what="four seconds have passed")
        rested = (sum(process.cpu_times()[:2]) - cpu) / (time.monotonic() - looked)
        assert rested < 0.3, "it does not rest"
        zone, at = opens_in(zones, 5.0 + 3 * started_s, "Together")
        await observer.apply(*many(zone))
        await _all_kept(observer, active=False, valid_until=at)
        assert datetime.now(UTC) < at, "the machine is too slow for this test"
        boundary = time.monotonic() + (at - datetime.now(UTC)).total_seconds()
        await eventually(lambda: len(observer.told) >= 2 * DOORS, 90.0, what="all doors are told")
        await _all_kept(observer, active=True)
    last = max(told.came for told in observer.told) - boundary
    assert {at} == {told.at for told in observer.told}
    assert 2 * DOORS == len({told.id for told in observer.told}) == len(observer.told)
    assert last < 10.0
    figures = f"begun in {started_s:.1f} s, rest {rested:.1%} of a core, the last told {last:.2f} s after the boundary"
    print(f"measured: {DOORS} doors: {figures}")  # noqa: T201  # captured by pytest


async def _all_kept(observer: Observer, *, active: bool, valid_until: datetime | None = None) -> None:
    """Waits until all doors say so."""
    waiting = [f"d{number}" for number in range(DOORS)]

    async def kept() -> bool:
        while waiting:
            state = await observer.state(waiting[-1])
            if state is None or state.schedules != {"office": active}:
                return False
            if valid_until is not None and state.valid_until != valid_until:
                return False
            waiting.pop()
        return True

    await eventually(kept, 60.0, every_s=0.1, what="all doors are kept")
