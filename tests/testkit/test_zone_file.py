"""Zones made for a test."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from doorbus_testkit.zone_file import Offset, offset_that_shows, search_path, write_zone

CHANGE = datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_clock_shows_what_was_asked_for(tmp_path: Path) -> None:
    """Python reads the file: offsets to the second, a change in its second, and the last one holds for ever."""
    odd = timedelta(hours=2, minutes=3, seconds=7)
    path = write_zone(tmp_path, "Test/Odd", [Offset(None, odd, "ODD"), Offset(CHANGE, odd + HOUR, "ODDS", is_dst=True)])
    with path.open("rb") as file:
        zone = ZoneInfo.from_file(file)
    before, after = ((CHANGE + timedelta(seconds=seconds)).astimezone(zone) for seconds in (-1, 0))
    assert (odd, "ODD", timedelta()) == (before.utcoffset(), before.tzname(), before.dst())
    assert (odd + HOUR, "ODDS", HOUR) == (after.utcoffset(), after.tzname(), after.dst())
    assert odd + HOUR == datetime(2999, 1, 1, tzinfo=zone).utcoffset()


@pytest.mark.parametrize("wanted", [time(0, 0, 1), time(7, 59, 57), time(23, 59, 58)])
@pytest.mark.parametrize("hour", [0, 11, 23])
def test_an_offset_that_shows_a_time(wanted: time, hour: int) -> None:
    """Whatever time it is, a zone shows the wanted one, and its offset is one that Python takes."""
    at = datetime(2026, 11, 23, hour, 20, 1, tzinfo=UTC)
    offset = offset_that_shows(wanted, at)
    assert wanted == (at + offset).time()
    assert abs(offset) <= timedelta(hours=12)


def test_another_program_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the environment, beside the zones that there are."""
    write_zone(tmp_path, "Test/Odd", [Offset(None, timedelta(hours=5, seconds=1), "ODD")])
    monkeypatch.setenv(*search_path(tmp_path))
    ask = "from datetime import *; from zoneinfo import *; "
    ask += "print(*(datetime(2026, 1, 1, tzinfo=ZoneInfo(name)).utcoffset() for name in ('Test/Odd', 'Europe/Berlin')))"
    told = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=30, check=True)
    assert told.stdout.split() == ["5:00:01", "1:00:00"]
