"""What follows the clock: templates that decide whom a press calls, and Do Not Disturb by schedule.

Each test gives its door a time zone in which a boundary is some seconds ahead.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import time
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.features.conftest import NewPhone
from tests.features.doors import ENV, PBX_HOST, document, idle, press, stays

from doorbus_testkit.behaviour import Answer, Ring
from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Options, Stack
from doorbus_testkit.wire import WirePhone
from doorbus_testkit.zone_file import Offset, offset_that_shows, search_path, write_zone

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOUNDARY_S = 20.0
"""Each boundary is nearer than this."""
OFFICE = {"id": "office", "kind": "daily", "start": "08:00", "end": "18:00"}
NIGHT = {"id": "night", "kind": "daily", "start": "22:00", "end": "06:00"}

ZoneAt = Callable[[time], str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def zones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the file's own time zones."""
    return tmp_path_factory.mktemp("zones")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_door(zones: Path) -> AsyncIterator[Stack]:
    """The file's door, which knows those zones."""
    async with Stack(document(), Options(env={**ENV, **dict([search_path(zones)])})) as stack:
        yield stack


@pytest.fixture
def zone_at(zones: Path, request: pytest.FixtureRequest) -> ZoneAt:
    """Makes a time zone in which it is a certain time of day now."""

    def make(now: time) -> str:
        name = f"Test/{''.join(each for each in request.node.name.title() if each.isalnum())}{now:%H%M%S}"
        write_zone(zones, name, [Offset(None, offset_that_shows(now), "TEST")])
        return name

    return make


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _timeless(door: Stack) -> None:
    """Begins without schedules, and with DND off."""
    await door.apply(document())

    async def nothing_is_active() -> bool:
        state = await door.state("scheduler")
        return state is not None and not state["schedules"] and not (await door.wish("status"))["dnd_accounts"]

    await eventually(nothing_is_active, what="no schedule is left")
    door.events.clear()


def by_templates(zone: str, own: WirePhone, day: WirePhone, late: WirePhone | None, kind: str) -> str:
    """Returns a document whose button goes by templates, `day` by day and `late` at night; `own` is its own number."""
    templates = [{"id": "day", "name": "Office hours", "numbers": [day.uri], "schedules": ["office"]}]
    if late is not None:
        templates.append({"id": "late", "name": "Guard", "numbers": [late.uri], "schedules": ["night"]})
    schedule = {
        "schedules": [OFFICE, {**NIGHT, "start": "18:00", "end": "08:00"}],
        "templates": templates,
        "inputs": {"button1": [template["id"] for template in templates]},
    }
    call = {"type": kind, "template_enabled": True}
    return document([own.uri], call=call, timezone=zone, schedule=schedule)


@pytest.mark.feature("group.template", "sequence.template")
@pytest.mark.parametrize("kind", ["group", "sequence"])
async def test_the_schedule_decides_and_not_the_buttons_numbers(
    door: Stack, phone: NewPhone, zone_at: ZoneAt, kind: str
) -> None:
    """Before 08:00 the press rings the night's number, after it the day's, and never the button's own."""
    own, day, late = [await phone(Ring(), user=user) for user in ("own", "day", "late")]
    await door.apply(by_templates(zone_at(time(7, 59, 50)), own, day, late, kind))
    await door.event("schedule.activated", kind="template", id="late")
    await press(door)
    await late.wait_call()
    assert (await door.wish("hangup"))["ok"]
    await door.event("call.ended")
    await door.event("schedule.activated", BOUNDARY_S, kind="template", id="day")
    await press(door)
    await day.wait_call()
    await stays(lambda: (len(own.calls), len(day.calls), len(late.calls)) == (0, 1, 1), 0.5)


@pytest.mark.feature("group.template", "sequence.template")
@pytest.mark.parametrize("kind", ["group", "sequence"])
async def test_outside_every_template_the_press_calls_nobody(
    door: Stack, phone: NewPhone, zone_at: ZoneAt, kind: str
) -> None:
    """The press dials nothing and says why on the bus."""
    own, day = [await phone(Ring(), user=user) for user in ("own", "day")]
    await door.apply(by_templates(zone_at(time(20, 0)), own, day, None, kind))
    await door.event("schedule.activated", kind="schedule", id="night")
    await press(door)
    pressed = await door.event("button.activated")
    assert (pressed.data["does"], pressed.data["why"]) == ("nothing", "no_template")
    assert (own.calls, day.calls) == ([], [])


def by_night(zone: str, server: WirePhone, **dnd: Any) -> str:
    """Returns a document whose DND follows the schedule `night` and tells `server` so."""
    account = {
        "id": "pbx",
        "aor": f"sip:door@{server.host}:{server.port}",
        "trusted_sources": [f"{server.host}/32"],
    }
    rules = {"schedule": "night", "on_code": "*78", "off_code": "*79", "code_hold_s": 0.5, **dnd}
    return document(accounts=[account], timezone=zone, schedule={"schedules": [NIGHT]}, calls={"dnd": rules})


async def _rings(door: Stack, caller: WirePhone) -> bool:
    """Calls the door and gives up; returns whether it rang (else it refused with 486)."""
    call = await caller.invite(door.uri)
    await eventually(lambda: "ringing" in call.times or call.final is not None, what="the door rings or refuses")
    if call.final is None:
        call.cancel()
    assert (await call.wait_final()).status == (487 if "ringing" in call.times else 486)
    await idle(door)
    return "ringing" in call.times


@pytest.mark.feature("dnd.schedule")
async def test_dnd_begins_with_its_schedule(door: Stack, phone: NewPhone, zone_at: ZoneAt) -> None:
    """Before 22:00 the door rings; from then on callers get 486, and the server was called with the on code."""
    server, caller = await phone(Answer(), host=PBX_HOST), await phone()
    await door.apply(by_night(zone_at(time(21, 59, 50)), server))
    assert await _rings(door, caller)
    changed = await door.event("dnd.changed", BOUNDARY_S, enabled=True)
    assert changed.data["by"] == "schedule"
    assert not await _rings(door, caller)
    await (await server.wait_call()).wait("ended")
    assert [record.message.uri for record in server.received("INVITE")] == [f"sip:*78@{server.host}:{server.port}"]
    assert (await door.event("dnd.server_code_sent")).data["taken"]


@pytest.mark.feature("dnd.schedule", "dnd.toggle")
async def test_dnd_ends_with_its_schedule_and_so_does_a_toggle(door: Stack, phone: NewPhone, zone_at: ZoneAt) -> None:
    """At night it is on; turned off by hand it rings, on again it refuses; at 06:00 it is off, and the server knows."""
    server, caller = await phone(Answer(), host=PBX_HOST), await phone()
    await door.apply(by_night(zone_at(time(5, 59, 45)), server, accounts=["pbx", "ip"]))
    await door.event("dnd.changed", enabled=True)
    assert (await door.wish("dnd", enabled=False))["ok"]
    assert await _rings(door, caller)
    assert (await door.wish("dnd", enabled=True))["ok"]
    assert not await _rings(door, caller)
    await door.event("dnd.changed", BOUNDARY_S, enabled=False, by="schedule")
    assert await _rings(door, caller)
    await server.wait_call(4)
    asked = [record.message.uri.partition("@")[0] for record in server.received("INVITE")]
    assert asked == ["sip:*78", "sip:*79", "sip:*78", "sip:*79"]
