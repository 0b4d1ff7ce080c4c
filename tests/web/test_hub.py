"""The viewers of a door: none is waited for, none misses anything without knowing."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from doorbus.contract.envelope import Envelope
from doorbus.contract.services import ServiceStarted
from doorbus.contract.status import Status
from doorbus.runtime.seen import Seen
from doorbus_web.live import hub as module
from doorbus_web.live.hub import Hub, TooManyViewersError, Viewer
from doorbus_web.live.inputs import StatusRead, Told

T0 = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def event(number: int) -> Told:
    """Returns an event of io."""
    started = ServiceStarted(service="io", version=str(number), epoch=1)
    envelope = Envelope(str(number), "/door/front/io", started.type_name(), T0, 1, number)
    return Told(Seen("front", envelope, {}, started))


async def messages(viewer: Viewer) -> list[tuple[str, str, Any]]:
    """Returns the id, event and data of all messages that wait for a viewer."""
    chunk = await asyncio.wait_for(anext(viewer.messages()), 5)
    found = []
    for text in chunk.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in text.splitlines())
        found.append((fields.get("id", ""), fields["event"], json.loads(fields["data"])))
    return found


async def test_a_viewer_gets_the_picture_and_then_changes() -> None:
    """First `state`, then a `change` with the parts that differ and the new events, and nothing for no change."""
    hub = Hub(5)
    viewer = hub.join("front")
    [(_, kind, data)] = await messages(viewer)
    assert (kind, data["door"], data["dnd"]) == ("state", "front", [])
    hub.put("front", StatusRead(Status(dnd_accounts=("ip",))))
    hub.put("front", StatusRead(Status(dnd_accounts=("ip",))))
    hub.put("front", event(1))
    first, second = await messages(viewer)
    assert first[1:] == ("change", {"changed": {"dnd": ["ip"]}, "events": []})
    assert [each["id"] for each in second[2]["events"]] == ["1"]
    assert set(second[2]["changed"]) == {"services"}


async def test_the_changes_make_the_picture() -> None:
    """Whoever applies the changes to the first picture has the picture that the API answers."""
    hub = Hub(5)
    viewer = hub.join("front")
    for number in range(1, 20):
        hub.put("front", event(number))
    hub.bus_is(True)
    [(_, _, picture), *changes] = await messages(viewer)
    for _, _, change in changes:
        picture |= change["changed"]
        picture["events"] = change["events"] + picture["events"]
    assert picture == hub.live("front").model_dump(mode="json")


async def test_a_viewer_comes_back_to_where_it_was() -> None:
    """With the id of its last message it gets what it missed, once, in order."""
    hub = Hub(5)
    hub.put("front", event(1))
    viewer = hub.join("front")
    [(last, _, _)] = await messages(viewer)
    hub.leave("front", viewer)
    hub.put("front", event(2))
    hub.put("front", event(3))
    again = await messages(hub.join("front", last))
    assert [(kind, data["events"][0]["id"]) for _, kind, data in again] == [("change", "2"), ("change", "3")]


@pytest.mark.parametrize("last", ["", "x", "other-1", "LIFE-", "LIFE-9999", "LIFE-0", "LIFE-²", "LIFE--1"])
async def test_who_was_away_too_long_gets_the_whole_picture(last: str) -> None:
    """An id of another life, of what is forgotten, of the future or of nonsense."""
    hub = Hub(5)
    for number in range(1, module.REMEMBERED + 10):
        hub.put("front", event(number))
    life = (await messages(hub.join("front")))[0][0].split("-")[0]
    [(_, kind, _)] = await messages(hub.join("front", last.replace("LIFE", life)))
    assert kind == "state"


async def test_a_slow_viewer_is_dropped_and_harms_nobody() -> None:
    """Who fetches nothing is given up when its queue is full; others get everything."""
    hub = Hub(5)
    slow, quick = hub.join("front"), hub.join("front")
    got = 0
    for number in range(1, module.QUEUE + 10):
        hub.put("front", event(number))
        got += len(await messages(quick))
    assert got == module.QUEUE + 10
    assert (slow.gone.is_set(), quick.gone.is_set()) == (True, False)
    with pytest.raises(StopAsyncIteration):
        await anext(slow.messages())


async def test_a_quiet_door_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without news a viewer hears a beat, so that a page knows that it is not cut off."""
    monkeypatch.setattr(module, "BEAT_S", 0.05)
    viewer = Hub(5).join("front")
    await messages(viewer)
    assert [kind for _, kind, _ in await messages(viewer)] == ["beat"]


async def test_viewers_are_bounded_and_end_with_the_service() -> None:
    """One more than may be is refused; at the end all views end, and no new one begins."""
    hub = Hub(2)
    viewers = [hub.join("front"), hub.join("back")]
    with pytest.raises(TooManyViewersError):
        hub.join("front")
    hub.leave("back", viewers[1])
    viewers.append(hub.join("front"))
    hub.close()
    for viewer in (viewers[0], viewers[2]):
        with pytest.raises(StopAsyncIteration):
            await anext(viewer.messages())
    with pytest.raises(TooManyViewersError):
        hub.join("front")
