"""Commands on a real NATS server: done once, in time, by those who may, or refused with a reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from tests.bus.support import Collector, MakeBus, body

from doorbus.contract.base import Reply, new_id
from doorbus.contract.catalog import IO_ORDERS, WISHES
from doorbus.contract.errors import ErrorCode, LocalError
from doorbus.contract.lines import Cause, IoSnapshot, Pulse, TakeIoSnapshot, UnlockMethod
from doorbus.contract.services import MessageRejected
from doorbus.contract.wishes import WishPress
from doorbus.runtime.endpoints import Received
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import eventually

PULSE = "door.front.cmd.io.pulse"
CAUSE = {"kind": "unlock", "method": "bus"}


class Doer:
    """A handler that counts what it does."""

    def __init__(self) -> None:
        self.done: list[Received] = []
        self.wait: asyncio.Event | None = None

    async def __call__(self, received: Received) -> Reply:
        """Does it."""
        self.done.append(received)
        if self.wait is not None:
            await self.wait.wait()
        return Reply(message=f"done {len(self.done)}")


@pytest.fixture
async def io(make_bus: MakeBus) -> Doer:
    """An io service whose relays only count."""
    bus = await make_bus("io")
    doer = Doer()
    await bus.serve_orders(IO_ORDERS, doer)
    return doer


@pytest.fixture
async def as_policy(server: NatsServer) -> Any:
    """Returns a function that sends a raw request as policy does and gives the answer's JSON."""
    client = await nats.connect(server.url, inbox_prefix="_INBOX.policy")

    async def send(subject: str, data: dict[str, object] | bytes) -> dict[str, Any]:
        payload = data if isinstance(data, bytes) else json.dumps(data).encode()
        answer = await client.request(subject, payload, timeout=2)
        parsed: dict[str, Any] = json.loads(answer.data)
        return parsed

    yield send
    await client.close()


Send = Callable[[str, dict[str, object] | bytes], Awaitable[dict[str, Any]]]


def pulse(**fields: Any) -> dict[str, object]:
    """Returns the body of a good pulse, with some fields replaced."""
    return {**body(relay="gate", cause=CAUSE, epoch=1), **fields}


async def test_a_good_command_is_done(io: Doer, as_policy: Send) -> None:
    """A command with all it needs is done once and answered."""
    assert await as_policy(PULSE, pulse()) == {"ok": True, "message": "done 1"}
    assert [(received.door, received.client) for received in io.done] == [("front", "")]


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        (b"rubbish", "malformed", "JSON"),
        (b"[]", "malformed", "body"),
        (b"", "malformed", "JSON"),
        (b" " * 70_000, "too_large", "65536"),
        (pulse(relay=7), "malformed", "relay"),
        (pulse(relay="no spaces"), "malformed", "relay"),
        (pulse(epoch=-1), "malformed", "epoch"),
        ({key: value for key, value in pulse().items() if key != "expires_at"}, "malformed", "expires_at"),
        ({key: value for key, value in pulse().items() if key != "id"}, "malformed", "id"),
        (pulse(expires_at="2026-01-01T00:00:00"), "malformed", "expires_at"),
        (pulse(expires_at="2026-01-01T00:00:00+00:00"), "expired", "ago"),
        (pulse(expires_at="2099-01-01T00:00:00+00:00"), "expires_too_late", "at most 3"),
    ],
)
async def test_a_bad_command_is_refused_with_a_reason(
    io: Doer, as_policy: Send, data: dict[str, object] | bytes, code: str, says: str
) -> None:
    """What is malformed, oversized, late or early is refused with a stable code and a text naming the field."""
    answer = await as_policy(PULSE, data)
    assert answer["ok"] is False
    assert code == answer["code"]
    assert says in answer["message"]
    assert io.done == []


async def test_an_unknown_verb_is_refused_naming_the_known_ones(io: Doer, as_policy: Send) -> None:
    """A verb that io does not know is refused, naming those it knows."""
    answer = await as_policy("door.front.cmd.io.explode", pulse())
    assert answer["code"] == "unknown_command"
    assert "pulse" in answer["message"]
    assert io.done == []


async def test_a_repeat_gets_the_same_answer_and_does_nothing(io: Doer, as_policy: Send) -> None:
    """The same command three times, one after another, is done once."""
    data = pulse()
    answers = [await as_policy(PULSE, data) for _ in range(3)]
    assert answers == [{"ok": True, "message": "done 1"}] * 3
    assert len(io.done) == 1


async def test_a_repeat_during_the_work_waits_for_the_same_answer(io: Doer, as_policy: Send) -> None:
    """A repeat that comes while the first is still at work gets the first one's answer."""
    io.wait = asyncio.Event()
    data = pulse()
    first = asyncio.create_task(_as_task(as_policy(PULSE, data)))
    await eventually(lambda: len(io.done) == 1, what="the first is at work")
    second = asyncio.create_task(_as_task(as_policy(PULSE, data)))
    third = await as_policy("door.front.cmd.io.explode", data)
    assert third["code"] == "unknown_command"
    io.wait.set()
    assert await first == await second
    assert len(io.done) == 1


async def test_a_slow_door_holds_up_no_other(make_bus: MakeBus, as_policy: Send) -> None:
    """With one door's handler stuck, another door of the same process is served."""
    bus = await make_bus("io", doors="*")
    doer = Doer()
    stuck = asyncio.Event()

    async def handler(received: Received) -> Reply:
        if received.door == "slow":
            await stuck.wait()
        return await doer(received)

    await bus.serve_orders(IO_ORDERS, handler)
    slow = asyncio.create_task(_as_task(as_policy("door.slow.cmd.io.pulse", pulse())))
    assert (await as_policy("door.quick.cmd.io.pulse", pulse()))["ok"] is True
    assert [received.door for received in doer.done] == ["quick"]
    stuck.set()
    assert (await slow)["ok"] is True


async def test_a_command_from_an_earlier_life_of_policy_is_refused(io: Doer, as_policy: Send) -> None:
    """After an order of epoch 5 one of epoch 4 is refused, and a snapshot may still be asked for."""
    assert (await as_policy(PULSE, pulse(epoch=5)))["ok"] is True
    assert (await as_policy(PULSE, pulse(epoch=4)))["code"] == "old_epoch"
    assert (await as_policy("door.front.cmd.io.snapshot", body(epoch=0)))["ok"] is True
    assert (await as_policy(PULSE, pulse(epoch=5)))["ok"] is True
    assert len(io.done) == 3


async def test_a_command_issued_before_the_start_is_refused(make_bus: MakeBus, as_policy: Send) -> None:
    """A process refuses what was issued before it started: it cannot know whether that was done already."""
    bus = await make_bus("io")
    doer = Doer()
    await bus.serve_orders(IO_ORDERS, doer)
    now = datetime.now(UTC)
    issued = now - timedelta(seconds=2.5)
    bus.clock.started = bus.clock.monotonic() - 1
    data = pulse(issued_at=issued.isoformat(), expires_at=(now + timedelta(seconds=0.5)).isoformat())
    assert (await as_policy(PULSE, data))["code"] == "issued_before_start"
    assert doer.done == []


async def test_without_bus_time_nothing_moves_a_relay(make_bus: MakeBus, as_policy: Send) -> None:
    """While bus time is unknown a pulse is refused, and a snapshot is not."""
    bus = await make_bus("io")
    doer = Doer()
    await bus.serve_orders(IO_ORDERS, doer)
    bus.clock.take = lambda *_: None  # type: ignore[method-assign]  # no further measurement
    bus.clock._offset = None
    assert (await as_policy(PULSE, pulse()))["code"] == "clock_unknown"
    assert (await as_policy("door.front.cmd.io.snapshot", body(epoch=0)))["ok"] is True


async def test_expiry_is_judged_in_bus_time(make_bus: MakeBus, as_policy: Send) -> None:
    """A host whose wall clock is 30 s off judges expiry as the bus does."""
    bus = await make_bus("io")
    doer = Doer()
    await bus.serve_orders(IO_ORDERS, doer)
    bus.clock._wall = lambda: 0.0
    assert (await as_policy(PULSE, pulse()))["ok"] is True
    wrong = datetime.now(UTC) - timedelta(seconds=30)
    assert (await as_policy(PULSE, {**pulse(), **body(wrong)}))["code"] == "expired"


@pytest.mark.parametrize("reply", ["door.front.cmd.io.pulse", "_INBOX.web.x", "_INBOX.policyx.y", ""])
async def test_a_forged_reply_subject_is_refused(
    io: Doer, make_bus: MakeBus, client: Client, as_policy: Send, reply: str
) -> None:
    """Io answers below `_INBOX.policy.` only; an order that wants its answer elsewhere is not done, but reported."""
    rejected = Collector()
    watcher = await make_bus("web")
    await watcher.read_events(rejected.on_event)
    await client.publish(PULSE, json.dumps(pulse()).encode(), reply=reply)
    await eventually(lambda: rejected.of(MessageRejected), what="the rejection is told")
    event = rejected.of(MessageRejected)[0]
    assert isinstance(event, MessageRejected)
    assert (event.subject, event.code) == (PULSE, ErrorCode.BAD_REPLY_SUBJECT)
    assert io.done == []


async def test_a_wish_tells_its_client_and_relay(make_bus: MakeBus, client: Client) -> None:
    """Client and relay come from the subject, where the NATS server checks them."""
    bus = await make_bus("policy")
    doer = Doer()
    await bus.serve_wishes(WISHES, doer)
    await client.request("door.front.cmd.policy.unlock.gate.porter", json.dumps(body()).encode())
    await client.request("door.front.cmd.policy.press.kiosk", json.dumps(body(input="button1")).encode())
    assert [(r.relay, r.client) for r in doer.done] == [("gate", "porter"), (None, "kiosk")]


async def test_typed_orders_and_their_replies(make_bus: MakeBus) -> None:
    """`bus.order` sends a typed order with bus time in it and returns the typed reply, refused or not."""
    io = await make_bus("io")

    async def handler(received: Received) -> Reply:
        if isinstance(received.message, TakeIoSnapshot):
            return IoSnapshot(sequence=12)
        return Reply(ok=False, code=ErrorCode.UNKNOWN_RELAY, message="relay: no 'gate' here")

    await io.serve_orders(IO_ORDERS, handler)
    policy = await make_bus("policy")
    snapshot = await policy.order("front", TakeIoSnapshot(**policy.stamps(), epoch=1), IoSnapshot)
    assert snapshot.sequence == 12
    order = Pulse(**policy.stamps(), epoch=1, relay="gate", cause=Cause(kind="unlock", method=UnlockMethod.DTMF))
    refused = await policy.order("front", order, Reply)
    assert (refused.ok, refused.code) == (False, ErrorCode.UNKNOWN_RELAY)


async def test_nobody_there_and_no_answer_are_told_apart(make_bus: MakeBus, server: NatsServer) -> None:
    """Without a receiver, without an answer and without a bus the sender gets three different errors."""
    web = await make_bus("web")
    wish = WishPress(**web.stamps(), input="button1")
    assert await _code(web.wish("front", wish, "kiosk")) == ErrorCode.NOT_READY
    server.stall()
    try:
        assert await _code(web.wish("front", wish, "kiosk", timeout_s=0.3)) == ErrorCode.TIMEOUT
    finally:
        server.resume()
    server.kill()
    await eventually(lambda: not web.connected, what="the outage is noticed")
    assert await _code(web.wish("front", wish, "kiosk")) == ErrorCode.NOT_CONNECTED


async def test_an_unlock_sent_into_a_stall_never_happens_later(io: Doer, make_bus: MakeBus, server: NatsServer) -> None:
    """A pulse sent while the server is stopped is delivered when it goes on, and refused as expired."""
    policy = await make_bus("policy")
    server.stall()
    order = Pulse(**policy.stamps(0.5), epoch=1, relay="gate", cause=Cause(kind="unlock"))
    try:
        assert await _code(policy.order("front", order, Reply, timeout_s=0.7)) == ErrorCode.TIMEOUT
    finally:
        server.resume()
    rejected = Collector()
    reader = await make_bus("web")
    await reader.read_events(rejected.on_event)
    again = Pulse(**policy.stamps(), epoch=1, relay="gate", cause=Cause(kind="unlock"))
    assert (await policy.order("front", again, Reply)).ok
    assert [again.id] == [received.message.id for received in io.done]


async def test_ids_are_kept_apart_by_subject(io: Doer, as_policy: Send) -> None:
    """One id on two subjects is two commands: no client can use up another's ids."""
    same = new_id()
    await as_policy(PULSE, pulse(id=same))
    await as_policy("door.front.cmd.io.reset", {**body(relay="gate", epoch=1), "id": same})
    assert len(io.done) == 2


async def _code(request: Awaitable[Reply]) -> ErrorCode:
    with pytest.raises(LocalError) as caught:
        await request
    return caught.value.code


async def _as_task(request: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return await request
