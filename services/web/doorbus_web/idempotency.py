"""Answers to requests with an id of their client's: a repeat gets the first answer, and nothing is done twice.

Answers are remembered for `REMEMBERED_S`, at most `MOST` of them, by this life of the process. A request that was
surely not done (`NOT_DONE`) is asked anew. One that got no answer may have been done: its repeat hears just that, as a
door must not open twice for one request.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from doorbus_web.problems import ProblemError

REMEMBERED_S = 600.0
MOST = 5000
NOT_DONE = frozenset({429, 503})
"""Statuses of requests that policy never had, or could not take yet."""

T = TypeVar("T")


class Answers:
    """Remembers answers.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, str, asyncio.Future[Any]]] = OrderedDict()

    async def once(self, key: Hashable, body: str, ask: Callable[[], Awaitable[T]]) -> T:
        """Returns what `ask` gives, or what it gave to the same key before.

        Raises:
            ProblemError: as `ask`, again for a repeat; 422 where the id was used for another body.
        """
        self._forget_old()
        kept = self._kept.get(key)
        if kept is not None:
            if kept[1] != body:
                raise ProblemError(422, "id_used", "id: was used for another request: take a new one")
            answer: T = await asyncio.shield(kept[2])
            return answer
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda done: done.cancelled() or done.exception())  # a repeat may never come
        self._kept[key] = (self._clock(), body, future)
        try:
            result = await ask()
        except ProblemError as error:
            if error.problem.status in NOT_DONE:
                del self._kept[key]
            future.set_exception(error)
            raise
        except BaseException:
            del self._kept[key]
            future.cancel()
            raise
        future.set_result(result)
        return result

    def _forget_old(self) -> None:
        while self._kept:
            key, (at, _, future) = next(iter(self._kept.items()))
            if not future.done() or (self._clock() - at < REMEMBERED_S and len(self._kept) < MOST):
                return
            del self._kept[key]
