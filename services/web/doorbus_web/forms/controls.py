"""From fields and data to controls. The data may be invalid: a form shows what somebody typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from doorbus.contract.document.problems import Path, path_text
from doorbus.contract.document.scalars import DIRECT
from doorbus_web.forms import words
from doorbus_web.forms.control import Control, Option
from doorbus_web.forms.kinds import (
    Assigned,
    Choice,
    Day,
    Field,
    Flag,
    Group,
    Items,
    Lines,
    Number,
    Ranked,
    Secret,
    Table,
    Text,
    Ticks,
    Variants,
)
from doorbus_web.forms.post import KEY, child
from doorbus_web.forms.references import References
from doorbus_web.forms.shown import lines_shown, shown, table_shown

_WHERE = {"env": "Environment variable", "file": "File of the secrets folder"}
_WITH_A_NAME = ("id", "name", "label", "input", "address")


def controls(group: Group, data: Mapping[str, Any], known: References) -> Control:
    """Returns the controls of a form, in one that holds them all."""
    return Control("group", "", "", "", children=_fields(group, (), "", data, known))


def part(kind: Group | Variants, path: Path, data: Mapping[str, Any], known: References) -> Control:
    """Returns the controls of one part, like one entry of a list, whose posted names begin where it begins."""
    if isinstance(kind, Variants):
        return replace(_variants(kind, path, "", data, known), name="")
    return Control("group", path_text(path), "", "", children=_fields(kind, path, "", data, known))


def _fields(group: Group, path: Path, name: str, data: Any, known: References) -> tuple[Control, ...]:
    values = data if isinstance(data, dict) else {}
    return tuple(
        _control(each, (*path, each.name), child(name, each.name), values.get(each.name, each.default), known)
        for each in group.fields
    )


def _control(field: Field, path: Path, name: str, value: Any, known: References) -> Control:
    drawn = _drawn(field, path, name, value, known)
    drawn = replace(drawn, label=field.label, help=field.help, unit=field.unit, required=field.required)
    if field.nullable and isinstance(field.kind, Group | Variants | Lines | Ticks | Ranked):
        return replace(drawn, switch=words.toggle(field.name), on=value is not None)
    return drawn


def _drawn(field: Field, path: Path, name: str, value: Any, known: References) -> Control:
    where = path_text(path)
    ids = known.at(path)
    match field.kind:
        case Text(long=True):
            rows = min(12, max(3, shown(value).count("\n") + 1))
            return Control("long", where, name, "", value=shown(value), rows=rows)
        case Text() if ids is not None:
            options = _ids(field.name, ids, [shown(value)] if value else [])
            empty = "none" if field.nullable else "choose"
            return Control("choice", where, name, "", value=shown(value), options=(Option("", f"({empty})"), *options))
        case Text():
            return Control("text", where, name, "", value=shown(value))
        case Number(whole):
            return Control("number", where, name, "", value=shown(value), whole=whole)
        case Flag():
            return Control("flag", where, name, "", on=value is True, value="on")
        case Day():
            return Control("date", where, name, "", value=shown(value))
        case Choice(values):
            return Control("choice", where, name, "", options=_options(field.name, values, [value]))
        case Secret(also):
            return _secret(also, field, where, name, value)
        case Lines() if ids is not None:
            return Control("ticks", where, name, "", options=_ids(field.name, ids, _list(value)))
        case Lines(item):
            says = item.says if isinstance(item, Text) else ""
            return replace(_lines(where, name, lines_shown(_list(value))), entry=says)
        case Ticks(values):
            return Control("ticks", where, name, "", options=_options(field.name, values, _list(value)))
        case Ranked(values):
            return _ranked(field.name, where, name, values, _list(value))
        case Group():
            return Control("group", where, name, "", children=_fields(field.kind, path, name, value, known))
        case Variants():
            return _variants(field.kind, path, name, value, known)
        case Items():
            return _items(field, field.kind, path, name, _list(value), known)
        case Table():
            return _lines(where, name, table_shown(value) if isinstance(value, dict) else shown(value))
        case Assigned():
            return _assigned(path, name, value if isinstance(value, dict) else {}, known)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _lines(where: str, name: str, text: str) -> Control:
    return Control("lines", where, name, "", value=text, rows=min(16, max(2, text.count("\n") + 2)))


def _options(name: str, values: tuple[str | int, ...], chosen: list[Any]) -> tuple[Option, ...]:
    known = [str(each) for each in values]
    given = [str(each) for each in chosen if each is not None]
    options = [Option(str(each), words.value(name, each), str(each) in given) for each in values]
    unknown = [Option(each, f"{each} (there is none)", chosen=True) for each in given if each not in known]
    return (*options, *unknown)


def _ids(name: str, known: tuple[str, ...], chosen: list[Any]) -> tuple[Option, ...]:
    """Ids stand as they are; only `ip` needs a word."""
    return tuple(
        replace(each, label=words.value(name, each.value) if each.value == DIRECT else each.value)
        if each.value in known
        else each
        for each in _options(name, known, chosen)
    )


def _ranked(name: str, where: str, posted: str, values: tuple[str | int, ...], chosen: list[Any]) -> Control:
    options = _options(name, values, chosen)
    given = [str(each) for each in chosen]
    places = tuple([*given, *[""] * len(options)][: len(options)])
    return Control("ranked", where, posted, "", options=options, ranks=places)


def _secret(also: tuple[str, ...], field: Field, where: str, name: str, value: Any) -> Control:
    given = value if isinstance(value, dict) else {}
    kind = next((each for each in _WHERE if given.get(each) is not None), None if value is None else shown(value))
    if isinstance(value, dict) and kind not in _WHERE:
        kind = ""
    options = [Option(each, words.in_words(each), kind == each) for each in also]
    if not also:
        options.append(Option("", "(none)" if field.nullable else "(choose)", not kind))
    options += [Option(each, text, kind == each) for each, text in _WHERE.items()]
    return Control("secret", where, name, "", options=tuple(options), value=shown(given.get(kind or "")))


def _variants(kind: Variants, path: Path, name: str, value: Any, known: References) -> Control:
    given = value if isinstance(value, dict) else {}
    tag = given.get(kind.tag.name)
    group = kind.group(tag) or Group(())
    options = _options(kind.tag.name, tuple(each for each, _ in kind.groups), [tag])
    shown_tag = Control(
        "choice",
        path_text((*path, kind.tag.name)),
        child(name, kind.tag.name),
        kind.tag.label,
        options=options,
        entry="tag",
    )
    first, rest = _with_id_first(_fields(group, path, name, given, known))
    return Control("variants", path_text(path), name, "", children=(*first, shown_tag, *rest))


def _with_id_first(children: tuple[Control, ...]) -> tuple[tuple[Control, ...], tuple[Control, ...]]:
    first = tuple(each for each in children if each.name.endswith(".id"))
    return first, tuple(each for each in children if each not in first)


def _items(field: Field, kind: Items, path: Path, name: str, entries: list[Any], known: References) -> Control:
    what = words.entry(field.name)
    children = []
    for place, entry in enumerate(entries):
        key = str(entry.get(KEY, place)) if isinstance(entry, dict) else str(place)
        inside, here = (*path, place), child(name, key)
        if isinstance(kind.of, Variants):
            parts = _variants(kind.of, inside, here, entry, known).children
        else:
            parts = _fields(kind.of, inside, here, entry, known)
        title = _title(entry) or f"new {what}"
        children.append(Control("item", path_text(inside), here, title, key=key, entry=what, children=parts))
    adds: tuple[Option, ...] = (Option("", what),)
    if isinstance(kind.of, Variants):
        adds = tuple(Option(tag, words.value(kind.of.tag.name, tag)) for tag, _ in kind.of.groups)
    if kind.most is not None and len(entries) >= kind.most:
        adds = ()
    return Control("items", path_text(path), name, "", children=tuple(children), entry=what, adds=adds)


def _title(entry: Any) -> str:
    values = entry if isinstance(entry, dict) else {}
    found = [values[key] for key in _WITH_A_NAME if isinstance(values.get(key), str) and values[key]]
    return str(found[0]) if found else shown(values.get("relay"))


def _assigned(path: Path, name: str, data: Mapping[str, Any], known: References) -> Control:
    rows = []
    for key in dict.fromkeys([*(known.at(path) or ()), *data]):
        inside = (*path, key)
        chosen = _list(data.get(key))
        ids = known.at(inside) or ()
        ranked = _ranked("templates", path_text(inside), child(name, key), ids, chosen)
        ranked = replace(ranked, options=_ids("templates", ids, chosen))
        rows.append(replace(ranked, label=key, key=key))
    return Control("assigned", path_text(path), name, "", children=tuple(rows))
