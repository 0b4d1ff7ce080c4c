"""From what a browser posted back to the document's data.

The rules:

* A field that was not posted was not shown, and stays as it was; so does everything that no form shows.
* What a browser cannot tell apart (an empty text and none, line ends, the order of ticks) stays as it was where it was
  not touched: a value is read only where it differs from the one that was shown.
* Nothing is refused here. What is no number stays the text it is, and the document's own rules refuse it.
* An entry of a list carries the place that it had (`KEY`), so it keeps its own values when it is moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from doorbus_web.forms.kinds import (
    Assigned,
    Choice,
    Day,
    Field,
    Flag,
    Group,
    Items,
    Kind,
    Lines,
    Number,
    Ranked,
    Secret,
    Table,
    Text,
    Ticks,
    Variants,
)
from doorbus_web.forms.shown import lines_shown, shown, table_shown

Posted = Mapping[str, Sequence[str]]
KEY = "@"
"""Of a list's entry: where it stood in the document that was shown, or `n…` for a new one."""
ROWS = "#"
"""After a list's name: the keys of its entries, in order, and an empty one so that an empty list is posted too."""
SET = "?"
"""After a field's name: whether a part that may be left out is there."""


class _Missing:
    """Nothing was posted."""


MISSING = _Missing()


def read(group: Group, posted: Posted, base: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the data of a form, with `KEY` in the entries of its lists.

    Args:
        group: the form.
        posted: what came, every value of each name.
        base: the data that was shown.
    """
    return _group(group, "", posted, base)


def read_part(kind: Group | Variants, posted: Posted, base: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the data of one part, like one entry of a list, whose posted names begin where it begins."""
    value = _value(kind, "", posted, base, nullable=False)
    return dict(base) if value is MISSING else dict(value)


def without_keys(data: Any) -> Any:
    """Returns the data as the document has it, without `KEY`."""
    match data:
        case dict():
            return {key: without_keys(each) for key, each in data.items() if key != KEY}
        case list():
            return [without_keys(each) for each in data]
        case _:
            return data


def child(name: str, part: str) -> str:
    """Returns the name of what is inside a field."""
    return f"{name}.{part}" if name else part


def _group(group: Group, name: str, posted: Posted, base: Mapping[str, Any]) -> dict[str, Any]:
    data = dict(base)
    for field in group.fields:
        value = _field(field, child(name, field.name), posted, base.get(field.name))
        if value is not MISSING:
            data[field.name] = value
    return data


def _field(field: Field, name: str, posted: Posted, base: Any) -> Any:
    switch = posted.get(name + SET)
    if switch is not None and field.nullable:
        if switch[-1] != "on":
            return None
        value = _value(field.kind, name, posted, base, nullable=False)
        return _empty(field.kind) if value is MISSING else value
    return _value(field.kind, name, posted, base, field.nullable)


def _empty(kind: Kind) -> Any:
    return {} if isinstance(kind, Group | Variants) else []


def _value(kind: Kind, name: str, posted: Posted, base: Any, nullable: bool) -> Any:
    match kind:
        case Group():
            inside = _group(kind, name, posted, base if isinstance(base, dict) else {})
            return inside if inside or any(key.startswith(name + ".") for key in posted) else MISSING
        case Variants():
            return _variant(kind, name, posted, base)
        case Items():
            return _items(kind, name, posted, base)
        case Secret():
            return _secret(name, posted, nullable)
        case Assigned():
            return _assigned(kind, name, posted, base)
        case Ticks(values) | Ranked(values):
            return _chosen(values, name, posted, base, ordered=isinstance(kind, Ranked))
    if name not in posted:
        return MISSING
    text = posted[name][-1].replace("\r\n", "\n").replace("\r", "\n")
    match kind:
        case Flag():
            return text == "on"
        case Lines(item):
            if len(posted[name]) == 1:
                return _list(item, text, base)
            return _chosen((), name, posted, base, ordered=False)  # ids to tick: one value each, after an empty one
        case Table():
            return _table(kind, text, base)
        case Text() | Number() | Choice() | Day():
            return _leaf(kind, text, base, nullable)


def _leaf(kind: Text | Number | Choice | Day, text: str, base: Any, nullable: bool) -> Any:
    if text == shown(base).replace("\r\n", "\n").replace("\r", "\n"):
        return "" if base is None and not nullable else base
    return None if nullable and not text.strip() else _parsed(kind, text)


def _parsed(kind: Text | Number | Choice | Day, text: str) -> Any:
    match kind:
        case Number(whole):
            return _number(text.strip(), whole=whole)
        case Choice(values):
            return next((value for value in values if str(value) == text), text)
        case Text(long=True):
            return text
        case _:
            return text.strip()


def _number(text: str, *, whole: bool) -> Any:
    try:
        return int(text) if whole else _short(float(text))
    except ValueError:
        pass
    try:
        return _short(float(text))  # 2.5 where a whole number is due: the document says so
    except ValueError:
        return text


def _short(number: float) -> float | str:
    """No JSON has these, and no field takes them."""
    return number if abs(number) < 1e300 else "too large"


def _list(item: Text | Number | Day, text: str, base: Any) -> Any:
    kept = _filled(text)
    if isinstance(base, list) and kept == _filled(lines_shown(base)):
        return base
    return [_parsed(item, line) for line in kept]


def _filled(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _chosen(values: Sequence[str | int], name: str, posted: Posted, base: Any, *, ordered: bool) -> Any:
    if name not in posted:
        return MISSING
    known = {str(value): value for value in values}
    given = [known.get(text, text) for text in dict.fromkeys(posted[name]) if text]
    return given if ordered or not isinstance(base, list) else _as_before(given, base)


def _as_before(given: list[Any], base: Sequence[Any]) -> list[Any]:
    """Keeps the order in which the chosen stood; new ones come after them."""
    return [each for each in base if each in given] + [each for each in given if each not in base]


def _table(kind: Table, text: str, base: Any) -> Any:
    if isinstance(base, dict) and text.strip() == table_shown(base).strip():
        return base
    data: dict[str, Any] = {}
    for line in text.split("\n"):
        if not line.strip():
            continue
        key, _, value = (part.strip() for part in line.partition(":"))
        while key in data:
            key += " (twice)"  # no key of the document: refused beside the field, and not lost
        data[key] = _parsed(kind.value, value)
    return data


def _assigned(kind: Assigned, name: str, posted: Posted, base: Any) -> Any:
    rows = posted.get(name + ROWS)
    if rows is None:
        return MISSING
    before = base if isinstance(base, dict) else {}
    data = {key: value for key, value in before.items() if key not in rows}
    for key in filter(None, rows):
        listed = [text for text in dict.fromkeys(posted.get(child(name, key), ())) if text]
        if listed or key in before:
            data[key] = _list(kind.value.item, "\n".join(listed), before.get(key))
    return data


def _secret(name: str, posted: Posted, nullable: bool) -> Any:
    if name not in posted:
        return MISSING
    where = posted[name][-1]
    what = posted.get(child(name, "name"), ("",))[-1].strip()
    if where in ("env", "file"):
        return {where: what}
    return where or (None if nullable else {})


def _variant(kind: Variants, name: str, posted: Posted, base: Any) -> Any:
    tags = posted.get(child(name, kind.tag.name))
    if not tags:
        return MISSING
    group = kind.group(tags[-1])
    before = base if isinstance(base, dict) else {}
    if group is None:
        return {**before, kind.tag.name: tags[-1]}
    if before.get(kind.tag.name) != tags[-1]:
        names = {field.name for field in group.fields}
        before = {key: value for key, value in before.items() if key in names}
    return {**_group(group, name, posted, before), kind.tag.name: tags[-1]}


def _items(kind: Items, name: str, posted: Posted, base: Any) -> Any:
    rows = posted.get(name + ROWS)
    if rows is None:
        return MISSING
    data = []
    for key in dict.fromkeys(filter(None, rows)):
        before = base[int(key)] if isinstance(base, list) and key.isdecimal() and int(key) < len(base) else {}
        value = _value(kind.of, child(name, key), posted, before, nullable=False)
        data.append({**(value if isinstance(value, dict) else before), KEY: key})
    return data
