"""Deliveries that come as their request is broken off: none is lost until the server's `ACK_WAIT_S`. On a stub."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import nats.errors
import pytest

from doorbus_actions.consumer import Consumer
from doorbus_testkit.polling import eventually


class Delivery:
    """A message, which notes that it was handed back."""

    def __init__(self) -> None:
        self.handed_back = False

    async def nak(self) -> None:
        """Hands it back."""
        self.handed_back = True


class Pulls:
    """What nats-py's pull subscription does with a request, its way with a cancellation included."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[Delivery] = asyncio.Queue()
        self.asked = 0
        self.ended = False

    @property
    def pending_msgs(self) -> int:
        """What came and nobody took."""
        return self.came.qsize()

    async def fetch(self, batch: int, timeout: float) -> list[Delivery]:
        """Waits for a delivery."""
        assert batch == 1
        self.asked += 1
        try:
            return [await asyncio.wait_for(self.came.get(), timeout)]
        except TimeoutError:
            raise nats.errors.TimeoutError from None

    async def unsubscribe(self) -> None:
        """Asks for no more."""
        self.ended = True


class Stream:
    """JetStream with the consumer already there."""

    def __init__(self, consumer: Consumer, pulls: Pulls) -> None:
        self._config = consumer._config()
        self._pulls = pulls

    async def consumer_info(self, stream: str, name: str) -> Any:
        """Returns its configuration."""
        return SimpleNamespace(config=self._config)

    async def pull_subscribe_bind(self, name: str, stream: str) -> Pulls:
        """Returns the one there is."""
        return self._pulls


@pytest.fixture
def pulls() -> Pulls:
    return Pulls()


@pytest.fixture
def consumer(pulls: Pulls, monkeypatch: pytest.MonkeyPatch) -> Consumer:
    made = Consumer(SimpleNamespace(), "front", "notify", lambda: None)  # type: ignore[arg-type]
    stream = Stream(made, pulls)
    monkeypatch.setattr(made, "_js", lambda: stream)
    return made


async def test_a_delivery_that_comes_with_the_reconnect_is_taken(consumer: Consumer, pulls: Pulls) -> None:
    """Both in one turn of the loop, in either order."""
    for first in ("delivery", "bus"):
        asking, asked, delivery = asyncio.create_task(consumer.next()), pulls.asked, Delivery()
        await eventually(lambda asked=asked: pulls.asked > asked, what="it asks")  # type: ignore[misc]
        await asyncio.sleep(0)
        if first == "bus":
            consumer.reconnected()
        pulls.came.put_nowait(delivery)
        consumer.reconnected()
        got = await asking or await consumer.next()
        assert got is delivery, first  # type: ignore[comparison-overlap]
        assert not delivery.handed_back


async def test_a_request_that_went_with_the_old_connection_is_made_again(consumer: Consumer, pulls: Pulls) -> None:
    asking = asyncio.create_task(consumer.next())
    await eventually(lambda: pulls.asked, what="it asks")
    consumer.reconnected()
    assert await asking is None
    assert not consumer.there
    delivery = Delivery()
    pulls.came.put_nowait(delivery)
    assert await consumer.next() is delivery  # type: ignore[comparison-overlap]
    assert consumer.there


async def test_a_delivery_that_comes_with_the_end_is_handed_back(consumer: Consumer, pulls: Pulls) -> None:
    """The next life has it at once."""
    asking, taken, waiting = asyncio.create_task(consumer.next()), Delivery(), Delivery()
    await eventually(lambda: pulls.asked, what="it asks")
    await asyncio.sleep(0)
    pulls.came.put_nowait(taken)
    pulls.came.put_nowait(waiting)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await consumer.close()
    assert (taken.handed_back, waiting.handed_back, pulls.ended) == (True, True, True)
