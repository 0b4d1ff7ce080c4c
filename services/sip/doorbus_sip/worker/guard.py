"""Errors in pjsua2 callbacks are printed and swallowed by the library: here they are counted and reported."""

import functools
import traceback
from collections.abc import Callable
from typing import Any


def guarded(callback: Callable[[Any, Any, Any], None]) -> Callable[[Any, Any], None]:
    """The pjsua2 callback `(self, prm)` of a method `(self, home, prm)`.

    `home` is the object's worker; an object without one (`self.home is None`) is over and hears nothing. Errors go to
    `home.failed`.
    """

    @functools.wraps(callback)
    def call(self: Any, prm: Any) -> None:
        home = self.home
        if home is None:
            return
        try:
            callback(self, home, prm)
        except Exception as error:  # noqa: BLE001 - the library would swallow it
            home.failed(callback.__name__, last_line(error), getattr(self, "leg", None))

    return call


def last_line(error: BaseException) -> str:
    """The error and where it was raised; pjsua2's errors have their text in `reason`."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    text = str(getattr(error, "reason", "") or error)
    return f"{type(error).__name__}: {text} ({frame.name}:{frame.lineno})"[:500]
