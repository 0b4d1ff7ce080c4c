"""Slots that the library does not give back, and what a worker does about them.

Rules
- A call that the door hangs up between its 200 and the caller's ACK keeps its slot in pjsua: over UDP until the ACK's
  time is up after 32 s (RFC 3261, timer H), over TCP for good. Four of those, and the door would refuse every call.
- So each second the library's own slots are compared with the worker's calls. A worker that has no call ends in order,
  and its parent starts another one at once, when all slots are held so for `_FULL_LOOKS`, or one of them for
  `_ONE_LOOKS` seconds. Different slots held one after another come back by themselves.
"""

import ctypes
from collections.abc import Callable

from doorbus_sip.worker.native import bind

SLOTS = 4
_FULL_LOOKS, _ONE_LOOKS = 3, 40


class Held:
    """Compares; ask it each second.

    Args:
        taken: returns the numbers of the slots that the library has taken.
    """

    def __init__(self, taken: Callable[[], frozenset[int]]) -> None:
        self._taken = taken
        self._full = 0
        self._looks: dict[int, int] = {}

    def is_lost(self, known: int) -> bool:
        """Whether only another process can have the slots back; `known` is how many calls the worker has."""
        held = frozenset[int]() if known else self._taken()
        self._full = self._full + 1 if len(held) >= SLOTS else 0
        self._looks = {slot: self._looks.get(slot, 0) + 1 for slot in held}
        return self._full >= _FULL_LOOKS or any(looks >= _ONE_LOOKS for looks in self._looks.values())


def taken_slots() -> Callable[[], frozenset[int]]:
    """Returns a function that asks pjsua which of its slots are taken, to be called on the library's thread.

    Raises:
        AttributeError: this build does not tell.
    """
    arguments = (ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_uint))
    enumerate_calls = bind({"pjsua_enum_calls": (ctypes.c_int, arguments)}).pjsua_enum_calls

    def taken() -> frozenset[int]:
        slots, count = (ctypes.c_int * SLOTS)(), ctypes.c_uint(SLOTS)
        failed = enumerate_calls(slots, ctypes.byref(count))
        return frozenset() if failed else frozenset(slots[: count.value])

    return taken
