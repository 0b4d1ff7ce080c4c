"""Documents and kept state on a real NATS server, through outages and the loss of the store."""

from __future__ import annotations

import time

from nats.aio.client import Client
from tests.bus.support import Collector, MakeBus

from doorbus.contract.document import to_json
from doorbus.contract.document.load import load_document
from doorbus.contract.services import DocumentChanged
from doorbus.runtime.documents import Document
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import eventually

MINIMAL = """
door: front
io:
  inputs: [{id: button1, kind: push_button, chip: sim, line: 0}]
"""


def document(hold_s: int = 3) -> bytes:
    """Returns a small document as it stands in the store."""
    return to_json(load_document(MINIMAL + f"calls: {{push_to_hang_up: {{enabled: true, hold_s: {hold_s}}}}}\n"))


class Follower:
    """Collects the documents that a service is given."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Document]] = []

    def __call__(self, door: str, given: Document) -> None:
        """Takes one."""
        self.taken.append((door, given))

    @property
    def hold_s(self) -> list[float]:
        """A field that tells the documents apart."""
        return [given.door.calls.push_to_hang_up.hold_s for _, given in self.taken]


async def put(client: Client, value: bytes, key: str = "front") -> int:
    """Writes a document."""
    bucket = await client.jetstream().key_value("DOORBUS_CONFIG")
    return await bucket.put(key, value)


async def test_a_document_there_before_and_its_changes_are_taken(make_bus: MakeBus, client: Client) -> None:
    """A service gets the document that stands in the store, then each change, with revision, and says so."""
    told = Collector()
    web = await make_bus("web")
    await web.read_events(told.on_event)
    first = await put(client, document(3))
    bus = await make_bus("io")
    follower = Follower()
    bus.follow_documents(follower)
    await eventually(lambda: follower.taken, what="the first document")
    second = await put(client, document(7))
    await eventually(lambda: len(follower.taken) == 2, what="the second document")
    assert [("front", first), ("front", second)] == [(door, given.revision) for door, given in follower.taken]
    assert follower.hold_s == [3, 7]
    await eventually(lambda: len(told.of(DocumentChanged)) == 2, what="both are told")


async def test_the_same_document_again_is_not_a_change(make_bus: MakeBus, client: Client) -> None:
    """Writing the same bytes again, or reconnecting, gives nobody a new document."""
    bus = await make_bus("io")
    follower = Follower()
    bus.follow_documents(follower)
    await put(client, document(3))
    await eventually(lambda: follower.taken, what="the first document")
    await put(client, document(3))
    await put(client, document(4))
    await eventually(lambda: 4 in follower.hold_s, what="the other document")
    assert follower.hold_s == [3, 4]


async def test_another_doors_document_is_passed_over(make_bus: MakeBus, client: Client) -> None:
    """A process that serves `front` takes no document of `back`."""
    bus = await make_bus("io")
    follower = Follower()
    bus.follow_documents(follower)
    await put(client, document(3).replace(b'"front"', b'"back"'), "back")
    await put(client, document(4))
    await eventually(lambda: follower.taken, what="the door's own document")
    assert [door for door, _ in follower.taken] == ["front"]


async def test_an_unreadable_document_is_refused_and_the_last_one_stays(make_bus: MakeBus, client: Client) -> None:
    """Rubbish in the store is told as refused, with a reason; the last good document goes on."""
    told = Collector()
    web = await make_bus("web")
    await web.read_events(told.on_event)
    bus = await make_bus("io")
    follower = Follower()
    bus.follow_documents(follower)
    await put(client, document(3))
    await eventually(lambda: follower.taken, what="the good document")
    await put(client, b'{"door": "front", "calls": 7}')
    await eventually(lambda: len(told.of(DocumentChanged)) == 2, what="the refusal is told")
    refusal = told.of(DocumentChanged)[1]
    assert isinstance(refusal, DocumentChanged)
    assert refusal.result == "refused"
    assert "calls" in (refusal.why or "")
    assert follower.hold_s == [3]


async def test_a_change_during_an_outage_is_found_after_it(
    make_bus: MakeBus, server: NatsServer, client: Client
) -> None:
    """A watch that lies dead after an outage does not hide a change: the keys are read again."""
    bus = await make_bus("io")
    follower = Follower()
    bus.follow_documents(follower)
    await put(client, document(3))
    await eventually(lambda: follower.taken, what="the first document")
    server.restart(empty_store=True)
    await eventually(lambda: bus.connected and client.is_connected, what="both are back")
    await eventually(lambda: _try_put(client, document(9)), what="the new store takes a document")
    await eventually(lambda: 9 in follower.hold_s, what="the document of the new store", within_s=20)


async def test_state_is_kept_and_recalled(make_bus: MakeBus) -> None:
    """A service's state comes back to its next life, and its revision grows."""
    bus = await make_bus("policy")
    first = await bus.state.keep("front", b"one")
    second = await bus.state.keep("front", b"two")
    assert first is not None
    assert second is not None
    assert second > first
    again = await make_bus("policy")
    assert await again.state.recall("front") == b"two"
    assert await again.state.recall("back") is None


async def test_a_stalled_store_holds_the_door_up_once_and_shortly(make_bus: MakeBus, server: NatsServer) -> None:
    """With the server stopped a write gives up after 0.2 s, the next ones at once; the last value is written later."""
    bus = await make_bus("policy")
    await bus.state.keep("front", b"before")
    server.stall()
    try:
        started = time.monotonic()
        assert await bus.state.keep("front", b"lost for now") is None
        assert time.monotonic() - started < 1.0
        started = time.monotonic()
        for number in range(100):
            assert await bus.state.keep("front", f"value {number}".encode()) is None
        assert time.monotonic() - started < 5.0, "each of them waited"
    finally:
        server.resume()
    reader = await make_bus("web")
    keeper = type(bus.state)(reader.connection, "policy")
    await eventually(lambda: _recalled(keeper, b"value 99"), what="the last value is written")


async def test_state_is_written_into_an_empty_store(make_bus: MakeBus, server: NatsServer) -> None:
    """After the store was lost the state is there again without anybody changing it."""
    bus = await make_bus("policy")
    await bus.state.keep("front", b"kept")
    server.restart(empty_store=True)
    await eventually(lambda: bus.connected, what="the bus is back")
    await eventually(lambda: _recalled(bus.state, b"kept"), what="the state is in the new store", within_s=20)


async def _recalled(keeper: object, value: bytes) -> bool:
    return await keeper.recall("front") == value  # type: ignore[attr-defined, no-any-return]


async def _try_put(client: Client, value: bytes) -> bool:
    return await put(client, value) > 0
