"""The permissions of the bus on a real server: what each user cannot do, and that the services work under them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from pydantic import SecretStr

from doorbus.contract import subjects
from doorbus.contract.base import Reply
from doorbus.contract.calls import AskIncomingCall, HangUp, IncomingDecision
from doorbus.contract.catalog import EVENTS
from doorbus.contract.document.codec import to_json
from doorbus.contract.document.door import Door
from doorbus.contract.envelope import Envelope
from doorbus.contract.leases import Lease
from doorbus.contract.lines import Cause, InputKind, InputPressed, Pulse
from doorbus.contract.nats_config import example_config, render
from doorbus.contract.permissions import (
    EVENT_TELLERS,
    SERVICES,
    SUPERVISOR,
    Role,
    client_user,
    service_user,
    supervisor_user,
)
from doorbus.contract.services import MessageRejected
from doorbus.contract.wishes import WishUnlock
from doorbus.runtime.bus import Bus
from doorbus.runtime.documents import Document
from doorbus.runtime.endpoints import Received
from doorbus.runtime.settings import ServiceSettings
from doorbus.runtime.stores import ensure_stores
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import eventually

ROOT = Path(__file__).parents[2]
USERS = [
    *(service_user(name) for name in SERVICES),
    supervisor_user(),
    client_user("operator", Role.OPERATOR),
    client_user("viewer", Role.VIEWER),
    client_user("concierge", Role.INTEGRATION, relays=("gate",)),
    client_user("neighbour", Role.OPERATOR, on_doors=("back",)),
]
PULSE = "door.front.cmd.io.pulse"
DENIED_TO_ALL = "denied.to.all"


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    """A server with every user; the password is the name."""
    with NatsServer(config_text=render(USERS, {user.name: user.name for user in USERS})) as running:
        yield running


class Place:
    """A connection as one user, with the violations that the server told it of."""

    def __init__(self, user: str, client: Client, violations: list[str]) -> None:
        self.user = user
        self.client = client
        self.violations = violations

    async def denied(self, subject: str) -> bool:
        """Whether the server denied what was done last with `subject`, asked after something that it does deny."""
        await self.client.publish(DENIED_TO_ALL, b"")
        await eventually(lambda: self._told_of(DENIED_TO_ALL), what="the server's word on what came before")
        return self._told_of(subject)

    def _told_of(self, subject: str) -> bool:
        return any(f'"{subject}"'.lower() in text.lower() for text in self.violations)


@pytest.fixture
async def connect(server: NatsServer) -> AsyncIterator[Callable[[str], Awaitable[Place]]]:
    """Connects as a user."""
    clients: list[Client] = []

    async def make(user: str) -> Place:
        violations: list[str] = []

        async def on_error(error: Exception) -> None:
            violations.append(str(error))

        client = await nats.connect(
            server.url, user=user, password=user, inbox_prefix=f"_INBOX.{user}", error_cb=on_error
        )
        clients.append(client)
        return Place(user, client, violations)

    yield make
    for client in clients:
        await client.close()


MakeBus = Callable[[str], Awaitable[Bus]]


@pytest.fixture
async def make_bus(server: NatsServer) -> AsyncIterator[MakeBus]:
    """Makes the places of services on the bus, with their users."""
    tasks: list[asyncio.Task[Any]] = []
    buses: list[Bus] = []

    def spawn(work: Coroutine[Any, Any, Any], what: str) -> asyncio.Task[Any]:
        tasks.append(asyncio.create_task(work, name=what))
        return tasks[-1]

    async def make(service: str) -> Bus:
        settings = ServiceSettings(
            doors=("front",), nats_url=server.url, nats_user=service, nats_password=SecretStr(service)
        )
        bus = Bus(service, "0.1.0", settings, spawn)
        buses.append(bus)
        await bus.start()
        await bus.connection.wait_connected()

        async def measured() -> bool:
            await bus.connection.measure()
            return bus.clock.known

        if service != SUPERVISOR:
            await eventually(measured, what="bus time is known")
        return bus

    supervisor = await make(SUPERVISOR)
    await ensure_stores(supervisor.connection)
    yield make
    for bus in buses:
        await bus.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_every_event_has_somebody_who_tells_it() -> None:
    """No event of the catalogue is missing in the table, and nothing else stands there."""
    assert set(EVENTS) == set(EVENT_TELLERS)


def test_the_committed_example_agrees() -> None:
    """`deploy/nats/nats.conf` is what the permissions say."""
    assert (ROOT / "deploy/nats/nats.conf").read_text() == example_config()


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("viewer", "door.front.cmd.policy.unlock.gate.viewer"),
        ("viewer", "door.front.cmd.policy.call.viewer"),
        ("viewer", "$KV.DOORBUS_CONFIG.front"),
        ("concierge", "door.front.cmd.policy.unlock.lamp.concierge"),
        ("concierge", "door.front.cmd.policy.unlock.gate.operator"),
        ("concierge", "door.front.cmd.policy.unlock.concierge"),
        ("concierge", "$KV.DOORBUS_CONFIG.front"),
        ("neighbour", "door.front.cmd.policy.unlock.gate.neighbour"),
        ("neighbour", "$KV.DOORBUS_CONFIG.front"),
        ("operator", "door.front.cmd.policy.call.concierge"),
        ("operator", "door.front.event.door.unlocked"),
        ("operator", "$KV.DOORBUS_STATE.front.policy"),
        ("operator", "$JS.API.STREAM.DELETE.DOORBUS_EVENTS"),
        ("policy", "$JS.API.STREAM.DELETE.DOORBUS_EVENTS"),
        ("policy", "$JS.API.STREAM.UPDATE.DOORBUS_EVENTS"),
        ("policy", "door.front.event.door.unlocked"),
        ("policy", "$KV.DOORBUS_STATE.front.io"),
        ("policy", "$KV.DOORBUS_CONFIG.front"),
        ("sip", "door.front.event.input.pressed"),
        ("sip", "door.front.event.door.unlocked"),
        ("sip", "$KV.DOORBUS_STATE.front.policy"),
        ("sip", "door.front.cmd.policy.unlock.gate.operator"),
        ("sip", "door.front.cmd.policy.unlock.gate.sip"),
        ("io", "door.front.event.door.unlock_denied"),
        ("io", "door.front.lease.call"),
        ("io", "door.front.ask.policy.dtmf"),
        ("multicast", "door.front.lease.call"),
        ("web", "door.front.cmd.policy.unlock.gate.operator"),
        (SUPERVISOR, "door.front.cmd.policy.unlock.gate.supervisor"),
        *((user.name, PULSE) for user in USERS if user.name != "policy"),
        *((user.name, "door.front.cmd.sip.dial") for user in USERS if user.name != "policy"),
    ],
)
async def test_publishing_is_denied(connect: Callable[[str], Awaitable[Place]], user: str, subject: str) -> None:
    """The server turns the message away and tells its sender so."""
    place = await connect(user)
    await place.client.publish(subject, b"{}")
    assert await place.denied(subject)


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("operator", "door.front.cmd.policy.unlock.gate.operator"),
        ("operator", "door.back.cmd.policy.press.operator"),
        ("viewer", "door.front.cmd.policy.status.viewer"),
        ("concierge", "door.front.cmd.policy.unlock.gate.concierge"),
        ("neighbour", "door.back.cmd.policy.unlock.gate.neighbour"),
        ("policy", PULSE),
        ("io", "door.front.event.door.unlocked"),
        ("policy", "door.front.event.door.unlock_denied"),
        ("web", "door.front.cmd.policy.unlock.gate.web"),
        ("multicast", "door.front.event.page.started"),
        ("actions", "door.front.event.action.done"),
        ("scheduler", "door.front.event.schedule.activated"),
        ("camera", "door.front.event.service.started"),
    ],
)
async def test_publishing_is_allowed(connect: Callable[[str], Awaitable[Place]], user: str, subject: str) -> None:
    """What a user is for, the server lets pass."""
    place = await connect(user)
    await place.client.publish(subject, b"{}")
    assert not await place.denied(subject)


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("viewer", "_INBOX.policy.>"),
        ("operator", "_INBOX.>"),
        ("sip", "_INBOX.policy.*"),
        ("viewer", "door.front.cmd.>"),
        ("operator", "door.front.cmd.policy.>"),
        ("sip", "door.front.cmd.io.*"),
        ("io", "door.*.cmd.policy.>"),
        ("web", "door.front.ask.policy.*"),
        ("viewer", ">"),
        ("neighbour", "door.front.event.>"),
    ],
)
async def test_listening_is_denied(connect: Callable[[str], Awaitable[Place]], user: str, subject: str) -> None:
    """Nobody hears others' replies, commands or questions."""
    place = await connect(user)
    await place.client.subscribe(subject)
    assert await place.denied(subject)


async def test_services_work_fully_under_their_permissions(make_bus: MakeBus, server: NatsServer) -> None:
    """sip, io and policy order, ask, tell, keep state, hold leases, follow documents; the server objects to nothing."""
    log_before = len(server.log_text())
    policy, sip, io = [await make_bus(name) for name in ("policy", "sip", "io")]
    heard: list[str] = []
    documents: list[int] = []
    leases: list[str] = []

    async def accept(_: Received) -> Reply:
        return Reply()

    async def decide(_: Received) -> Reply:
        return IncomingDecision(decision="ring")

    def on_event(door: str, event: object, envelope: Envelope) -> None:
        heard.append(envelope.type)

    await sip.serve_orders([HangUp], accept)
    await io.serve_orders([Pulse], accept)
    await policy.serve_wishes([WishUnlock], accept)
    await policy.serve_questions([AskIncomingCall], decide)
    reader = await policy.read_events(on_event)
    await policy.keep_leases(lambda _, lease: leases.append(lease.kind), lambda *_: None)
    for bus in (policy, sip, io):
        bus.follow_documents(lambda _, document: _note(documents, document))
    supervisor = await make_bus(SUPERVISOR)
    bucket = await supervisor.connection.client.jetstream().key_value(subjects.KV_CONFIG)
    await bucket.put("front", to_json(Door(door="front")))

    stamps = policy.stamps()
    assert (await policy.order("front", HangUp(call="c1", epoch=1, **stamps), Reply)).ok
    pulse = Pulse(relay="gate", cause=Cause(kind="unlock"), epoch=1, **stamps)
    assert (await policy.order("front", pulse, Reply)).ok
    question = sip.stamps(0.5)
    ask = AskIncomingCall(id=question["id"], expires_at=question["expires_at"], call="c2", account="pbx")
    assert (await sip.ask("front", ask, IncomingDecision)).ok
    operator = await make_bus("operator")
    unlock = WishUnlock(**operator.stamps())
    assert (await operator.wish("front", unlock, "operator", relay="gate")).ok

    io.tell("front", InputPressed(input="button1", kind=InputKind.PUSH_BUTTON))
    sip.tell_lease("front", lambda: Lease(kind="call", service="sip"))
    await eventually(lambda: InputPressed.type_name() in heard, what="policy hears the press")
    await eventually(lambda: "call" in leases, what="policy hears the lease")
    await eventually(lambda: len(documents) == 3, what="all three have the document")
    await eventually(lambda: all(bus._outbox.empty for bus in (policy, sip, io)), what="all events are kept")
    for bus in (policy, sip, io):
        assert await bus.state.keep("front", b"{}") is not None
        assert await bus.state.recall("front") == b"{}"
    before = len(heard)
    reader._seen.clear()
    await policy.read_recent_triggers(reader, "front")
    assert len(heard) > before
    assert "Violation" not in server.log_text()[log_before:]


def _note(documents: list[int], document: Document) -> None:
    documents.append(document.revision)


async def test_policy_makes_the_stores_anew_under_its_permissions(server: NatsServer, make_bus: MakeBus) -> None:
    """A server that comes back with an empty store gets its stream and buckets from policy alone."""
    policy = await make_bus("policy")
    server.restart(empty_store=True)

    async def stores_are_back() -> bool:
        buckets = (subjects.KV_STATE, subjects.KV_CONFIG, subjects.KV_DIRECTORIES)
        names = {subjects.STREAM_EVENTS, *(f"KV_{bucket}" for bucket in buckets)}
        js = policy.connection.client.jetstream(timeout=1.0)
        return names == {(await js.stream_info(name)).config.name for name in names}

    await eventually(stores_are_back, within_s=20, what="the stores are there again")


async def test_a_forged_reply_moves_nothing(
    connect: Callable[[str], Awaitable[Place]], make_bus: MakeBus, server: NatsServer
) -> None:
    """An order hidden in a document and delivered to io by the server itself is refused for its reply subject."""
    io = await make_bus("io")
    policy = await make_bus("policy")
    done: list[Received] = []
    rejected: list[MessageRejected] = []

    async def pulse(received: Received) -> Reply:
        done.append(received)
        return Reply()

    def on_event(door: str, event: object, envelope: Envelope) -> None:
        if isinstance(event, MessageRejected):
            rejected.append(event)

    await io.serve_orders([Pulse], pulse)
    await policy.read_events(on_event)
    order = Pulse(relay="gate", cause=Cause(kind="unlock"), epoch=9, **policy.stamps())
    attacker = await connect("operator")
    js = attacker.client.jetstream()
    await js.publish("$KV.DOORBUS_CONFIG.evil", order.to_bytes())
    for policy_of_acks in ("explicit", "none"):
        config = {
            "deliver_subject": PULSE,
            "filter_subject": "$KV.DOORBUS_CONFIG.evil",
            "deliver_policy": "last",
            "ack_policy": policy_of_acks,
        }
        request = {"stream_name": "KV_DOORBUS_CONFIG", "config": config}
        answer = await attacker.client.request(
            "$JS.API.CONSUMER.CREATE.KV_DOORBUS_CONFIG", json.dumps(request).encode()
        )
        assert "error" not in json.loads(answer.data)
    await attacker.client.publish(
        "$JS.API.STREAM.MSG.GET.KV_DOORBUS_CONFIG",
        json.dumps({"last_by_subj": "$KV.DOORBUS_CONFIG.evil"}).encode(),
        reply=PULSE,
    )
    teller = await connect("sip")
    await teller.client.publish("door.front.event.call.ringing", order.to_bytes(), reply=PULSE)  # the stream answers
    await eventually(lambda: len(rejected) == 2, what="io tells that it refused what came on the order's subject")
    assert {(PULSE, "bad_reply_subject")} == {(event.subject, event.code) for event in rejected}
    good = Pulse(relay="gate", cause=Cause(kind="unlock"), epoch=9, **policy.stamps())
    assert (await policy.order("front", good, Reply)).ok
    assert [good] == [received.message for received in done]  # one subscription: all the others came before
