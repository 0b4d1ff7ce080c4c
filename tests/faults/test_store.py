"""The NATS server comes back with an empty store; its store takes nothing more."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import DiscardPolicy
from tests.faults.house import House, store_of

from doorbus_testkit.polling import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUSE = {"max_call_s": 60}


async def test_empty_store_in_a_call(house: House) -> None:
    """With the store gone the call goes on, DND is as it was, the door opens, a press ends the call and rings again.

    The document is applied again, and every service's state is there again.
    """
    assert (await house.stack.wish("dnd", enabled=True))["ok"]
    async with house.phone() as phone, house.caller() as friend:
        call = await house.talk(phone)
        async with house.without_bus(lambda: shutil.rmtree(store_of(house))):
            await house.both_ways(call, 1.0)
        await house.bus_is_back()
        await house.both_ways(call, 1.0)
        for service in ("sip", "io", "policy", "scheduler"):
            await eventually(lambda name=service: house.stack.state(name), 10.0, 0.1, f"the state of {service}")  # type: ignore[misc]
        assert await _document_is_kept(house)
        await house.policy_has_the_call()
        await house.unlock()
        await house.press()
        await call.wait("ended", 5.0)
        assert call.ended_by == "bye"
        refused = await friend.invite(house.stack.uri)
        assert (await refused.wait_final(5.0)).status == 486
        again = await house.talk(phone)
        assert again.state == "answered"


async def test_restart_of_policy_after_an_empty_store(house: House) -> None:
    """A policy that is restarted after the store came back empty is obeyed, and DND is as it was.

    Its epoch comes from the revisions of the store, which began anew.
    """
    await house.stack.wish("dnd", enabled=True)
    async with house.without_bus(lambda: shutil.rmtree(store_of(house))):
        pass
    await house.bus_is_back()
    await eventually(lambda: house.stack.state("policy"), 10.0, 0.1, "the state of policy")
    await house.kill("policy")
    await house.bus_is_back()
    async with house.caller() as friend:
        refused = await friend.invite(house.stack.uri)
        assert (await refused.wait_final(5.0)).status == 486
    await house.unlock()
    async with house.phone() as phone:
        call = await house.talk(phone)
        await house.press()
        await call.wait("ended", 5.0)
    assert (await house.stack.wish("dnd", enabled=False))["ok"]


async def test_store_that_takes_nothing_more(house: House) -> None:
    """A full store: a press rings, a wish opens, calls end, and each service says that events are not kept.

    When there is room again it says that, too, and keeps what it could not.
    """
    began = time.monotonic()
    async with house.phone() as phone:
        async with full_store(house):
            call = await house.talk(phone)
            await house.unlock()
            for service in ("sip", "io", "policy"):
                degraded = await house.stack.event("service.degraded", 10.0, began, part="store", service=service)
                assert degraded.data["recovered"] is False
                assert degraded.data["why"]
            await house.press()
            await call.wait("ended", 5.0)
            again = await house.talk(phone)
            assert again.state == "answered"
            assert not await _is_kept(house, "door.front.event.door.unlocked", began)
        for service in ("sip", "io", "policy"):
            await house.stack.event("service.degraded", 20.0, began, part="store", service=service, recovered=True)

        async def kept() -> bool:
            return await _is_kept(house, "door.front.event.door.unlocked", began)

        await eventually(kept, 15.0, 0.2, "the unlock of the meantime is kept")
        sip = await eventually(lambda: _sip_state_with_calls(house), 10.0, 0.2, "sip's state is written again")
        assert [each["state"] for each in sip] == ["answered"]


@asynccontextmanager
async def full_store(house: House) -> AsyncIterator[None]:
    """Has the stream of events and the bucket of states refuse whatever is published.

    A user who may change streams is put into the server's configuration for this.
    """
    config = house.stack.run_dir / "nats.conf"
    user = '  users: [\n    { user: "tester", password: "tester" }\n'
    config.write_text(config.read_text().replace("  users: [\n", user, 1))
    os.kill(house.stack.pid("nats"), signal.SIGHUP)

    async def connected() -> Client:
        url = house.stack.client.connected_url
        assert url is not None
        return await nats.connect(
            f"nats://127.0.0.1:{url.port}", user="tester", password="tester", allow_reconnect=False
        )

    tester = await eventually(connected, 10.0, 0.1, "the server knows the tester")
    js = tester.jetstream()
    events = (await js.stream_info("DOORBUS_EVENTS")).config
    states = (await js.stream_info("KV_DOORBUS_STATE")).config
    assert events.name is not None
    assert states.name is not None
    assert events.max_bytes is not None
    assert states.max_bytes is not None
    try:
        for stream in (events, states):
            assert stream.name is not None
            size = (await js.stream_info(stream.name)).state.bytes
            await js.update_stream(stream, discard=DiscardPolicy.NEW, max_bytes=max(size, 1))
        yield
    finally:
        await js.update_stream(events)
        await js.update_stream(states)
        await tester.close()


async def _document_is_kept(house: House) -> bool:
    bucket = await house.stack.client.jetstream().key_value("DOORBUS_CONFIG")
    return bool((await bucket.get("front")).value)


async def _is_kept(house: House, subject: str, since: float) -> bool:
    """Whether an event that was heard after `since` on this subject stands in the stream."""
    heard = [told for told in house.stack.events if told.at >= since and subject.endswith("." + told.what)]
    assert heard
    js = house.stack.client.jetstream()
    try:
        async with asyncio.timeout(2):
            found = await js.get_last_msg("DOORBUS_EVENTS", subject)
    except nats.js.errors.NotFoundError:
        return False
    return (found.headers or {}).get("ce-id") == heard[-1].headers.get("ce-id")


async def _sip_state_with_calls(house: House) -> list[dict[str, str]]:
    state = await house.stack.state("sip")
    calls: list[dict[str, str]] = state["calls"] if state else []
    return calls
