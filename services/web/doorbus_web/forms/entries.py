"""One template or one schedule at a time: adding, changing and taking out an entry of the call schedule. Pure.

It is the same round as in `editing`, with the whole `schedule` as the part that two people may edit at once. A
template's short name is made from its name where none is given, and stays: buttons name it. Taking a template out takes
it out of the buttons that had it; a schedule that something names is not taken out, and it is said what names it.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Literal

from doorbus.contract.document.problems import Problem
from doorbus_web.forms.controls import part
from doorbus_web.forms.editing import Form, Submitted, carried, in_words, validated
from doorbus_web.forms.kinds import Group, Items, Variants
from doorbus_web.forms.merge import merge
from doorbus_web.forms.post import Posted, read_part, without_keys
from doorbus_web.forms.problems import note, place
from doorbus_web.forms.references import references
from doorbus_web.forms.shown import summary
from doorbus_web.forms.tree import tree

List = Literal["templates", "schedules"]
PART = "schedule"


@cache
def kind(of: List, *, new: bool) -> Group | Variants:
    """Returns the fields of an entry; the id of one that exists is not among them."""
    schedule = tree(PART).fields[0].kind
    assert isinstance(schedule, Group)  # noqa: S101  # the document's model says so
    items = next(field.kind for field in schedule.fields if field.name == of)
    assert isinstance(items, Items)  # noqa: S101
    if new:
        return items.of
    return _without_id(items.of)


def _without_id(entry: Group | Variants) -> Group | Variants:
    if isinstance(entry, Group):
        return Group(tuple(field for field in entry.fields if field.name != "id"))
    groups = ((tag, Group(tuple(field for field in group.fields if field.name != "id"))) for tag, group in entry.groups)
    return Variants(entry.tag, tuple(groups))


def opened(of: List, stored: Mapping[str, Any], revision: int, entry_id: str | None, tag: str = "weekly") -> Form:
    """Returns the form of an entry, of a new one (of the kind `tag`) without an id."""
    entry = _entry(stored[PART], of, entry_id) or ({"kind": tag} if of == "schedules" else {})
    return _form(of, stored, stored[PART], entry, revision, entry_id)


def submitted(of: List, posted: Posted, stored: Mapping[str, Any], revision: int, entry_id: str | None) -> Submitted:
    """Decides about a posted entry; `stored` is the whole document as it stands, of `revision`."""
    current = stored[PART]
    base = carried(posted, (PART,), {PART: current}).get(PART, current)
    fields = kind(of, new=entry_id is None)
    entry = without_keys(read_part(fields, posted, _entry(base, of, entry_id) or {}))
    if posted.get("do", ("",))[-1].startswith("refresh"):
        return Submitted(replace(_form(of, stored, base, entry, revision, entry_id), unsaved=True))
    if entry_id is not None:
        entry["id"] = entry_id  # also where its kind was changed
    elif not entry.get("id") and isinstance(entry.get("name"), str):
        entry["id"] = _short(entry["name"], {each["id"] for each in current[of]})
    mine = _with(base, of, entry, entry_id)
    entry_id = entry_id or str(entry.get("id", ""))
    if base != current:
        merged = merge(base, mine, current)
        here = _entry(merged.data, of, entry_id) or entry
        form = _form(of, stored, current, here, revision, entry_id, merged.data)
        prefix = f"{of}[{_place(merged.data, of, entry_id)}]"
        notes = {
            f"{PART}.{clash.path}": f"Somebody else set this to: {summary(clash.theirs)}"
            for clash in merged.clashes
            if clash.path.startswith(prefix)
        }
        theirs = in_words((PART,), stored, ((f"{PART}.{path}", value) for path, value in merged.changed))
        return Submitted(replace(form, root=note(form.root, notes), theirs=theirs, unsaved=True))
    door, problems = validated({**stored, PART: mine})
    form = _form(of, stored, base, entry, revision, entry_id, mine)
    if problems:
        root, said = place(form.root, problems)
        form = replace(form, root=root, said=said, unsaved=True)
    return Submitted(form, door)


def removed(of: List, stored: Mapping[str, Any], entry_id: str) -> tuple[Any, tuple[Problem, ...]]:
    """Returns the document without an entry, or why it has to stay."""
    data = copy.deepcopy(dict(stored))
    data[PART][of] = [each for each in data[PART][of] if each["id"] != entry_id]
    if of == "templates":
        inputs = data[PART]["inputs"]
        data[PART]["inputs"] = {name: [each for each in listed if each != entry_id] for name, listed in inputs.items()}
    return validated(data)


def _form(
    of: List,
    stored: Mapping[str, Any],
    base: Any,
    entry: dict[str, Any],
    revision: int,
    entry_id: str | None,
    whole: Any = None,
) -> Form:
    whole = whole if whole is not None else base
    known = references(without_keys({**stored, PART: whole}))
    known_here = _entry(base, of, entry_id) is not None
    path = (PART, of, _place(whole, of, entry_id))
    root = part(kind(of, new=not known_here), path, entry, known)
    return Form(root, json.dumps({PART: base}, sort_keys=True, separators=(",", ":")), revision)


def _entry(schedule: Any, of: List, entry_id: str | None) -> dict[str, Any] | None:
    return next((each for each in schedule[of] if each.get("id") == entry_id), None)


def _place(schedule: Any, of: List, entry_id: str | None) -> int:
    ids = [each.get("id") for each in schedule[of]]
    return ids.index(entry_id) if entry_id in ids else len(ids)


def _with(schedule: Any, of: List, entry: dict[str, Any], entry_id: str | None) -> Any:
    """Puts an entry in the place of the one of this id, or last: a new one, and one that is gone."""
    data = copy.deepcopy(schedule)
    there = [place for place, each in enumerate(data[of]) if each.get("id") == entry_id]
    if there:
        data[of][there[0]] = entry
    else:
        data[of].append(entry)
    return data


def _short(name: str, taken: set[str]) -> str:
    short = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:28] or "entry"
    numbers = ("", *(f"-{number}" for number in range(2, 99)))
    return next(short + number for number in numbers if short + number not in taken)
