"""One round of editing a part of a document: what a form shows, and what becomes of what was posted. Pure.

A form carries the data that it showed (`base`), so that nothing of it is kept between requests: a restart of the
service in the middle loses nobody's typing. `submitted` decides:

1. A button of the form (add, remove, move) changes the form only.
2. Somebody else changed this part meanwhile: both changes are put together (`merge`), the form shows that with what
   they changed, and nothing is saved until it is sent again.
3. Something is wrong: the form comes back with all that is wrong, each beside its field.
4. Otherwise there is a document to write, over the revision that was seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from doorbus.contract.document import DocumentError, Door
from doorbus.contract.document.load import load_document
from doorbus.contract.document.problems import Problem
from doorbus_web.forms.control import Control
from doorbus_web.forms.controls import controls
from doorbus_web.forms.edit import VERBS, edited
from doorbus_web.forms.merge import Merged, merge
from doorbus_web.forms.post import Posted, read, without_keys
from doorbus_web.forms.problems import Said, note, place, where
from doorbus_web.forms.references import references
from doorbus_web.forms.shown import summary
from doorbus_web.forms.tree import tree
from doorbus_web.forms.yaml_text import yaml_text

BASE, REVISION, ORDER = "base", "revision", "do"


@dataclass(frozen=True)
class Form:
    """A form as it is shown.

    Attributes:
        root: its controls.
        base: the data that was shown first, as JSON, which the form carries.
        revision: of the document that it began with.
        said: all that is wrong.
        theirs: what somebody else changed meanwhile, in words.
        unsaved: it holds what is not saved.
        go_on: name of the field that was worked on, "" for none.
    """

    root: Control
    base: str
    revision: int
    said: tuple[Said, ...] = ()
    theirs: tuple[str, ...] = ()
    unsaved: bool = False
    go_on: str = ""


@dataclass(frozen=True)
class Submitted:
    """What became of a posted form: a document to write, or a form to show again."""

    form: Form
    door: Door | None = None


def opened(parts: tuple[str, ...], stored: Mapping[str, Any], revision: int) -> Form:
    """Returns the form of some parts of a stored document."""
    return _form(parts, stored, _parts(parts, stored), _parts(parts, stored), revision)


def submitted(parts: tuple[str, ...], posted: Posted, stored: Mapping[str, Any], revision: int) -> Submitted:
    """Decides about a posted form; `stored` is the whole document as it stands now, of `revision`."""
    group, current = tree(*parts), _parts(parts, stored)
    base = carried(posted, parts, current)
    seen = int(number) if (number := posted.get(REVISION, ("",))[-1]).isdecimal() else 0
    data = read(group, posted, base)
    order = posted.get(ORDER, ("",))[-1]
    if order.partition(":")[0] in VERBS:
        data, name = edited(group, data, order)
        form = _form(parts, stored, data, base, seen)
        return Submitted(replace(form, unsaved=True, go_on=name))
    mine = without_keys(data)
    if base != current:
        return Submitted(_merged(parts, stored, merge(base, mine, current), revision))
    door, problems = validated({**stored, **mine})
    form = replace(_form(parts, stored, data, base, revision), unsaved=mine != current)
    if problems:
        root, said = place(form.root, problems)
        form = replace(form, root=root, said=said)
    return Submitted(form, door)


def validated(data: dict[str, Any]) -> tuple[Door | None, tuple[Problem, ...]]:
    """Returns the document, or everything that is wrong with it."""
    try:
        return load_document(yaml_text(data)), ()
    except DocumentError as error:
        return None, error.problems


def _parts(parts: tuple[str, ...], data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key in parts}


def carried(posted: Posted, parts: tuple[str, ...], current: dict[str, Any]) -> dict[str, Any]:
    """Returns the data that a form showed first, as it carries it; what stands now where it carries none."""
    try:
        data = json.loads(posted.get(BASE, ("",))[-1])
    except ValueError:
        return current
    return _parts(parts, data) if isinstance(data, dict) else current


def _form(parts: tuple[str, ...], stored: Mapping[str, Any], data: Any, base: Any, revision: int) -> Form:
    known = references(without_keys({**stored, **data}))
    carried = json.dumps(base, sort_keys=True, separators=(",", ":"))
    return Form(controls(tree(*parts), data, known), carried, revision)


def _merged(parts: tuple[str, ...], stored: Mapping[str, Any], merged: Merged, revision: int) -> Form:
    form = _form(parts, stored, merged.data, _parts(parts, stored), revision)
    notes = {clash.path: f"Somebody else set this to: {summary(clash.theirs)}" for clash in merged.clashes}
    theirs = in_words(parts, stored, merged.changed)
    return replace(form, root=note(form.root, notes), theirs=theirs, unsaved=True)


def in_words(parts: tuple[str, ...], stored: Mapping[str, Any], changed: Iterable[tuple[str, Any]]) -> tuple[str, ...]:
    """Says changes of a stored document: the labels on the way, and the value now."""
    root = controls(tree(*parts), stored, references(stored))
    return tuple(f"{where(root, path)}: {summary(value)}" for path, value in changed)
