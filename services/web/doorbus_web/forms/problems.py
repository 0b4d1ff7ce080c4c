"""Puts what is wrong beside the field where it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from doorbus.contract.document.problems import Problem
from doorbus_web.forms import words
from doorbus_web.forms.control import Control


@dataclass(frozen=True)
class Said:
    """A problem in words, for the summary on top of a form.

    Attributes:
        where: the labels on the way, or the path where this form has no such field.
        anchor: id of the field, "" where this form has none.
        message: what is allowed.
    """

    where: str
    anchor: str
    message: str


def place(root: Control, problems: Iterable[Problem]) -> tuple[Control, tuple[Said, ...]]:
    """Returns the form with each problem beside the innermost field that holds its place, and the list of all."""
    labels = dict(_labels(root, ""))
    beside: dict[str, list[str]] = {}
    said = []
    for problem in problems:
        path, message = problem.path, words.complaint(problem.message)
        home = max((each for each in labels if _holds(each, path)), key=len, default="")
        if home:
            beside.setdefault(home, []).append(_line(path[len(home) :]) + message)
        control, where = labels.get(home, (None, path))
        said.append(Said(where, control.id if control else "", message))
    return _marked(root, beside), tuple(said)


def note(root: Control, notes: Mapping[str, str]) -> Control:
    """Returns the form with a note beside each field of these paths."""
    homes: dict[str, list[str]] = {}
    paths = [each.path for each in root.all() if each.path]
    for path, text in notes.items():
        home = max((each for each in paths if _holds(each, path)), key=len, default="")
        homes.setdefault(home, []).append(text)
    return _marked(root, homes, notes=True)


def where(root: Control, path: str) -> str:
    """Returns the labels on the way to a path, in words."""
    labels = dict(_labels(root, ""))
    home = max((each for each in labels if _holds(each, path)), key=len, default="")
    rest = path[len(home) :].strip(".")
    return f"{labels[home][1]} {rest}".strip() if home else path


def _labels(control: Control, before: str) -> Iterable[tuple[str, tuple[Control, str]]]:
    label = f"{control.entry} {control.label}" if control.widget == "item" else control.label
    where = f"{before} › {label}" if before and label else before or label
    if control.path:
        yield control.path, (control, where)
    for each in control.children:
        yield from _labels(each, where)


def _holds(outer: str, path: str) -> bool:
    return path == outer or (path.startswith(outer) and path[len(outer)] in ".[")


def _line(rest: str) -> str:
    """Of a list that is written one a line: which line."""
    match = re.fullmatch(r"\[([0-9]+)\]", rest)
    return f"Entry {int(match[1]) + 1}: " if match else ""


def _marked(control: Control, beside: Mapping[str, list[str]], *, notes: bool = False) -> Control:
    children = tuple(_marked(each, beside, notes=notes) for each in control.children)
    found = tuple(beside.get(control.path, ())) if control.path else ()
    if notes:
        return replace(control, children=children, notes=found or control.notes)
    return replace(control, children=children, problems=found or control.problems)
