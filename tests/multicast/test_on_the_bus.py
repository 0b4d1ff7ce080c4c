"""The door's shell on a real bus: what it tells, its lease, and what it hears of calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.multicast.hearing import GROUP, SENDER, two_hosts

from doorbus.contract.base import Event
from doorbus.contract.document.load import load_document
from doorbus.contract.leases import Lease
from doorbus.contract.pages import PageEnded, PageStarted, PageSuppressed
from doorbus.contract.services import ServiceDegraded
from doorbus.runtime.bus import Bus
from doorbus.runtime.documents import Document
from doorbus.runtime.settings import OneDoorSettings
from doorbus.runtime.stores import ensure_stores
from doorbus.runtime.tasks import end_tasks
from doorbus_multicast.shell import DoorShell
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.netns import Host
from doorbus_testkit.page_sender import PageSender
from doorbus_testkit.polling import eventually

pytestmark = pytest.mark.netns

DOCUMENT = """door: front
multicast:
  interface: eth0
  barge: 1
  listeners:
    - {label: fire, address: "239.1.1.1:5004"}
    - {label: news, address: "239.1.1.1:5006"}
"""


@dataclass
class Scene:
    """A door's shell, what policy heard of it, and sip's lease."""

    there: Host
    shell: DoorShell
    work: asyncio.Task[Any]
    events: list[Event] = field(default_factory=list)
    leases: list[Lease] = field(default_factory=list)
    call: str | None = None
    sip_tells: bool = True

    def told(self, kind: type[Event]) -> list[Any]:
        """Returns the events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    async def end(self) -> None:
        """Ends the shell in order."""
        await end_tasks((self.work,))
        await self.shell.end()


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """Runs it all in a namespace, with another host that sends."""
    tasks: list[asyncio.Task[Any]] = []

    def spawn(work: Coroutine[Any, Any, Any], what: str) -> asyncio.Task[Any]:
        tasks.append(asyncio.create_task(work, name=what))
        return tasks[-1]

    with two_hosts() as (_, there):
        async with NatsServer() as server:
            settings = OneDoorSettings(doors=("front",), nats_url=server.url)
            buses = {name: Bus(name, "0.1.0", settings, spawn) for name in ("policy", "sip", "multicast")}
            for bus in buses.values():
                await bus.start()
                await bus.connection.wait_connected()
            await ensure_stores(buses["policy"].connection)
            shell = DoorShell("front", buses["multicast"])
            running = Scene(there, shell, spawn(shell.run(), "door"))
            await buses["policy"].read_events(lambda _door, event, _envelope: running.events.append(event))
            await buses["policy"].keep_leases(
                lambda _door, lease: running.leases.append(lease) if lease.kind == "page" else None, lambda *_: None
            )
            await buses["multicast"].read_events(shell.on_event)
            await buses["multicast"].keep_leases(shell.on_lease, shell.on_lease_lost, "call")
            spawn(_tell_calls(running, buses["sip"]), "calls")
            shell.take_document(Document(load_document(DOCUMENT), 1))
            try:
                yield running
            finally:
                await running.end()
                for bus in buses.values():
                    await bus.close()
                await end_tasks(tasks)


async def _tell_calls(running: Scene, sip: Bus) -> None:
    """Is sip's lease, as long as sip tells it."""
    while True:
        if running.sip_tells:
            lease = Lease(kind="call", service="sip", subject_id=running.call, epoch=sip.epoch)
            await sip.connection.client.publish("door.front.lease.call", lease.to_bytes())
        await asyncio.sleep(0.1)


async def test_a_page_is_told_and_leased() -> None:
    """Both at once; the lease names the page and says that it outranks calls, and names none after its end."""
    async with scene() as door:
        with PageSender(GROUP, 5004, host=door.there) as page:
            await eventually(lambda: door.told(PageStarted), what="the page is told")
            (started,) = door.told(PageStarted)
            assert (started.listener, started.place, started.ssrc) == ("fire", 1, page.ssrc)
            assert started.outranks_calls
            assert started.source == f"{SENDER}{page.source}"
            await eventually(lambda: door.leases[-1].subject_id == started.page, what="the lease names it")
            assert door.leases[-1].outranks_calls
            leased = len(door.leases)
            await eventually(lambda: len(door.leases) >= leased + 2, what="it is told each second")
        await eventually(lambda: door.told(PageEnded), what="the end is told")
        (ended,) = door.told(PageEnded)
        assert (ended.page, ended.reason) == (started.page, "silence")
        await eventually(lambda: door.leases[-1].subject_id is None, what="the lease names none")


async def test_a_calls_lease_silences_lower_pages_and_its_loss_frees_them() -> None:
    """A page that calls outrank ends when a lease names one, and plays again 3 s after a dead sip's last word."""
    async with scene() as door:
        with PageSender(GROUP, 5006, host=door.there):
            await eventually(lambda: door.told(PageStarted), what="the page plays")
            door.call = "c1"
            await eventually(lambda: door.told(PageEnded), what="the page ends")
            assert [event.reason for event in door.told(PageEnded)] == ["call"]
            with PageSender(GROUP, 5004, host=door.there):
                await eventually(lambda: len(door.told(PageStarted)) == 2, what="a higher page plays all the same")
                assert door.told(PageStarted)[-1].listener == "fire"
            await eventually(lambda: len(door.told(PageEnded)) == 2, what="it is over")
            assert len(door.told(PageStarted)) == 2
            door.sip_tells = False
            await eventually(lambda: len(door.told(PageStarted)) == 3, what="the lower page plays again")
            assert door.told(PageStarted)[-1].listener == "news"
        assert [event.because for event in door.told(PageSuppressed)] == []


async def test_an_outage_of_the_loudspeaker_is_told_once_and_its_end(tmp_path: Path) -> None:
    """Each page opens it anew; another document's loudspeaker begins without a word of the old one."""
    folder = tmp_path / "recordings"
    text = f"audio: {{backend: file, record: {folder}/door.wav}}\n"

    async def plays(door: Scene) -> None:
        began, ended = len(door.told(PageStarted)), len(door.told(PageEnded))
        with PageSender(GROUP, 5004, host=door.there, seconds=0.5):
            await eventually(lambda: len(door.told(PageStarted)) > began, what="the page plays")
        await eventually(lambda: len(door.told(PageEnded)) > ended, what="the page is over")

    def said(door: Scene) -> list[bool]:
        return [event.recovered for event in door.told(ServiceDegraded) if event.part == "audio"]

    async with scene() as door:
        door.shell.take_document(Document(load_document(DOCUMENT + text), 2))
        await plays(door)
        await plays(door)
        await eventually(lambda: said(door) == [False], what="the outage is told")
        assert str(folder) in door.told(ServiceDegraded)[-1].why
        folder.mkdir()
        await plays(door)
        await eventually(lambda: said(door) == [False, True], what="the end is told")
        folder.rename(tmp_path / "moved")
        await plays(door)
        await eventually(lambda: said(door) == [False, True, False], what="the next outage is told")
        door.shell.take_document(Document(load_document(DOCUMENT), 3))
        await eventually(lambda: said(door) == [False, True, False, True], what="nobody asks for it any more")


async def test_an_orderly_end_is_told() -> None:
    """The page ends by it."""
    async with scene() as door:
        with PageSender(GROUP, 5004, host=door.there):
            await eventually(lambda: door.told(PageStarted), what="the page plays")
            await door.end()
            await eventually(lambda: door.told(PageEnded), what="the end is told")
            assert [event.reason for event in door.told(PageEnded)] == ["shutdown"]
