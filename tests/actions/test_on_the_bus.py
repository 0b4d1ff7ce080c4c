"""The service on a real NATS server: documents that change, servers that are slow, stores that are lost."""

from __future__ import annotations

import time

import psutil
from tests.actions.conftest import NewReceiver
from tests.actions.world import World, document, http

from doorbus.contract.actions import ActionDelayed, ActionDone, ActionFailed
from doorbus.contract.errors import ErrorCode
from doorbus_actions.consumer import consumer_name
from doorbus_testkit.polling import eventually

QUICK = {"retry_first_s": 0.3, "retry_most_s": 1}
DOORS = 1000


async def test_a_press_is_sent_and_told_once(world: World, receiver: NewReceiver) -> None:
    """The same press told twice (policy died in between) is one message; a press of other actions is none."""
    hub = await receiver("http")
    world.begin(**QUICK)
    await world.apply(document(http(hub.port)))
    message = world.press("notify", press="p1")["notify"]
    world.press("other")
    done = await world.hears(ActionDone, message=message)
    world.press("notify", press="p1")
    last = world.press("notify")["notify"]
    await world.hears(ActionDone, message=last)
    assert [message, last] == hub.ids()
    assert (done.tries, done.input, done.action) == (1, "button1", "notify")
    assert sorted(set(world.told(message))) == ["done"]


async def test_a_press_before_the_start_is_sent(world: World, receiver: NewReceiver) -> None:
    """What was pressed while the service was not there yet is in the stream, and is sent."""
    hub = await receiver("http")
    await world.apply(document(http(hub.port)), wait=False)
    message = world.press("notify")["notify"]
    assert await world.bus.all_told(5.0)
    world.begin(**QUICK)
    await world.hears(ActionDone, message=message)
    assert [message] == hub.ids()


async def test_it_says_when_it_is_ready(world: World, receiver: NewReceiver) -> None:
    """As soon as the consumers are there, without a press; not any more while the bus is gone."""
    hub = await receiver("http")
    await world.apply(document(http(hub.port)), wait=False)
    world.begin()

    async def says(ready: bool) -> bool:
        return (await world.ready())["ready"] is ready

    await eventually(lambda: says(True), 15.0, what="it is ready")
    assert await _consumers(world)
    world.server.stop()
    await eventually(lambda: says(False), 15.0, what="it is not ready")
    world.server.start()
    await eventually(lambda: says(True), 15.0, what="it is ready again")


async def test_an_orderly_end_hands_over(world: World, receiver: NewReceiver) -> None:
    """SIGTERM in the middle of a try ends the process at once with code 0, and the next life sends without delay."""
    hub = await receiver("http")
    hub.behave("never")
    life = world.begin(**QUICK)
    await world.apply(document(http(hub.port)))
    message = world.press("notify")["notify"]
    await eventually(hub.records, what="the try is under way")
    life.terminate()
    assert await life.wait_exit(5.0) == 0
    hub.behave("ok")
    began = time.monotonic()
    world.begin(**QUICK)
    await world.hears(ActionDone, message=message)
    assert time.monotonic() - began < 8.0, "it waited for the consumer's ack_wait"


async def test_a_changed_action_is_new_from_the_next_try_on(world: World, receiver: NewReceiver) -> None:
    """A message that fails at the old address is delivered at the one that the document has now."""
    old, new = await receiver("http"), await receiver("http")
    old.behave("503")
    world.begin(**QUICK)
    await world.apply(document(http(old.port)))
    message = world.press("notify")["notify"]
    await world.hears(ActionDelayed, message=message)
    await world.apply(document(http(new.port)))
    await world.hears(ActionDone, message=message)
    assert ([message], []) == (new.ids(), old.ids())


async def test_a_removed_action_gives_up_what_waits(world: World, receiver: NewReceiver) -> None:
    """It is told and kept, and cannot be sent again until the action is back."""
    hub = await receiver("http")
    hub.behave("503")
    world.begin(**QUICK)
    await world.apply(document(http(hub.port)))
    message = world.press("notify")["notify"]
    await world.hears(ActionDelayed, message=message)
    await world.apply(document())
    failed = await world.hears(ActionFailed, message=message)
    assert failed.why == "the action is no longer in the document"
    refused = await world.retry(message)
    assert (refused.ok, refused.code) == (False, ErrorCode.UNKNOWN_ACTION)
    every = await world.retry()
    assert (every.ok, every.count) == (True, 0)
    hub.behave("ok")
    await world.apply(document(http(hub.port)))
    assert (await world.retry(message)).count == 1
    await world.hears(ActionDone, message=message)
    await eventually(lambda: _no_letters(world), what="the dead letter is gone")


async def _no_letters(world: World) -> bool:
    return not await world.letters()


async def test_an_unknown_message_is_refused(world: World) -> None:
    """The answer names it; a door without a document says so."""
    world.begin()
    await world.apply(document())
    refused = await world.retry("0e9c1b7a-nobody")
    assert (refused.code, refused.message) == (
        ErrorCode.UNKNOWN_MESSAGE,
        "message: no message 0e9c1b7a-nobody was given up",
    )
    assert (await world.retry(door="elsewhere")).code == ErrorCode.NOT_READY


async def test_a_slow_server_delays_no_other(world: World, receiver: NewReceiver) -> None:
    """With all places of one action taken by a server that never answers, the other action's messages go at once."""
    silent, hub = await receiver("http"), await receiver("http")
    silent.behave("never")
    world.begin(**QUICK, at_once=2, try_s=30)
    await world.apply(document(http(silent.port, "silent") + http(hub.port)))
    messages = [world.press("silent", "notify")["notify"] for _ in range(10)]
    for message in messages:
        assert (await world.hears(ActionDone, message=message)).after_s < 5.0
    assert len(silent.records()) == 2, "more at once than it is allowed"


async def test_many_that_wait_do_not_hold_up_a_new_one(world: World, receiver: NewReceiver) -> None:
    """300 messages wait for their next try; the server is back, and a new press is delivered before they are due."""
    hub = await receiver("http")
    hub.behave("503")
    world.begin(retry_first_s=600, retry_most_s=600)
    await world.apply(document(http(hub.port)))
    for _ in range(300):
        world.press("notify")
    await eventually(lambda: len(world.heard(ActionDelayed)) == 300, 60.0, 0.2, "all wait")
    hub.behave("ok")
    message = world.press("notify")["notify"]
    assert (await world.hears(ActionDone, message=message)).after_s < 5.0
    assert [message] == hub.ids()


async def test_a_store_that_comes_back_empty(world: World, receiver: NewReceiver) -> None:
    """The consumer is made again, and presses are sent as before."""
    hub = await receiver("http")
    world.begin(**QUICK)
    await world.apply(document(http(hub.port)))
    await world.hears(ActionDone, message=world.press("notify")["notify"])
    world.server.restart(empty_store=True)
    await eventually(lambda: _consumers(world), 20.0, 0.2, "the consumer is there again")
    message = world.press("notify")["notify"]
    await world.hears(ActionDone, message=message, within_s=30.0)
    assert hub.ids()[-1] == message


async def _consumers(world: World) -> bool:
    return await world.consumers() == [consumer_name("front", "notify")]


async def test_a_thousand_doors_without_actions(world: World) -> None:
    """They hold no consumer; memory is told."""
    life = world.begin()
    for number in range(DOORS):
        await world.apply(document(door=f"d{number}"), wait=False)
    await world.apply(document())
    assert await world.consumers() == []
    print(f"measured: {psutil.Process(life.pid).memory_info().rss / 1e6:.0f} MB with {DOORS} doors")  # noqa: T201
