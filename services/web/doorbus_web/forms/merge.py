"""Two people edit one document: what both did, put together.

`base` is what my form showed, `mine` what I made of it, `theirs` what stands in the store now. Rules:

* What only one of us changed is changed. What both changed alike is changed.
* What both changed differently is a `Clash`: mine stays in the form, theirs stands beside it, and I decide.
* Parts are merged field by field; entries of a list by their name (`id`, `label`, `input`), so both may add and move.
  A list whose entries have no names, or the same twice, is one value.
* An entry that one of us removed and the other changed is a clash, and stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from doorbus.contract.document.problems import Path, path_text

_NAMES = ("id", "label", "input")
_GONE = object()


@dataclass(frozen=True)
class Clash:
    """What both changed.

    Attributes:
        path: where in the merged data.
        theirs: their value; None where they removed it.
    """

    path: str
    theirs: Any


@dataclass(frozen=True)
class Merged:
    """What came of it.

    Attributes:
        data: to show and save.
        clashes: what both changed.
        changed: what they changed: the path in their data, and the value there (None where they removed it).
    """

    data: Any
    clashes: tuple[Clash, ...]
    changed: tuple[tuple[str, Any], ...]


def merge(base: Any, mine: Any, theirs: Any) -> Merged:
    """Puts both changes together."""
    clashes: list[Clash] = []
    data = _merge((), base, mine, theirs, clashes)
    changed = tuple((path_text(path), _at(theirs, path)) for path in differences(base, theirs))
    return Merged(data, tuple(clashes), changed)


def differences(before: Any, after: Any, path: Path = ()) -> tuple[Path, ...]:
    """Returns the paths (in `after`) of all that differs; of entries that came or went, the list's."""
    if before == after:
        return ()
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [*after, *(key for key in before if key not in after)]
        found = [differences(before.get(key, _GONE), after.get(key, _GONE), (*path, key)) for key in keys]
        return tuple(each for some in found for each in some)
    ours, others = _by_name(before), _by_name(after)
    if ours is None or others is None or list(ours) != list(others):
        return (path,)
    found = [differences(ours[name], others[name], (*path, place)) for place, name in enumerate(others)]
    return tuple(each for some in found for each in some)


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data.get(part) if isinstance(data, dict) else data[part]
    return data


def _merge(path: Path, base: Any, mine: Any, theirs: Any, clashes: list[Clash]) -> Any:
    if mine in (base, theirs):
        return theirs
    if theirs == base:
        return mine
    if isinstance(mine, dict) and isinstance(theirs, dict):
        before: Mapping[str, Any] = base if isinstance(base, dict) else {}
        data = {}
        for key in [*mine, *(key for key in theirs if key not in mine)]:
            each = (before.get(key, _GONE), mine.get(key, _GONE), theirs.get(key, _GONE))
            value = _merge((*path, key), *each, clashes)
            if value is not _GONE:
                data[key] = value
        return data
    ours, others, shared = _by_name(mine), _by_name(theirs), _by_name(base) or {}
    if ours is not None and others is not None:
        return _entries(path, shared, ours, others, clashes)
    return _clash(path, mine, theirs, clashes)


def _entries(path: Path, base: Any, mine: Any, theirs: Any, clashes: list[Clash]) -> list[Any]:
    moved = [name for name in mine if name in base] != [name for name in base if name in mine]
    first, second = (mine, theirs) if moved else (theirs, mine)
    data: list[Any] = []
    for name in [*first, *(name for name in second if name not in first)]:
        each = (base.get(name, _GONE), mine.get(name, _GONE), theirs.get(name, _GONE))
        value = _merge((*path, len(data)), *each, clashes)
        if value is not _GONE:
            data.append(value)
    return data


def _clash(path: Path, mine: Any, theirs: Any, clashes: list[Clash]) -> Any:
    if mine is _GONE:  # they changed what I removed: it stays, and I am told
        clashes.append(Clash(path_text(path), theirs))
        return theirs
    clashes.append(Clash(path_text(path), None if theirs is _GONE else theirs))
    return mine


def _by_name(entries: Any) -> dict[str, Any] | None:
    """The entries by their name, None where they cannot be told apart by one."""
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        return None
    names = [next((each[key] for key in _NAMES if isinstance(each.get(key), str)), None) for each in entries]
    if None in names or len(set(names)) != len(names):
        return None
    return dict(zip(names, entries, strict=True))  # type: ignore[arg-type]
