"""A document as YAML text for a person, of which `load_document` makes the same document again.

What needs no quotes has none; short lists and mappings stand on one line, as in the examples.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

WIDTH = 110
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*|[0-9]{1,9}")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"})
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def yaml_text(data: dict[str, Any]) -> str:
    """Returns the text."""
    return "\n".join(_block(data, 0)) + "\n"


def _block(data: Any, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for key, value in data.items():
        line = f"{indent}{_key(key)}: {_flow(value)}"
        if not isinstance(value, dict | list) or not value or (depth > 0 and len(line) <= WIDTH and _flat(value)):
            yield line
        elif isinstance(value, dict):
            yield f"{indent}{_key(key)}:"
            yield from _block(value, depth + 1)
        else:
            yield f"{indent}{_key(key)}:"
            yield from _items(value, depth + 1)


def _items(values: list[Any], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for value in values:
        line = f"{indent}- {_flow(value)}"
        if not isinstance(value, dict) or not value or (len(line) <= WIDTH and _flat(value)):
            yield line
        else:
            first, *rest = _block(value, depth + 1)
            yield f"{indent}- {first.lstrip()}"
            yield from rest


def _flat(value: Any) -> bool:
    inside = value.values() if isinstance(value, dict) else value
    return not any(isinstance(each, dict) and each and len(each) > 1 for each in inside)


def _flow(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{_key(key)}: {_flow(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(_flow(each) for each in value) + "]"
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return _number(value)
        case int():
            return str(value)
        case _:
            return _text(str(value))


def _number(value: float) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return format(Decimal(repr(value)), "f")


def _key(key: str) -> str:
    return str(key) if _KEY.fullmatch(str(key)) and str(key).lower() not in _WORDS else _quoted(str(key))


def _text(text: str) -> str:
    plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS and len(text) < 64
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
