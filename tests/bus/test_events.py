"""Events on a real NATS server: kept once, told live, and still there after the server was not."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import nats
from nats.aio.client import Client
from tests.bus.support import Collector, MakeBus

from doorbus.contract.envelope import Envelope, parse_headers
from doorbus.contract.lines import InputKind, InputPressed, RelayReset
from doorbus.contract.services import MessageRejected, ServiceStarted
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import eventually

PRESS = InputPressed(input="button1", kind=InputKind.PUSH_BUTTON)
REST = RelayReset(relay="gate", why="hold", on_s=3.0)


async def messages_kept(client: Client) -> int:
    """Counts the messages in the stream."""
    info = await client.jetstream().stream_info("DOORBUS_EVENTS")
    return info.state.messages


async def test_an_event_is_kept_with_its_cloudevents_headers(make_bus: MakeBus, client: Client) -> None:
    """An event told is in the stream with the headers of CloudEvents 1.0 and its JSON body."""
    bus = await make_bus()
    bus.tell("front", PRESS)
    await eventually(lambda: _count_is(client, 2), what="service.started and the press are kept")
    message = await client.jetstream().get_last_msg("DOORBUS_EVENTS", "door.front.event.input.pressed")
    envelope = parse_headers(message.headers)
    assert message.headers is not None
    assert envelope.id == message.headers["Nats-Msg-Id"]
    assert envelope.source == "/door/front/io"
    assert envelope.type == "doorbus.input.pressed.v1"
    assert (envelope.epoch, envelope.sequence, envelope.clock) == (bus.epoch, 2, "bus")
    assert abs(datetime.now(UTC) - envelope.time) < timedelta(seconds=5)
    assert json.loads(message.data or b"") == {"input": "button1", "kind": "push_button", "virtual": False}


async def test_events_reach_live_readers_in_order(make_bus: MakeBus) -> None:
    """A reader gets a source's events in the order in which they were told, without a gap."""
    collector = Collector()
    reader_bus = await make_bus("policy")
    await reader_bus.read_events(collector.on_event, collector.on_gap)
    bus = await make_bus()
    for number in range(200):
        bus.tell("front", RelayReset(relay=f"r{number}", why="hold", on_s=1))
    await eventually(lambda: len(collector.of(RelayReset)) == 200, what="200 events")
    names = [event.relay for event in collector.of(RelayReset) if isinstance(event, RelayReset)]
    assert [f"r{number}" for number in range(200)] == names
    assert collector.gaps == []


async def test_events_told_before_the_bus_is_there_arrive_later(make_bus: MakeBus) -> None:
    """What happens before the server is there is told when it comes, with the time when it happened."""
    async with NatsServer() as server:
        server.stop()
        bus = await make_bus(url=server.url, wait=False)
        bus.tell("front", REST)
        await asyncio.sleep(0)
        server.restart()
        await bus.connection.wait_connected()

        client = await nats.connect(server.url)
        try:
            await eventually(lambda: _count_is(client, 2), what="the events are kept")
        finally:
            await client.close()


async def test_events_told_while_the_bus_is_away_arrive_once(
    make_bus: MakeBus, server: NatsServer, client: Client
) -> None:
    """Events told during an outage are kept once each; a live reader sees each at most once, and hears of a gap."""
    collector = Collector()
    reader_bus = await make_bus("policy")
    await reader_bus.read_events(collector.on_event, collector.on_gap)
    bus = await make_bus()
    bus.tell("front", REST)
    await eventually(lambda: _count_is(client, 2), what="kept before the outage")
    server.kill()
    await eventually(lambda: not bus.connected, what="the outage is noticed")
    for _ in range(50):
        bus.tell("front", REST)
    server.restart()
    await eventually(lambda: _count_is(client, 52), what="all are kept", within_s=20)
    await eventually(lambda: reader_bus.connected, what="the reader is back")
    bus.tell("front", RelayReset(relay="last", why="hold", on_s=1))
    await eventually(lambda: RelayReset(relay="last", why="hold", on_s=1) in collector.of(RelayReset), what="the last")
    ids = [envelope.id for _, _, envelope in collector.events]
    assert len(set(ids)) == len(ids)
    missed = 52 - len(collector.of(RelayReset))  # what was told before the reader was back
    assert [("front", "io")] * (missed > 0) == collector.gaps


async def test_closing_ends_for_sure_while_the_bus_is_away(make_bus: MakeBus, server: NatsServer) -> None:
    """A service whose bus is gone ends all the same: nothing of nats-py goes on after the end of its connection."""
    buses = [await make_bus() for _ in range(10)]
    server.kill()
    await eventually(lambda: not any(bus.connected for bus in buses), what="the outage is noticed")
    for bus in buses:
        async with asyncio.timeout(5):
            await bus.connection.close()
    left = [task for task in asyncio.all_tasks() if "Client." in repr(task.get_coro())]
    assert left == []


async def test_a_stalled_server_loses_and_doubles_nothing(
    make_bus: MakeBus, server: NatsServer, client: Client
) -> None:
    """Events told to a stopped server (SIGSTOP) are sent again, and neither the stream nor a reader doubles them."""
    collector = Collector()
    reader_bus = await make_bus("policy")
    await reader_bus.read_events(collector.on_event, collector.on_gap)
    bus = await make_bus()
    bus.tell("front", REST)
    await eventually(lambda: _count_is(client, 2), what="kept before the stall")
    server.stall()
    try:
        for _ in range(10):
            bus.tell("front", REST)
        await eventually(lambda: bus._outbox._waiting or _attempts(bus) > 1, what="a second transmission")
    finally:
        server.resume()
    await eventually(lambda: _count_is(client, 12), what="all are kept")
    await eventually(lambda: bus._outbox.empty, what="all are acknowledged")
    assert await messages_kept(client) == 12
    assert len(collector.of(RelayReset)) == 11


async def test_a_lost_store_is_made_again(make_bus: MakeBus, server: NatsServer, client: Client) -> None:
    """A server that comes back with an empty store gets its stream and buckets again, and keeps what follows."""
    bus = await make_bus()
    bus.tell("front", REST)
    await eventually(lambda: _count_is(client, 2), what="kept before the loss")
    server.restart(empty_store=True)
    await eventually(lambda: bus.connected, what="the bus is back")
    bus.tell("front", REST)
    await eventually(lambda: _count_is_at_least(client, 1), what="kept in the new store", within_s=20)


async def test_a_gap_in_the_numbers_is_told(make_bus: MakeBus, client: Client) -> None:
    """A reader that misses an event, or meets a source in the middle of its life, hears of the gap first."""
    collector = Collector()
    bus = await make_bus("policy")
    await bus.read_events(collector.on_event, collector.on_gap)
    for number in (1, 2, 4):
        await publish(client, envelope(f"id-{number}", sequence=number))
    await eventually(lambda: len(collector.events) == 3, what="three events")
    assert collector.gaps == [("front", "io")]


async def test_a_repeated_id_is_read_once(make_bus: MakeBus, client: Client) -> None:
    """The same event twice is one event."""
    collector = Collector()
    bus = await make_bus("policy")
    await bus.read_events(collector.on_event, collector.on_gap)
    for _ in range(3):
        await publish(client, envelope("same", sequence=1))
    await publish(client, envelope("other", sequence=2))
    await eventually(lambda: any(e.id == "other" for _, _, e in collector.events), what="the other event")
    assert [e.id for _, _, e in collector.events] == ["same", "other"]


async def test_a_stale_trigger_is_dropped_and_a_stale_fact_is_not(make_bus: MakeBus, client: Client) -> None:
    """A press of 6 s ago is dropped, in bus time or by its own age; an old fact is taken."""
    collector = Collector()
    bus = await make_bus("policy")
    await bus.read_events(collector.on_event, collector.on_gap)
    old = datetime.now(UTC) - timedelta(seconds=6)
    await publish(client, envelope("old-press", sequence=1, time=old), PRESS.to_bytes())
    await publish(client, envelope("aged-press", sequence=2, clock="local", age_ms=6000), PRESS.to_bytes())
    await publish(client, envelope("skewed-press", sequence=3, time=old, clock="local"), PRESS.to_bytes())
    await publish(
        client,
        envelope("old-fact", sequence=4, time=old, kind="doorbus.relay.reset.v1"),
        REST.to_bytes(),
        "door.front.event.relay.reset",
    )
    await eventually(lambda: len(collector.events) == 2, what="the fact and the fresh press")
    assert [e.id for _, _, e in collector.events] == ["skewed-press", "old-fact"]


async def test_what_cannot_be_read_is_reported_and_changes_nothing(make_bus: MakeBus, client: Client) -> None:
    """Rubbish on an event's subject is reported as `message.rejected` with a reason, and the reader goes on."""
    collector, rejected = Collector(), Collector()
    bus = await make_bus("policy")
    await bus.read_events(collector.on_event, collector.on_gap)
    watcher = await make_bus("web")
    await watcher.read_events(rejected.on_event)
    subject = "door.front.event.input.pressed"
    await client.publish(subject, b"{}")
    await client.publish(subject, b"\xff", headers=envelope("a", sequence=1).to_headers())
    await client.publish(subject, b'{"input": 7}', headers=envelope("b", sequence=1).to_headers())
    await client.publish(subject, b" " * 70_000, headers=envelope("c", sequence=1).to_headers())
    wrong_place = envelope("d", sequence=1, kind="doorbus.relay.reset.v1").to_headers()
    await client.publish(subject, REST.to_bytes(), headers=wrong_place)
    await eventually(lambda: len(_told_by(rejected, "policy")) == 5, what="five rejections")
    assert collector.of(InputPressed) == []
    reasons = [event.why for event in _told_by(rejected, "policy")]
    assert reasons[0] == "header ce-specversion is missing"
    assert "input" in reasons[2]
    await publish(client, envelope("good", sequence=1))
    await eventually(lambda: collector.of(InputPressed), what="the good event after the bad ones")


async def test_recent_triggers_are_read_after_a_restart(make_bus: MakeBus, client: Client) -> None:
    """A reader that starts takes the press of the last seconds from the stream, once, and no older one."""
    io = await make_bus("io")
    old = datetime.now(UTC) - timedelta(seconds=30)
    await publish(client, envelope("long-ago", sequence=1, time=old, epoch=9))
    io.tell("front", PRESS)
    io.tell("front", REST)
    await eventually(lambda: io._outbox.empty, what="kept")
    collector = Collector()
    bus = await make_bus("policy")
    reader = await bus.read_events(collector.on_event, collector.on_gap)
    await bus.read_recent_triggers(reader, "front")
    await bus.read_recent_triggers(reader, "front")
    assert [event for _, event, _ in collector.events] == [PRESS]


async def test_started_is_the_first_event_of_a_life(make_bus: MakeBus) -> None:
    """A service's first event for a door says that it started, with number 1."""
    collector = Collector()
    policy = await make_bus("policy")
    await policy.read_events(collector.on_event, collector.on_gap)
    bus = await make_bus()
    bus.tell("front", REST)
    await eventually(lambda: len(collector.events) == 2, what="two events")
    _, first, numbered = collector.events[0]
    assert isinstance(first, ServiceStarted)
    assert numbered.sequence == 1


def envelope(
    event_id: str,
    *,
    sequence: int,
    time: datetime | None = None,
    clock: str = "bus",
    age_ms: int = 0,
    epoch: int = 7,
    kind: str = "doorbus.input.pressed.v1",
) -> Envelope:
    """Makes an envelope of an io process that is not there."""
    return Envelope(
        event_id,
        "/door/front/io",
        kind,
        time or datetime.now(UTC),
        epoch,
        sequence,
        "bus" if clock == "bus" else "local",
        age_ms,
    )


async def publish(
    client: Client, head: Envelope, data: bytes = b"", subject: str = "door.front.event.input.pressed"
) -> None:
    """Publishes as a foreign io process would."""
    await client.publish(subject, data or PRESS.to_bytes(), headers=head.to_headers())


def _told_by(collector: Collector, service: str) -> list[MessageRejected]:
    return [e for _, e, head in collector.events if isinstance(e, MessageRejected) and head.service == service]


def _attempts(bus: object) -> int:
    items = bus._outbox._unacknowledged.values()  # type: ignore[attr-defined]
    return max((item.attempts for item in items), default=0)


async def _count_is(client: Client, count: int) -> bool:
    return await messages_kept(client) == count


async def _count_is_at_least(client: Client, count: int) -> bool:
    return await messages_kept(client) >= count
