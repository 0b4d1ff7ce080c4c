"""Adding, removing and moving entries of a list, by the buttons of a form: `add:actions:http`, `remove:actions:2`.

The data is what was posted, so nothing that somebody typed is lost; nothing is saved either.
"""

from __future__ import annotations

import copy
from typing import Any

from doorbus_web.forms.kinds import Field, Group, Items, Variants
from doorbus_web.forms.post import KEY

VERBS = ("add", "remove", "up", "down", "refresh")


def edited(group: Group, data: dict[str, Any], order: str) -> tuple[dict[str, Any], str]:
    """Does what a button asks for. Returns the data, and the name of the field to go on with ("" for none).

    An order that names nothing changes nothing: a form may have been opened long ago.
    """
    verb, _, rest = order.partition(":")
    name, _, argument = rest.partition(":")
    data = copy.deepcopy(data)
    found = _find(group, data, name.split("."))
    if found is None or verb not in VERBS or verb == "refresh":
        return data, name
    field, entries = found
    if verb == "add":
        return data, f"{name}.{_add(field, entries, argument)}"
    place = next((place for place, each in enumerate(entries) if str(each.get(KEY, place)) == argument), None)
    if place is None:
        return data, name
    match verb:
        case "remove":
            del entries[place]
        case "up" if place > 0:
            entries.insert(place - 1, entries.pop(place))
        case "down":
            entries.insert(place + 1, entries.pop(place))
    return data, name if verb == "remove" else f"{name}.{argument}"


def _find(group: Group | Variants, data: Any, names: list[str]) -> tuple[Field, list[Any]] | None:
    """The list of parts at a name, made where it is missing; entries on the way go by their key."""
    if isinstance(group, Variants):
        group = group.group(data.get(group.tag.name)) or Group(())
    field = next((each for each in group.fields if each.name == names[0]), None)
    match field:
        case Field(kind=Items() as items):
            entries = data.setdefault(field.name, [])
            if len(names) == 1:
                return field, entries
            keyed = {str(each.get(KEY, place)): each for place, each in enumerate(entries)}
            inside = keyed.get(names[1])
            return None if inside is None or len(names) < 3 else _find(items.of, inside, names[2:])
        case Field(kind=Group() | Variants() as part) if len(names) > 1:
            return _find(part, data.setdefault(field.name, {}), names[1:])
        case _:
            return None


def _add(field: Field, entries: list[Any], tag: str) -> str:
    taken = {str(each.get(KEY, place)) for place, each in enumerate(entries)}
    for place, each in enumerate(entries):
        each.setdefault(KEY, str(place))
    key = next(f"n{number}" for number in range(len(taken) + 1) if f"n{number}" not in taken)
    entry: dict[str, Any] = {KEY: key}
    if isinstance(field.kind, Items) and isinstance(field.kind.of, Variants):
        entry[field.kind.of.tag.name] = tag or field.kind.of.groups[0][0]
    entries.append(entry)
    return key
