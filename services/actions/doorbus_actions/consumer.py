"""The durable consumer of one action: what the stream still has for it, one delivery at a time.

It is made where it is missing, also after the store came back empty. A new one begins `NEW_FROM_S` back: events name
their actions, so it finds nothing that is not for it, and a press from before the process was ready is not lost.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from datetime import timedelta

import nats.errors
import nats.js.errors
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy

from doorbus.contract import subjects
from doorbus.contract.actions import ActionRetried
from doorbus.contract.buttons import ButtonActivated
from doorbus.runtime.connection import Connection
from doorbus.runtime.tasks import end_tasks

ACK_WAIT_S = 10.0
"""A delivery of which nothing is heard for so long is made again: its process died. Whoever sends speaks up each third
of it."""

MAX_ACK_PENDING = 20_000
"""Messages that wait for their next try count here, and at the limit nothing new comes: two presses a second for an
hour of outage are 7,200."""

NEW_FROM_S = 60.0

INACTIVE_S = 7 * 24 * 3600.0
"""A consumer that nobody asks for so long is dropped by the server: its action has left the document. A door whose
actions service is down for less loses nothing."""

PULL_S = 30.0
"""How long the server keeps one request for a message."""

AGAIN_S = 0.5

log = structlog.get_logger()


def consumer_name(door: str, action: str) -> str:
    """Returns the name of an action's consumer; a door's id has no underscore, so no two are the same."""
    return f"actions_{door}_{action}"


class Consumer:
    """Deliveries for one action.

    Args:
        connection: to the bus.
        door: whose.
        action: its id.
        on_state: called when the server has it, or has it no more.
    """

    def __init__(self, connection: Connection, door: str, action: str, on_state: Callable[[], None]) -> None:
        self._connection = connection
        self._door = door
        self._on_state = on_state
        self.name = consumer_name(door, action)
        self._pulls: JetStreamContext.PullSubscription | None = None
        self._there = False
        self._reconnected = asyncio.Event()

    @property
    def there(self) -> bool:
        """Whether the server had it at the last look."""
        return self._there

    def reconnected(self) -> None:
        """Says that the bus is back: a request that the server had is gone with the old connection."""
        self._reconnected.set()

    async def next(self) -> Msg | None:
        """Waits for a delivery; None when none came, or the bus cannot be asked now (after a pause)."""
        try:
            return await self._next()
        except (nats.errors.Error, TimeoutError, OSError) as error:
            log.debug("no deliveries now", consumer=self.name, why=repr(error))
            self._note(there=False)
            await self._pause()
            return None

    async def is_done(self) -> bool:
        """Tells whether nothing is left for it in the stream, and nothing waits for another try."""
        try:
            info = await self._js().consumer_info(subjects.STREAM_EVENTS, self.name)
        except nats.js.errors.NotFoundError:
            return True
        except (nats.errors.Error, TimeoutError, OSError):
            return False
        return not info.num_pending and not info.num_ack_pending

    async def close(self) -> None:
        """Asks for no more, and hands back what came and nobody took."""
        if self._pulls is not None:
            with contextlib.suppress(nats.errors.Error, TimeoutError, OSError):
                while self._pulls.pending_msgs:
                    await hand_back(await self._pulls.fetch(1, AGAIN_S))
            with contextlib.suppress(nats.errors.Error, OSError):
                await self._pulls.unsubscribe()

    async def _next(self) -> Msg | None:
        self._reconnected.clear()
        if not self._there:
            await self._ensure()
            self._note(there=True)
        if self._pulls is None:
            self._pulls = await self._js().pull_subscribe_bind(self.name, subjects.STREAM_EVENTS)
        began = asyncio.get_running_loop().time()
        pull = asyncio.ensure_future(self._pulls.fetch(1, PULL_S))
        back = asyncio.ensure_future(self._reconnected.wait())
        try:
            await asyncio.wait({pull, back}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await end_tasks((pull, back))
            if not pull.cancelled() and pull.exception() is None:  # it came as its request was broken off
                await hand_back(pull.result())
            raise
        if not pull.done():
            self._note(there=False)  # the store may have come back empty
        await end_tasks((pull, back))
        if pull.cancelled():
            return None
        try:
            return pull.result()[0]  # also where the bus came back meanwhile: it would come again after ACK_WAIT_S only
        except nats.errors.TimeoutError:
            let_go = asyncio.get_running_loop().time() - began < PULL_S / 2  # sooner than asked for
            self._note(there=not let_go)
            return None

    def _note(self, *, there: bool) -> None:
        if there != self._there:
            self._there = there
            self._on_state()

    async def _ensure(self) -> None:
        wanted = self._config()
        try:
            info = await self._js().consumer_info(subjects.STREAM_EVENTS, self.name)
        except nats.js.errors.NotFoundError:
            info = await self._make(wanted)
        if _differs(info, wanted):  # made by another version of this service
            keep = {"deliver_policy": info.config.deliver_policy, "opt_start_time": info.config.opt_start_time}
            await self._js().add_consumer(subjects.STREAM_EVENTS, wanted.evolve(**keep))

    async def _make(self, wanted: ConsumerConfig) -> ConsumerInfo:
        now = self._connection.clock.now()
        if now is None:
            raise nats.errors.Error("the time on the bus is not known yet")
        start = now - timedelta(seconds=NEW_FROM_S)
        info = await self._js().add_consumer(subjects.STREAM_EVENTS, wanted.evolve(opt_start_time=start))
        log.info("a consumer was made", consumer=self.name)
        return info

    def _config(self) -> ConsumerConfig:
        return ConsumerConfig(
            name=self.name,
            durable_name=self.name,
            filter_subjects=[
                subjects.event(self._door, kind.domain, kind.what) for kind in (ButtonActivated, ActionRetried)
            ],
            deliver_policy=DeliverPolicy.BY_START_TIME,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_S,
            max_deliver=-1,  # when to stop is decided by age; no `backoff`, which would override `ack_wait`
            max_ack_pending=MAX_ACK_PENDING,
            inactive_threshold=INACTIVE_S,
        )

    def _js(self) -> JetStreamContext:
        return self._connection.client.jetstream(timeout=2.0)

    async def _pause(self) -> None:
        """Waits, until the next reconnect at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AGAIN_S):
                await self._reconnected.wait()


async def hand_back(deliveries: Iterable[Msg]) -> None:
    """Lets deliveries come again at once; where the bus is gone they come after `ACK_WAIT_S`."""
    for delivery in deliveries:
        with contextlib.suppress(nats.errors.Error, OSError):
            await delivery.nak()


def _differs(info: ConsumerInfo, wanted: ConsumerConfig) -> bool:
    return any(
        getattr(info.config, name) != getattr(wanted, name)
        for name in ("ack_wait", "max_ack_pending", "inactive_threshold")
    )
