"""Reads YAML 1.2 into a plain tree, and catches what YAML does to people on the way.

It works on the parser's events, so no tag ever constructs an object, no alias is ever followed, and the raw text of
each scalar is known. What a plain scalar means is decided in `yaml_scalars.py`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from doorbus.contract.document.nodes import Fields, Items, Node, Scalar, is_secret
from doorbus.contract.document.problems import Path, Problem, path_text
from doorbus.contract.document.yaml_scalars import BOOLEANS, NULLS, plain_value, trap

MAX_BYTES = 256 * 1024
"""A document of a door is some 10 KiB; a NATS message may be 1 MiB."""

MAX_PROBLEMS = 200
"""More than anybody reads: a text with more is no document, and must not cost minutes to refuse."""

MAX_DEPTH = 16
"""Twice what the document needs."""


@dataclass
class Tree:
    """What was read: `root` is None when nothing could be; `wrong` holds the paths that must not be used."""

    root: Fields | None = None
    problems: list[Problem] = field(default_factory=list)
    reported: set[Path] = field(default_factory=set)
    wrong: set[Path] = field(default_factory=set)


_FORBIDDEN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def read_tree(source: str | bytes) -> Tree:
    """Reads one YAML document with a mapping at its root; problems are collected, nothing is raised."""
    tree = Tree()
    try:
        text = _decode(source)
        # A parser of hostile text: besides its own errors ruamel lets these through (a \U beyond Unicode, for one).
        tree.root = _Builder(text, tree).document()
    except _RefusedError as refused:
        tree.problems.append(refused.problem)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else None
        tree.problems.append(Problem("", _syntax_hint(error, text), line))
    except (YAMLError, ValueError, LookupError, TypeError, AttributeError, AssertionError, ArithmeticError):
        tree.problems.append(Problem("", "is not YAML: it holds characters or escapes that YAML does not allow"))
    return tree


class _RefusedError(Exception):
    """Reading cannot go on."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def _decode(source: str | bytes) -> str:
    raw = source if isinstance(source, bytes) else source.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_BYTES:
        raise _RefusedError(Problem("", f"must be at most {MAX_BYTES // 1024} KiB"))
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise _RefusedError(Problem("", "must be UTF-8 text", line)) from None


def _syntax_hint(error: MarkedYAMLError, text: str) -> str:
    complaint = error.problem or "cannot be read"
    lines = text.splitlines()
    mark = error.problem_mark
    line = lines[mark.line] if mark is not None and mark.line < len(lines) else ""
    hint = ""
    if "\\t" in complaint or "\t" in line:
        hint = ": indent with spaces, not with a tab"
    elif "alias" in f"{error.context} {complaint}":
        hint = ': an unquoted * begins an alias: write "*" or "*78" in quotes'
    elif re.search(r"""[\[,:\-]\s*#""", text):
        hint = ': an unquoted # begins a comment: write "#1" in quotes'
    elif "cannot start any token" in complaint:
        hint = ": put the value in quotes"
    return f"is not YAML: {complaint}{hint}"


class _Builder:
    """Turns events into nodes; every method consumes the events of what it returns."""

    def __init__(self, text: str, tree: Tree) -> None:
        self._text = text
        self._tree = tree
        self._events: Iterator[Any] = YAML(typ="safe", pure=True).parse(text)

    def document(self) -> Fields | None:
        """Reads the only document."""
        event = self._next("DocumentStartEvent")
        if event is None:
            self._report((), "must be a mapping with at least door: ID, and is empty", 1)
            return None
        if event.version not in (None, (1, 2)):
            self._report((), "must be YAML 1.2", _line(event))
        root = self._node((), next(self._events), 0)
        if (second := self._next("DocumentStartEvent")) is not None:
            self._report((), "must be one document; a second one begins here", _line(second))
        if isinstance(root, Fields):
            return root
        if () not in self._tree.reported:
            self._report((), "must be a mapping with at least door: ID", root.line if root else 1)
        return None

    def _next(self, name: str) -> Any:
        return next((event for event in self._events if type(event).__name__ == name), None)

    def _report(self, path: Path, message: str, line: int, wrong: bool = True) -> None:
        if len(self._tree.problems) >= MAX_PROBLEMS:
            raise _RefusedError(Problem("", f"has more than {MAX_PROBLEMS} mistakes; reading stops here", line))
        self._tree.problems.append(Problem(path_text(path), message, line))
        self._tree.reported.add(path)
        if wrong:
            self._tree.wrong.add(path)

    def _node(self, path: Path, event: Any, depth: int, key: Any = None) -> Node | None:
        line = _line(event)
        if depth > MAX_DEPTH:
            raise _RefusedError(Problem(path_text(path), f"must be at most {MAX_DEPTH} levels deep", line))
        kind = type(event).__name__
        if kind == "AliasEvent":
            shown = "an unquoted * and what follows" if is_secret(path) else f"*{event.anchor}"
            quoted = "it" if is_secret(path) else f'"*{event.anchor}"'
            self._report(path, f"{shown} is an alias to YAML: write {quoted} in quotes; aliases are not allowed", line)
            return None
        if event.anchor is not None:
            message = "an unquoted & begins an anchor, and anchors are not allowed: write the value in quotes"
            self._report(path, message, line)
        tag = getattr(event, "tag", None) or getattr(event, "ctag", None)
        if tag is not None and str(tag) not in ("", "None"):
            self._report(path, "an unquoted ! begins a tag, and tags are not allowed: write the value in quotes", line)
        if kind == "SequenceStartEvent":
            return self._items(path, line, depth)
        if kind == "MappingStartEvent":
            return self._fields(path, line, depth)
        return self._scalar(path, event, key)

    def _items(self, path: Path, line: int, depth: int) -> Items:
        items: list[Node] = []
        while type(event := next(self._events)).__name__ != "SequenceEndEvent":
            place = len(items)
            items.append(self._node((*path, place), event, depth + 1) or Scalar(None, "", True, _line(event)))
        return Items(items, line)

    def _fields(self, path: Path, line: int, depth: int) -> Fields:
        fields: dict[str, Node] = {}
        while type(event := next(self._events)).__name__ != "MappingEndEvent":
            key = self._key(path, event, depth)
            value_event = next(self._events)
            if key is None:
                self._skip(value_event)
                continue
            here = (*path, key)
            if key in fields:
                first = fields[key].line
                self._report(
                    here, f"is given twice, first near line {first}; each field once", _line(event), wrong=False
                )
                self._skip(value_event)
                continue
            fields[key] = self._node(here, value_event, depth + 1, event) or Scalar(None, "", True, _line(value_event))
        return Fields(fields, line)

    def _key(self, path: Path, event: Any, depth: int) -> str | None:
        line = _line(event)
        if type(event).__name__ != "ScalarEvent":
            self._report(path, "a field's name must be plain text, not a list, mapping or alias", line, wrong=False)
            self._skip(event)
            return None
        raw: str = event.value
        if raw == "<<" and not event.style:
            self._report(path, "merge keys (<<) are not allowed: write the fields out", line, wrong=False)
            return None
        tagged = event.anchor is not None or (event.ctag is not None and str(event.ctag) not in ("", "None"))
        unnamed = not event.style and (raw in NULLS or raw in BOOLEANS)
        if tagged or unnamed or _FORBIDDEN_TEXT.search(raw):
            self._report(path, "a field's name must be plain text, without tag or anchor", line, wrong=False)
            return None
        return raw

    def _skip(self, event: Any) -> None:
        depth = 0
        while True:
            name = type(event).__name__
            depth += name in ("SequenceStartEvent", "MappingStartEvent")
            depth -= name in ("SequenceEndEvent", "MappingEndEvent")
            if depth == 0:
                return
            event = next(self._events)

    def _scalar(self, path: Path, event: Any, key: Any) -> Scalar:
        raw: str = event.value
        plain = not event.style
        # The parser puts a missing value where the next token begins, which may be lines below its key.
        before = key if key is not None and plain and raw == "" else event
        line = _line(before)
        if _FORBIDDEN_TEXT.search(raw):
            self._report(path, "must hold no control characters", line)
        if not plain:
            return Scalar(raw, raw, False, line)
        if (message := trap(raw, is_secret(path))) is not None:
            self._report(path, message, line)
        comment = self._comment_after(before) if raw == "" else None
        return Scalar(plain_value(raw), raw, True, line, comment)

    def _comment_after(self, event: Any) -> str | None:
        rest = self._text[event.end_mark.index :].split("\n", 1)[0]
        found = re.match(r":?[ \t]*(#\S*)", rest)
        return found[1] if found else None


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
