"""How a value of the document stands in a form, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def shown(value: Any) -> str:
    """Returns a single value as text: 5, not 5.0; nothing for none."""
    match value:
        case None:
            return ""
        case bool():
            return "on" if value else "off"
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case _:
            return str(value)


def lines_shown(values: Sequence[Any]) -> str:
    """Returns a list, one value a line."""
    return "\n".join(shown(each) for each in values)


def table_shown(values: Mapping[Any, Any]) -> str:
    """Returns a mapping, `key: value`, one a line."""
    return "\n".join(f"{key}: {shown(each)}" for key, each in values.items())


def summary(value: Any) -> str:
    """Returns any value in a few words, for a sentence."""
    match value:
        case None:
            return "nothing"
        case "":
            return "(empty)"
        case dict():
            return ", ".join(f"{key} {summary(each)}" for key, each in value.items()) or "nothing"
        case list():
            text = "; ".join(summary(each) for each in value[:8]) or "nothing"
            return text if len(value) <= 8 else f"{text}; and {len(value) - 8} more"
        case _:
            return shown(value)
