"""Which call something is about: one id from the press to the last event, wherever it stands in a message.

A call's id stands in `call`; in the `cause` of what moves a relay; or in the message that an effect or an event of a
core carries. So logs, metrics and readers find it without knowing the types.
"""

from __future__ import annotations

_WAYS = ("call", "cause", "order", "event", "fact", "reason", "reply")
"""Fields to follow, the nearest first."""

_KNOWN: dict[type, tuple[str, ...]] = {}
"""Which of them a type has; types are few."""


def call_of(thing: object) -> str | None:
    """Returns the id of the call that a message, an event or an effect of a core is about, None when it is of none."""
    for way in _ways(type(thing)):
        value = getattr(thing, way)
        call = (value or None) if way == "call" and isinstance(value, str) else call_of(value)
        if call is not None:
            return call
    return None


def _ways(kind: type) -> tuple[str, ...]:
    ways = _KNOWN.get(kind)
    if ways is None:
        fields = {**getattr(kind, "model_fields", {}), **getattr(kind, "__dataclass_fields__", {})}
        ways = _KNOWN[kind] = tuple(way for way in _WAYS if way in fields)
    return ways
