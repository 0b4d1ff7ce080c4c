"""One action of one door: takes its deliveries as they come, some at a time, until the document has it no more.

An action has its own consumer and its own tasks, so that a slow server delays no other. What waits when an action
leaves the document is given up, and told, as it comes up for its next try; then the runner ends.
"""

from __future__ import annotations

import asyncio

import structlog
from nats.aio.msg import Msg

from doorbus.runtime.logs import detached
from doorbus.runtime.tasks import end_tasks
from doorbus_actions.attempt import Attempts, Job
from doorbus_actions.consumer import Consumer, hand_back

log = structlog.get_logger()


class Runner:
    """Serves one action.

    Args:
        consumer: of the action.
        attempts: carries deliveries out.
        at_once: how many at a time.
    """

    def __init__(self, consumer: Consumer, attempts: Attempts, at_once: int) -> None:
        self._consumer = consumer
        self._attempts = attempts
        self._slots = asyncio.Semaphore(at_once)
        self._under_way: dict[asyncio.Task[None], Msg] = {}
        self.job: Job | None = None
        """What the action is now; set before `run`. A changed document counts from the next try on."""

    @property
    def ready(self) -> bool:
        """Whether presses are taken."""
        return self._consumer.there

    def reconnected(self) -> None:
        """Says that the bus is back."""
        self._consumer.reconnected()

    async def run(self) -> None:
        """Serves until the action has left the document and nothing waits for it, or until cancelled."""
        try:
            while True:
                await self._slots.acquire()
                delivery = await self._consumer.next()
                if delivery is not None:
                    self._begin(delivery)
                    continue
                self._slots.release()
                if self.job is not None and self.job.action is None and await self._is_done():
                    return
        finally:
            await self._consumer.close()

    async def stop(self) -> None:
        """Breaks off what is under way; the next life gets it at once."""
        under_way = dict(self._under_way)
        await end_tasks(under_way)
        await hand_back(delivery for delivery in under_way.values() if not delivery.is_acked)

    async def _is_done(self) -> bool:
        return not self._under_way and await self._consumer.is_done()

    def _begin(self, delivery: Msg) -> None:
        assert self.job is not None  # noqa: S101  # set before `run`
        task = asyncio.create_task(self._attempts.take(delivery, self.job), context=detached())
        self._under_way[task] = delivery
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._slots.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a delivery broke; it comes again", consumer=self._consumer.name, exc_info=error)
