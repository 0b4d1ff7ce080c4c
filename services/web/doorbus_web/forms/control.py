"""What a template draws: one control for each field, with its value, its choices and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Widget = Literal[
    "text", "long", "number", "flag", "choice", "date", "secret", "lines", "ticks", "ranked", "group", "items",
    "item", "variants", "assigned",
]  # fmt: skip


@dataclass(frozen=True)
class Option:
    """One thing to choose."""

    value: str
    label: str
    chosen: bool = False


@dataclass(frozen=True)
class Control:
    """A field as it stands in a form.

    Attributes:
        path: in the document, as problems name it.
        name: of the posted field.
        value: as text.
        options: to choose from.
        ranks: of an order, the chosen value of each place, "" for an empty one.
        children: what is inside; of `variants` the tag comes first.
        switch: the label of the switch before a part that may be left out, "" where there is none.
        on: whether that part is there.
        key: of a list's entry.
        entry: what one entry of the list is called.
        adds: what may be added: the tag (or "") and its name.
        problems: what is wrong here, in words.
        notes: what else is to be known here: somebody else's value.
    """

    widget: Widget
    path: str
    name: str
    label: str
    help: str = ""
    unit: str = ""
    value: str = ""
    options: tuple[Option, ...] = ()
    ranks: tuple[str, ...] = ()
    children: tuple[Control, ...] = ()
    switch: str = ""
    on: bool = True
    key: str = ""
    entry: str = ""
    adds: tuple[Option, ...] = ()
    required: bool = False
    whole: bool = False
    rows: int = 3
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Of the element."""
        return "f-" + self.name.replace(".", "-")

    @property
    def wrong(self) -> bool:
        """Whether something is wrong here or inside."""
        return bool(self.problems) or any(child.wrong for child in self.children)

    @property
    def noted(self) -> bool:
        """Whether somebody else's value stands beside this or something inside."""
        return bool(self.notes) or any(child.noted for child in self.children)

    def child(self, name: str) -> Control:
        """Returns the child at a place below: `control.child("enabled")`. Raises KeyError."""
        for each in self.children:
            if each.name.rpartition(".")[2] == name:
                return each
        raise KeyError(name)

    def all(self) -> Iterator[Control]:
        """Yields this and everything inside."""
        yield self
        for each in self.children:
            yield from each.all()
