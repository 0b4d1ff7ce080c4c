"""What policy keeps in `DOORBUS_STATE`, as JSON.

Times are bus time there (POSIX seconds), as the next life's monotonic clock begins elsewhere, maybe on another host.
"""

from __future__ import annotations

from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from doorbus_policy.core.memory import Kept
from doorbus_policy.core.state import Call

_JSON = TypeAdapter(Kept)


def to_json(memory: Kept, offset_s: float) -> bytes:
    """Writes what is kept; `offset_s` = bus time minus monotonic clock."""
    return _JSON.dump_json(_shifted(memory, offset_s))


def from_json(data: bytes, offset_s: float) -> Kept | None:
    """Reads what the last life kept; None when it cannot be read."""
    try:
        return _shifted(_JSON.validate_json(data), -offset_s)
    except ValidationError:
        return None


def _shifted(memory: Kept, by: float) -> Kept:
    wrong = replace(
        memory.wrong,
        times=tuple(at + by for at in memory.wrong.times),
        locked_until=_moved(memory.wrong.locked_until, by),
    )
    call = None if memory.call is None else _shifted_call(memory.call, by)
    holds = tuple(replace(hold, ordered_at=hold.ordered_at + by, ends_at=hold.ends_at + by) for hold in memory.holds)
    return replace(memory, wrong=wrong, call=call, holds=holds)


def _shifted_call(call: Call, by: float) -> Call:
    return replace(
        call,
        began_at=call.began_at + by,
        confirmed_at=_moved(call.confirmed_at, by),
        answered_at=_moved(call.answered_at, by),
        answer_at=_moved(call.answer_at, by),
        unlocked_until=_moved(call.unlocked_until, by),
        hunt=call.hunt and replace(call.hunt, rings_until=call.hunt.rings_until + by),
        ending=call.ending and replace(call.ending, again_at=call.ending.again_at + by),
    )


def _moved(at: float | None, by: float) -> float | None:
    return None if at is None else at + by
