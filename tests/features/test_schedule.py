"""Call schedule: windows of every kind, boundaries, clock changes, and whom a press calls.

Each test gives its door a time zone in which a boundary is some seconds ahead (`doorbus_testkit.zone_file`), so nothing
waits for a real evening or a real Sunday in March.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.features.conftest import NewPhone
from tests.features.doors import ENV, document, press, show, stays

from doorbus_testkit.behaviour import Ring
from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Options, Stack, Told
from doorbus_testkit.zone_file import Offset, offset_that_shows, search_path, write_zone

pytestmark = pytest.mark.asyncio(loop_scope="module")

AHEAD_S = 10.0
"""From the making of a zone to its boundary: a document is applied within one second, and within eight on a busy
machine."""
WAIT_S = 20.0
WITHIN_S = 1.5
"""The bound of a test on "within 1 s", as the machine runs other tests too."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EIGHT = time_of_day(8, 0)
NOBODY = "sip:nobody@127.0.0.1:9"


@dataclass(frozen=True)
class Zone:
    """A zone of a test's own.

    Attributes:
        name: for the document.
        at: the boundary that its clock is about to show, in UTC.
        today: the date that the zone's calendar shows at the boundary.
    """

    name: str
    at: datetime
    today: date

    def seconds_until(self) -> float:
        """Returns how far away the boundary is."""
        return (self.at - datetime.now(UTC)).total_seconds()


class Zones:
    """Makes zones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0

    def that_shows(self, wanted: time_of_day, *changes: tuple[float, timedelta], ahead_s: float = AHEAD_S) -> Zone:
        """Makes a zone whose clock shows a time in `ahead_s`.

        Args:
            wanted: the time.
            changes: of its clock: seconds after that moment, and how far the clock is set.
            ahead_s: seconds from now.
        """
        self._count += 1
        at = (datetime.now(UTC) + timedelta(seconds=ahead_s)).replace(microsecond=0)
        offset = offset_that_shows(wanted, at)
        history = [Offset(None, offset, "TEST")]
        for seconds, by in changes:
            history.append(Offset(at + timedelta(seconds=seconds), history[-1].offset + by, "TESTS"))
        name = f"Test/Schedule{self._count}"
        write_zone(self.folder, name, history)
        return Zone(name, at, (at + offset).date())


@pytest.fixture(scope="module")
def zones(tmp_path_factory: pytest.TempPathFactory) -> Zones:
    """The file's zones."""
    return Zones(tmp_path_factory.mktemp("zones"))


@pytest.fixture(autouse=True)
def own_zones_for_commands(zones: Zones, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets `doorbus apply` know them too."""
    monkeypatch.setenv(*search_path(zones.folder))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_door(zones: Zones) -> AsyncIterator[Stack]:
    """The file's door, which knows those zones."""
    async with Stack(document(), Options(env={**ENV, **dict([search_path(zones.folder)])})) as stack:
        yield stack


def scheduled(
    schedules: Sequence[dict[str, Any]],
    zone: Zone | None = None,
    templates: Sequence[dict[str, Any]] = (),
    *,
    holidays: Sequence[date] = (),
    assigned: Sequence[str] = (),
    **call: Any,
) -> str:
    """Returns the document of a door whose button goes by templates."""
    schedule: dict[str, Any] = {"schedules": list(schedules), "templates": list(templates)}
    schedule |= {"holidays": [str(day) for day in holidays], "inputs": {"button1": list(assigned)} if assigned else {}}
    name = "UTC" if zone is None else zone.name
    return document([NOBODY], call={"template_enabled": True, **call}, timezone=name, schedule=schedule)


def template(name: str, *schedules: str, numbers: Sequence[str] = (NOBODY,)) -> dict[str, Any]:
    """Returns a template."""
    return {"id": name, "name": name.title(), "numbers": list(numbers), "schedules": list(schedules)}


def daily(name: str, start: str, end: str, **more: Any) -> dict[str, Any]:
    """Returns a schedule of every day."""
    return {"id": name, "kind": "daily", "start": start, "end": end, **more}


async def active(door: Stack) -> dict[str, bool]:
    """Returns what is kept of the schedules and templates."""
    state = await door.state("scheduler")
    return {} if state is None else {**state["schedules"], **state["templates"]}


async def becomes(door: Stack, expected: dict[str, bool], within_s: float = WAIT_S) -> None:
    """Waits until exactly that is kept."""

    async def so() -> bool:
        return await active(door) == expected

    await eventually(so, within_s, what=f"active is {expected}")


def at_of(told: Told) -> datetime:
    """Returns the boundary that an event tells."""
    return datetime.fromisoformat(told.data["at"])


def late_s(told: Told, zone: Zone) -> float:
    """Returns how long after the zone's boundary an event came here."""
    return told.at - (time.monotonic() + zone.seconds_until())


ALWAYS = daily("always", "00:00", "24:00")


@pytest.mark.feature("schedule.template")
@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        pytest.param(
            {"templates": [template(f"t{n}", "always") for n in range(11)]},
            'schedule.templates[10]: is entry 11 ("t10"); schedule.templates must have at most 10',
            id="an 11th template",
        ),
        pytest.param(
            {"templates": [template("t", "always", numbers=[f"sip:{n}@127.0.0.1" for n in range(17)])]},
            'schedule.templates[0].numbers[16]: is entry 17 ("sip:16@127.0.0.1"); '
            "schedule.templates[0].numbers must have at most 16",
            id="a 17th number",
        ),
        pytest.param(
            {"templates": [template("t", "always", "sometimes")]},
            "schedule.templates[0].schedules[1]:",
            id="an unknown schedule",
        ),
        pytest.param({"templates": [template("t")]}, "schedule.templates[0].schedules:", id="no schedule"),
        pytest.param(
            {"templates": [template("t", "always", numbers=[])]}, "schedule.templates[0].numbers:", id="no number"
        ),
        pytest.param(
            {"templates": [{**template("t", "always"), "name": ""}]}, "schedule.templates[0].name:", id="name"
        ),
    ],
)
async def test_templates_that_are_refused(door: Stack, wrong: dict[str, Any], named: str) -> None:
    """The document is refused with the place and the name of what is wrong, and the door goes on by the old one."""
    revision = (await door.wish("status"))["revision"]
    door.write(scheduled([ALWAYS], **wrong))
    code, output = await door.cli("apply", "-f", str(door.document_file))
    assert (code, named in output) == (2, True), output
    assert "always" in output or "unknown" not in named
    assert revision == (await door.wish("status"))["revision"]


@pytest.mark.feature("schedule.template")
async def test_a_template_of_sixteen_numbers_and_two_schedules(door: Stack, phone: NewPhone) -> None:
    """All sixteen ring at a press, while one of the two schedules is active."""
    there = await phone(Ring())
    numbers = [there.uri.replace("wire@", f"n{number}@") for number in range(16)]
    never = {"id": "never", "kind": "normal", "first_date": "2020-01-01", "last_date": "2020-01-02"}
    many = [template(f"t{n}", "always") for n in range(9)]
    await door.apply(
        scheduled([ALWAYS, never], None, [template("all", "never", "always", numbers=numbers), *many], assigned=["all"])
    )
    await becomes(door, {"always": True, "never": False, "all": True, **{f"t{n}": True for n in range(9)}})
    await press(door)
    await eventually(lambda: len(there.calls) == 16, what="sixteen INVITEs")
    rung = {record.message.uri for record in there.received("INVITE")}
    assert {number.removeprefix("sip:").partition("@")[0] for number in numbers} == {
        uri.removeprefix("sip:").partition("@")[0] for uri in rung
    }


@pytest.mark.feature("schedule.kinds")
async def test_every_kind_of_schedule(door: Stack, zones: Zones) -> None:
    """Daily, weekly and normal windows begin and end at eight, across midnight too, or not on a holiday."""
    zone = zones.that_shows(EIGHT, ahead_s=AHEAD_S + 3)
    day, before = zone.today, zone.today - timedelta(days=1)
    today, yesterday = DAYS[day.weekday()], DAYS[before.weekday()]
    others = [each for each in DAYS if each != today]
    begins, ends = ("08:00", "18:00"), ("20:00", "08:00")

    def weekly(name: str, days: list[str], window: tuple[str, str], **more: Any) -> dict[str, Any]:
        return {**daily(name, *window, **more), "kind": "weekly", "days": days}

    def normal(name: str, first: date, last: date, window: tuple[str, str], **more: Any) -> dict[str, Any]:
        dates = {"first_date": str(first), "last_date": str(last)}
        return {**daily(name, *window, **more), "kind": "normal", **dates}

    expected = {
        "daily": (daily("daily", *begins), False, True),
        "weekly": (weekly("weekly", [today], begins), False, True),
        "other-days": (weekly("other-days", others, begins), False, False),
        "one-date": (normal("one-date", day, day, begins), False, True),
        "past": (normal("past", before, before, begins), False, False),
        "future": (normal("future", day + timedelta(days=1), day + timedelta(days=9), begins), False, False),
        "dates-and-days": (normal("dates-and-days", before, day, begins, days=others), False, False),
        "whole-day": (daily("whole-day", "00:00", "24:00"), True, True),
        "night": (daily("night", *ends), True, False),
        "night-of-yesterday": (weekly("night-of-yesterday", [yesterday], ends), True, False),
        "night-of-today": (weekly("night-of-today", [today], ends), False, False),
        "night-of-last-date": (normal("night-of-last-date", before, before, ends), True, False),
        "not-today": (daily("not-today", *begins, holidays="exclude"), False, False),
        "also-today": (daily("also-today", *begins, holidays="include"), False, True),
        "into-the-holiday": (daily("into-the-holiday", *ends, holidays="exclude"), True, False),
    }
    await door.apply(scheduled([schedule for schedule, _, _ in expected.values()], zone, holidays=[day]))
    await becomes(door, {name: was for name, (_, was, _) in expected.items()})
    assert zone.seconds_until() > 0, "the machine is too slow for this test"
    await becomes(door, {name: is_then for name, (_, _, is_then) in expected.items()})
    changed = {name: is_then for name, (_, was, is_then) in expected.items() if was != is_then}
    told = await tells(door, zone, len(changed))
    assert changed == {each.data["id"]: each.what == "schedule.activated" for each in told}


@pytest.mark.feature("schedule.events", "schedule.change")
async def test_a_boundary_is_told_and_counts_within_a_second(door: Stack, zones: Zones, phone: NewPhone) -> None:
    """Both events come once at the boundary and carry its time; a press within a second rings the new template."""
    day, night = [await phone(Ring(), user=user) for user in ("day", "night")]
    zone = zones.that_shows(EIGHT)
    schedules = [daily("office", "08:00", "18:00"), daily("closed", "18:00", "08:00")]
    templates = [template("by-day", "office", numbers=[day.uri]), template("by-night", "closed", numbers=[night.uri])]
    await door.apply(scheduled(schedules, zone, templates, assigned=["by-day", "by-night"]))
    await becomes(door, {"office": False, "closed": True, "by-day": False, "by-night": True})
    began = await door.event("schedule.activated", WAIT_S, kind="template", id="by-day")
    await press(door)
    await day.wait_call()
    show("boundary to the event", late_s(began, zone))
    await tells(door, zone, 4)
    names = {("schedule", "office"), ("template", "by-day")}, {("schedule", "closed"), ("template", "by-night")}
    for what, expected in zip(("schedule.activated", "schedule.deactivated"), names, strict=True):
        told = [each for each in door.told(what) if at_of(each) == zone.at]
        assert expected == {(each.data["kind"], each.data["id"]) for each in told}
        assert len(told) == 2
        assert all(0 <= late_s(each, zone) < WITHIN_S for each in told)
        assert {f"doorbus.{what}.v1"} == {each.headers["ce-type"] for each in told}
    await stays(lambda: len([each for each in door.events if at_boundary(each, zone)]) == 4)
    assert night.calls == []


async def tells(door: Stack, zone: Zone, count: int) -> list[Told]:
    """Waits for so many events of this boundary, which are told after the state is kept, and returns them."""

    def told() -> list[Told]:
        return [each for each in door.events if at_boundary(each, zone)]

    await eventually(lambda: len(told()) >= count, WAIT_S, what=f"{count} events of the boundary")
    return told()


def at_boundary(told: Told, zone: Zone) -> bool:
    """Tells whether an event is of this boundary."""
    return told.what.startswith("schedule.") and at_of(told) == zone.at


@pytest.mark.feature("schedule.change")
async def test_clocks_that_go_forward(door: Stack, zones: Zones) -> None:
    """What begins in the hour that the clock skips begins when it is skipped, once; what it skips whole never is."""
    zone = zones.that_shows(time_of_day(2, 0), (0.0, timedelta(hours=1)))
    schedules = [daily("open", "02:30", "05:00"), daily("skipped", "02:10", "02:50"), daily("ends", "01:00", "02:20")]
    await door.apply(scheduled(schedules, zone))
    await becomes(door, {"open": False, "skipped": False, "ends": True})
    began = await door.event("schedule.activated", WAIT_S, id="open")
    assert zone.at == at_of(began)
    assert 0 <= late_s(began, zone) < WITHIN_S
    await becomes(door, {"open": True, "skipped": False, "ends": False})
    await tells(door, zone, 2)
    await stays(lambda: {"open", "ends"} == {each.data["id"] for each in door.events if at_boundary(each, zone)})
    assert [each.data["id"] for each in door.told("schedule.activated") if at_of(each) >= zone.at] == ["open"]


@pytest.mark.feature("schedule.change")
async def test_clocks_that_go_back(door: Stack, zones: Zones) -> None:
    """What begins at a time that the clock shows twice begins the first time, and only then."""
    zone = zones.that_shows(EIGHT, (2.0, timedelta(seconds=-4)))  # 07:59:58 again, and 08:00:00 four seconds later
    await door.apply(scheduled([daily("office", "08:00", "18:00")], zone))
    await becomes(door, {"office": False})
    began = await door.event("schedule.activated", WAIT_S, id="office")
    assert zone.at == at_of(began)
    await stays(lambda: len([each for each in door.events if each.data.get("id") == "office"]) == 1, 6.0)
    assert zone.seconds_until() < -4.0, "the clock has shown it twice"
    await becomes(door, {"office": True})


@pytest.mark.feature("schedule.change", "schedule.events")
async def test_a_scheduler_that_dies_before_a_boundary(door: Stack, zones: Zones) -> None:
    """Killed just before it, it is started again, tells the boundary once with its time, and is right."""
    zone = zones.that_shows(EIGHT, ahead_s=AHEAD_S + 3)
    await door.apply(scheduled([daily("office", "08:00", "18:00")], zone, [template("day", "office")]))
    await becomes(door, {"office": False, "day": False})
    await eventually(lambda: zone.seconds_until() < 0.3, WAIT_S, 0.01, "the boundary is near")
    door.process("scheduler").kill()
    told = await door.event("schedule.activated", WAIT_S, kind="template", id="day")
    show("killed before the boundary, it was told late by", late_s(told, zone))
    assert zone.at == at_of(told)
    await becomes(door, {"office": True, "day": True})
    await tells(door, zone, 2)
    await stays(lambda: len(door.told("schedule.activated")) == 2)


@pytest.mark.feature("schedule.input")
async def test_the_first_active_template_is_called_the_buttons_way(door: Stack, phone: NewPhone) -> None:
    """Of two active templates the first of the input's list counts; its numbers ring in turn, as the button says."""
    first, second, other = [await phone(Ring(), user=user) for user in ("first", "second", "other")]
    never = {"id": "never", "kind": "normal", "first_date": "2020-01-01", "last_date": "2020-01-02"}
    templates = [
        template("plain", "always", numbers=[other.uri]),
        template("gone", "never", numbers=[other.uri]),
        template("wanted", "always", numbers=[first.uri, second.uri]),
    ]
    assigned = ["gone", "wanted", "plain"]
    await door.apply(scheduled([ALWAYS, never], None, templates, assigned=assigned, type="sequence", timeout_s=1))
    await becomes(door, {"always": True, "never": False, "plain": True, "gone": False, "wanted": True})
    await press(door)
    await first.wait_call()
    assert second.calls == []
    await second.wait_call()
    assert other.calls == []


@pytest.mark.feature("schedule.input")
async def test_an_assignment_to_a_button_that_goes_by_its_own_numbers_is_refused(door: Stack) -> None:
    """The document is refused and says which field would have to be true."""
    text = scheduled([ALWAYS], None, [template("day", "always")], assigned=["day"], template_enabled=False)
    door.write(text)
    code, output = await door.cli("apply", "-f", str(door.document_file))
    assert (code, "schedule.inputs.button1: buttons[0].call.template_enabled must be true" in output) == (2, True)


@pytest.mark.feature("schedule.none")
async def test_outside_every_schedule_nobody_is_called(door: Stack, phone: NewPhone, zones: Zones) -> None:
    """A press makes no call and says why on the bus; after the boundary the same press does."""
    day = await phone(Ring(), user="day")
    zone = zones.that_shows(EIGHT, ahead_s=AHEAD_S + 3)
    office = daily("office", "08:00", "18:00")
    await door.apply(scheduled([office], zone, [template("day", "office", numbers=[day.uri])], assigned=["day"]))
    await becomes(door, {"office": False, "day": False})
    await press(door)
    pressed = await door.event("button.activated")
    assert (pressed.data["does"], pressed.data["why"]) == ("nothing", "no_template")
    assert (day.calls, door.told("call.dialing")) == ([], [])
    await door.event("schedule.activated", WAIT_S, kind="template", id="day")
    await press(door)
    await day.wait_call()


@pytest.mark.feature("schedule.kinds")
async def test_what_a_press_would_call_is_shown(door: Stack, zones: Zones) -> None:
    """`doorbus schedule show` tells the same as the scheduler, for now and for any moment."""
    zone = zones.that_shows(time_of_day(12, 0), ahead_s=0.0)
    templates = [template("day", "office", numbers=["sip:201@192.0.2.7"])]
    await door.apply(scheduled([daily("office", "08:00", "18:00")], zone, templates, assigned=["day"]))
    await becomes(door, {"office": True, "day": True})
    code, now = await door.cli("schedule", "show")
    assert (code, "button1 calls sip:201@192.0.2.7 (template day)" in now) == (0, True), now
    _, evening = await door.cli("schedule", "show", "--at", "2026-11-23T20:00")
    assert "button1 calls nobody: none of its templates is active\nnext change: Tue 2026-11-24 08:00 TEST" in evening
