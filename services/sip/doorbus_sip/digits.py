"""Digits on their way to policy: one question a digit, one at a time a call, so that their order stays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from doorbus_sip.facts import DtmfDigit

WAITING_LIMIT = 64
"""Digits of one call that may wait; a code has 16 at most, more is noise."""

log = structlog.get_logger()


class Digits:
    """Passes digits on.

    Args:
        ask: asks policy about one digit; what it raises costs that digit only.
    """

    def __init__(self, ask: Callable[[DtmfDigit], Awaitable[None]]) -> None:
        self._ask = ask
        self._queues: dict[str, asyncio.Queue[DtmfDigit]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def put(self, digit: DtmfDigit) -> None:
        """Takes a digit; one too many of a call is dropped."""
        if digit.call not in self._queues:
            self._queues[digit.call] = asyncio.Queue(WAITING_LIMIT)
            self._tasks[digit.call] = asyncio.create_task(self._pass_on(digit.call))
        try:
            self._queues[digit.call].put_nowait(digit)
        except asyncio.QueueFull:
            log.warning("too many digits at once", call=digit.call)

    def end(self, call: str) -> None:
        """Forgets a call."""
        self._queues.pop(call, None)
        task = self._tasks.pop(call, None)
        if task is not None:
            task.cancel()

    async def _pass_on(self, call: str) -> None:
        queue = self._queues[call]
        while True:
            digit = await queue.get()
            try:
                await self._ask(digit)
            except Exception as error:  # noqa: BLE001  # a digit that policy did not hear is typed again
                log.warning("a digit was not taken", call=call, why=str(error))
