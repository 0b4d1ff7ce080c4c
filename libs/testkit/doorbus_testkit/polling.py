"""Waits for a condition with a deadline, in place of sleeps.

A check is called again and again until its result is truthy. A check that raises counts as "not yet": its
exception is kept and named when the deadline passes. `asyncio.CancelledError` is not kept: it passes.

On a slow machine (`make test-hardware` emulates one) `DOORBUS_TEST_SLOWER` makes every deadline longer by that factor.
"""

import asyncio
import inspect
import os
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

SLOWER = float(os.environ.get("DOORBUS_TEST_SLOWER", "1"))
"""How many times longer than on an ordinary machine a test may wait here."""


@overload
async def eventually(
    check: Callable[[], Awaitable[T | None]], within_s: float = 10.0, every_s: float = 0.02, what: str = "the condition"
) -> T: ...
@overload
async def eventually(
    check: Callable[[], T | None], within_s: float = 10.0, every_s: float = 0.02, what: str = "the condition"
) -> T: ...
async def eventually(
    check: Callable[[], object],
    within_s: float = 10.0,
    every_s: float = 0.02,
    what: str = "the condition",
) -> object:
    """Returns the first truthy result of `check`, a plain or an async function.

    Args:
        check: called at least once, and last after the deadline has passed.
        within_s: deadline in seconds from now, times `SLOWER`; an async check that hangs is cancelled at it.
        every_s: pause between two calls, seconds.
        what: names the condition in the error.

    Raises:
        AssertionError: when the deadline passes; names `what` and the last value or exception.
    """
    within_s *= SLOWER
    deadline = time.monotonic() + within_s
    cause: Exception | None
    while True:
        late = time.monotonic() >= deadline
        try:
            result = check()
            if inspect.isawaitable(result):
                async with asyncio.timeout(max(deadline - time.monotonic(), every_s)):
                    result = await result
        except Exception as error:  # noqa: BLE001 - any failure means "not yet"
            last, cause = f"last exception {error!r}", error
        else:
            if result:
                return result
            last, cause = f"last value {result!r}", None
        if late:
            raise AssertionError(f"{what}: not within {within_s:g} s, {last}") from cause
        await asyncio.sleep(every_s)


def eventually_sync(
    check: Callable[[], T | None],
    within_s: float = 10.0,
    every_s: float = 0.02,
    what: str = "the condition",
) -> T:
    """Is `eventually` for code without an event loop; a check that hangs is not interrupted."""
    within_s *= SLOWER
    deadline = time.monotonic() + within_s
    cause: Exception | None
    while True:
        late = time.monotonic() >= deadline
        try:
            result = check()
        except Exception as error:  # noqa: BLE001 - any failure means "not yet"
            last, cause = f"last exception {error!r}", error
        else:
            if result:
                return result
            last, cause = f"last value {result!r}", None
        if late:
            raise AssertionError(f"{what}: not within {within_s:g} s, {last}") from cause
        time.sleep(every_s)
