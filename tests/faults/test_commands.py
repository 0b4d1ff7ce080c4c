"""Commands and events that come twice, too late, from an earlier life, or with a reply subject that leads elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from tests.faults.house import GATE, House, for_a_while

from doorbus_testkit.behaviour import Ring

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUSE = {"gate_s": 0.5}
PULSE = "door.front.cmd.io.pulse"


async def test_wish_twice_opens_once(house: House) -> None:
    """The same unlock sent twice gets the same answer and energises the relay once."""
    body = house.body()
    subject = "door.front.cmd.policy.unlock.gate.operator"
    began, opened = time.monotonic(), house.opened()
    answers = [await house.send(house.stack.client, subject, body) for _ in range(2)]
    assert answers[0] == answers[1]
    await house.chip.wait_level(GATE, 1, 2.0)
    await house.chip.wait_level(GATE, 0, 5.0)
    answers.append(await house.send(house.stack.client, subject, body))
    await for_a_while(0.7, lambda: house.opened() == opened + 1, "it opened twice")
    assert answers[0] == answers[2]
    assert len(house.stack.told("relay.energised", began)) == 1


async def test_order_twice_moves_once(house: House) -> None:
    """The same order of policy sent twice moves the line once; this also shows that the orders below could move it."""
    opened, began = house.opened(), time.monotonic()
    client = await house.connect("policy")
    body = await _pulse(house)
    assert (await house.send(client, PULSE, body))["ok"] is True
    await house.chip.wait_level(GATE, 1, 2.0)
    await house.chip.wait_level(GATE, 0, 5.0)
    assert (await house.send(client, PULSE, body))["ok"] is True
    await client.close()
    await for_a_while(0.7, lambda: house.opened() == opened + 1, "it moved twice")
    assert len(house.stack.told("relay.energised", began)) == 1


async def test_event_twice_rings_once(house: House) -> None:
    """A press that is delivered again, with the id it had, rings nobody again, not even after the call."""
    async with house.phone(Ring()) as phone:
        began = time.monotonic()
        await house.press()
        call = await phone.wait_call()
        told = await house.stack.event("input.pressed", since=began)
        client = await house.connect("io")
        subject, data = "door.front.event.input.pressed", json.dumps(told.data).encode()
        await client.publish(subject, data, headers=told.headers)
        await house.stack.wish("hangup")
        await call.wait("ended", 5.0)
        await client.publish(subject, data, headers=told.headers)
        await client.flush()
        await for_a_while(1.5, lambda: len(phone.calls) == 1, "it rang twice")
        fresh = {**told.headers, "ce-id": str(uuid.uuid4()), "ce-sequence": str(int(told.headers["ce-sequence"]) + 1)}
        fresh["Nats-Msg-Id"] = fresh["ce-id"]
        await client.publish(subject, data, headers=fresh)
        await phone.wait_call(2, 3.0)  # with another id it is another press: the repeat was no accident of ours
        await client.close()


@pytest.mark.parametrize("lifetime_s", [-0.5, -30.0, 3600.0])
async def test_command_out_of_its_time_moves_nothing(house: House, lifetime_s: float) -> None:
    """A wish and an order that have expired, or that claim to live for an hour, are refused and move nothing."""
    opened, began = house.opened(), time.monotonic()
    client = await house.connect("policy")
    code = "expired" if lifetime_s < 0 else "expires_too_late"
    order = await house.send(client, PULSE, await _pulse(house, lifetime_s))
    assert (False, code) == (order["ok"], order["code"])
    await client.close()
    subject = "door.front.cmd.policy.unlock.gate.operator"
    wish = await house.send(house.stack.client, subject, house.body(lifetime_s))
    assert (False, code) == (wish["ok"], wish["code"])
    rejected = await house.stack.event("message.rejected", since=began, code=code)
    assert rejected.data["why"]
    await for_a_while(0.7, lambda: house.opened() == opened, "it moved")


async def test_order_of_an_earlier_life_moves_nothing(house: House) -> None:
    """After policy was started anew and has spoken, io and sip refuse an order with the epoch of its earlier life."""
    await house.unlock()
    old = (await house.stack.state("io"))["policy_epoch"]
    await house.kill("policy")
    await house.bus_is_back()
    await house.unlock()
    opened = house.opened()
    client = await house.connect("policy")
    refused = await house.send(client, PULSE, await _pulse(house, epoch=old))
    assert (refused["ok"], refused["code"]) == (False, "old_epoch")
    async with house.phone() as phone:
        await house.talk(phone)
        call = (await house.stack.event("call.answered")).data["call"]
        hang_up = await house.send(client, "door.front.cmd.sip.hangup", house.body(epoch=old, call=call))
        assert (hang_up["ok"], hang_up["code"]) == (False, "old_epoch")
        assert phone.calls[0].state == "answered"
    await client.close()
    await for_a_while(0.7, lambda: house.opened() == opened, "it moved")


async def test_forged_delivery_moves_nothing(house: House) -> None:
    """A command that lies in a store and is delivered from there to the subject of an order moves nothing.

    Once as the reply of a read, once by a consumer; the server may deny it, or io refuses it.
    """
    opened, began = house.opened(), time.monotonic()
    client = house.stack.client
    document = await _raw_document(client)
    js = client.jetstream()
    pulse = json.dumps(await _pulse(house)).encode()
    try:
        await js.publish("$KV.DOORBUS_CONFIG.front", pulse)
        reads: tuple[tuple[str, dict[str, str]], ...] = (
            ("$JS.API.DIRECT.GET.KV_DOORBUS_CONFIG.$KV.DOORBUS_CONFIG.front", {}),
            ("$JS.API.DIRECT.GET.KV_DOORBUS_CONFIG", {"last_by_subj": "$KV.DOORBUS_CONFIG.front"}),
            ("$JS.API.STREAM.MSG.GET.KV_DOORBUS_CONFIG", {"last_by_subj": "$KV.DOORBUS_CONFIG.front"}),
        )
        for subject, request in reads:
            await client.publish(subject, json.dumps(request).encode() if request else b"", reply=PULSE)
        consumer = {
            "deliver_subject": PULSE,
            "deliver_policy": "last",
            "ack_policy": "none",
            "filter_subject": "$KV.DOORBUS_CONFIG.front",
            "inactive_threshold": 5_000_000_000,
        }
        for name in ("one", "two"):
            ask = {"stream_name": "KV_DOORBUS_CONFIG", "config": {**consumer, "name": name}}
            subject = f"$JS.API.CONSUMER.CREATE.KV_DOORBUS_CONFIG.{name}.$KV.DOORBUS_CONFIG.front"
            with contextlib.suppress(nats.errors.Error, TimeoutError):
                await client.request(subject, json.dumps(ask).encode(), timeout=1)
        await client.flush()
        await house.stack.event("message.rejected", since=began, subject=PULSE, code="bad_reply_subject")
        await for_a_while(1.5, lambda: house.opened() == opened, "it moved")
    finally:
        await js.publish("$KV.DOORBUS_CONFIG.front", document)
        await asyncio.sleep(0)
    await house.unlock()
    assert opened + 1 == house.opened()


async def test_reply_outside_policys_inbox_moves_nothing(house: House) -> None:
    """An order whose answer shall go anywhere but into policy's own inbox is refused, though policy's user sends it."""
    opened, began = house.opened(), time.monotonic()
    client = await house.connect("policy")
    for reply in ("_INBOX.operator.x", "door.front.cmd.io.reset", ""):
        await client.publish(PULSE, json.dumps(await _pulse(house)).encode(), reply=reply)
    await client.flush()
    await house.stack.event("message.rejected", since=began, subject=PULSE, code="bad_reply_subject")
    await for_a_while(1.0, lambda: house.opened() == opened, "it moved")
    await client.close()


async def _pulse(house: House, lifetime_s: float = 2.0, epoch: int | None = None) -> dict[str, Any]:
    """Returns the body of an order that energises the gate, as policy would send it now."""
    if epoch is None and not (await house.stack.state("io"))["policy_epoch"]:
        await house.unlock()  # policy has not ordered anything yet
    speaks = (await house.stack.state("io"))["policy_epoch"] if epoch is None else epoch
    return house.body(lifetime_s, epoch=speaks, relay="gate", cause={"kind": "unlock", "method": "bus", "by": "test"})


async def _raw_document(client: Client) -> bytes:
    entry = await (await client.jetstream().key_value("DOORBUS_CONFIG")).get("front")
    assert entry.value is not None
    return entry.value
