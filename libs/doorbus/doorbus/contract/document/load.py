"""From the YAML text that a person wrote to a `Door`, or to all that is wrong with it.

Only `doorbus apply` and its like read YAML; services read the JSON that it stores (`codec.py`), and do not load a YAML
parser.

All mistakes are found in one go: what is wrong is reported and taken out of a copy, and the copy is validated again,
until it is valid; then its parts are checked against each other. A finding that rests on something taken out is
not reported, as it would be a consequence and not a mistake.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from doorbus.contract.document.checks import find
from doorbus.contract.document.door import Door
from doorbus.contract.document.explain import explain, wants_date
from doorbus.contract.document.findings import Finding
from doorbus.contract.document.nodes import Fields, Items, Node, Scalar
from doorbus.contract.document.problems import DocumentError, Path, Problem, path_text
from doorbus.contract.document.yaml_scalars import is_date_like
from doorbus.contract.document.yaml_tree import MAX_PROBLEMS, Tree, read_tree

_ROUNDS = 64
"""Each round takes something out; what is nested deepest needs as many rounds as it has levels."""


def load_document(text: str | bytes) -> Door:
    """Reads the document of a door.

    Raises:
        DocumentError: with every mistake; nothing of the document may be used.
    """
    tree = read_tree(text)
    if tree.root is None:
        raise DocumentError(tuple(tree.problems))
    reading = _Reading(tree, tree.root)
    door = reading.validate()
    if door is not None:
        reading.check(door)
    if door is None or reading.problems:
        problems = sorted(set(reading.problems), key=lambda each: (each.line or 0, each.path))
        if len(problems) >= MAX_PROBLEMS:
            problems.append(Problem("", f"has {MAX_PROBLEMS} mistakes or more; reading stopped"))
        raise DocumentError(tuple(problems))
    return door


@dataclass
class _Reading:
    tree: Tree
    root: Fields
    problems: list[Problem] = field(default_factory=list)
    places: dict[Path, list[int]] = field(
        default_factory=dict
    )  # of lists: what was entry n before things were taken out

    def __post_init__(self) -> None:
        self.problems.extend(self.tree.problems)
        self.wrong = set(self.tree.wrong)
        self.reported = set(self.tree.reported)
        for path, node in _walk((), self.root):
            if len(self.problems) < MAX_PROBLEMS and is_date_like(node) and not wants_date(path):
                self._refuse(path, f'is a date to some YAML readers: write "{node.raw}" in quotes')  # type: ignore[union-attr]

    def validate(self) -> Door | None:
        """Validates until what is left is valid; None when that takes too long or there are too many problems."""
        for _ in range(_ROUNDS):
            self.places.clear()
            data = self._data((), self.root)
            data.setdefault("door", "door")
            try:
                door = Door.model_validate_json(json.dumps(data))
            except ValidationError as error:
                for each in error.errors(include_url=False, include_input=False):
                    if len(self.problems) >= MAX_PROBLEMS:
                        return None
                    self._take_out(each)
            else:
                if self.root.fields.get("door") is None:
                    self._refuse(("door",), "is required: 1 to 32 of a-z, 0-9 and -")
                return door
        return None

    def check(self, door: Door) -> None:
        """Reports what does not fit together, as far as it does not rest on what was taken out."""
        ids = {node.raw for path, node in _walk((), self.root) if path[-1:] == ("id",) and isinstance(node, Scalar)}
        for finding in find(door):
            if len(self.problems) >= MAX_PROBLEMS:
                return
            if not self._is_consequence(finding, ids):
                self._refuse(self._original(finding.path), finding.message)

    def _is_consequence(self, finding: Finding, ids: set[str]) -> bool:
        rests_on = [self._original(each) for each in (finding.path, *finding.needs)]
        if any(_related(each, wrong) for each in rests_on for wrong in self.wrong):
            return True
        if finding.refers is None or not self.wrong:
            return False
        list_of = len(finding.among)
        return finding.refers in ids or any(
            wrong[:list_of] == finding.among and wrong[list_of + 1 :] == ("id",) for wrong in self.wrong
        )

    def _take_out(self, error: Any) -> None:
        node = self._at(self._original(explain(error, None).path))
        explained = explain(error, node)
        path = self._original(explained.path)
        match error["type"]:
            case "missing":
                if path not in self.wrong:
                    self._refuse(path, explained.message)
                self.wrong.add(path[:-1] or path)
            case "union_tag_invalid" | "union_tag_not_found":
                if path not in self.wrong:
                    self._refuse(path, explained.message)
                self.wrong.add(path[:-1])
            case "too_long":
                self._too_long(path, error["ctx"]["max_length"])
            case _ if any(_related(path, each) and len(each) > len(path) for each in self.reported):
                self.wrong.add(path)  # its parts are wrong and were taken out: too few are left, and that is why
            case _:
                self._refuse(path, explained.message)
                if explained.meant is not None:
                    self.wrong.add((*path[:-1], explained.meant))

    def _too_long(self, path: Path, most: int) -> None:
        """Names the first entry that is too many; the others are too many as well."""
        extra = self.places[path][most:]
        node = self._at((*path, extra[0]))
        name = node.fields.get("id") if isinstance(node, Fields) else node
        shown = f' ("{name.raw}")' if isinstance(name, Scalar) and len(name.raw) <= 64 else ""
        self._refuse((*path, extra[0]), f"is entry {most + 1}{shown}; {path_text(path)} must have at most {most}")
        self.wrong.update((*path, place) for place in extra)

    def _refuse(self, path: Path, message: str) -> None:
        self.wrong.add(path)
        if any(path[:length] in self.reported for length in range(len(path) + 1)):
            return
        self.reported.add(path)
        self.problems.append(Problem(path_text(path), message, self._line(path)))

    def _data(self, path: Path, node: Node) -> Any:
        match node:
            case Scalar():
                return node.value
            case Fields():
                return {
                    key: self._data((*path, key), each)
                    for key, each in node.fields.items()
                    if (*path, key) not in self.wrong
                }
            case Items():
                kept = [place for place in range(len(node.items)) if (*path, place) not in self.wrong]
                self.places[path] = kept
                return [self._data((*path, place), node.items[place]) for place in kept]

    def _original(self, path: Path) -> Path:
        """Turns places in the copy into places in the text."""
        original: Path = ()
        for part in path:
            kept = self.places.get(original)
            original = (*original, kept[part] if isinstance(part, int) and kept and part < len(kept) else part)
        return original

    def _at(self, path: Path) -> Node | None:
        node: Node | None = self.root
        for part in path:
            if isinstance(node, Fields) and isinstance(part, str):
                node = node.fields.get(part)
            elif isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
                node = node.items[part]
            else:
                return None
        return node

    def _line(self, path: Path) -> int | None:
        """The line of what stands at `path`, or of the nearest thing around it."""
        for length in range(len(path), -1, -1):
            if (node := self._at(path[:length])) is not None:
                return node.line
        return None


def _walk(path: Path, node: Node) -> Iterator[tuple[Path, Node]]:
    yield path, node
    match node:
        case Fields():
            for key, each in node.fields.items():
                yield from _walk((*path, key), each)
        case Items():
            for place, each in enumerate(node.items):
                yield from _walk((*path, place), each)
        case Scalar():
            pass


def _related(path: Path, wrong: Path) -> bool:
    """Whether one of the two lies at or in the other."""
    shorter = min(len(path), len(wrong))
    return path[:shorter] == wrong[:shorter]
