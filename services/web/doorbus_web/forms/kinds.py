"""What a field of the document can be, as far as a form has to know. Made from the models by `tree`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Text:
    """A text; `says` is what it takes, in words; `long` where it may have several lines."""

    says: str = ""
    long: bool = False


@dataclass(frozen=True)
class Number:
    """A number from `low` to `high`."""

    whole: bool
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Flag:
    """On or off."""


@dataclass(frozen=True)
class Choice:
    """One of a few values."""

    values: tuple[str | int, ...]


@dataclass(frozen=True)
class Day:
    """A date."""


@dataclass(frozen=True)
class Secret:
    """A reference to a secret, or one of the words in `also`. The secret itself is never shown or asked for."""

    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lines:
    """A list of short values, written one a line."""

    item: Text | Number | Day


@dataclass(frozen=True)
class Ticks:
    """Some of a few values, whose order says nothing."""

    values: tuple[str | int, ...]


@dataclass(frozen=True)
class Ranked:
    """Some of a few values, in an order that counts."""

    values: tuple[str | int, ...]


@dataclass(frozen=True)
class Group:
    """A part with fields of its own."""

    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Variants:
    """A part whose fields hang on what it is: `tag` is the field that says so."""

    tag: Field
    groups: tuple[tuple[str, Group], ...]

    def group(self, tag: object) -> Group | None:
        """Returns the fields of one variant."""
        return next((group for name, group in self.groups if name == tag), None)


@dataclass(frozen=True)
class Items:
    """A list of parts."""

    of: Group | Variants
    most: int | None = None


@dataclass(frozen=True)
class Table:
    """A mapping of short values to short values, written `key: value`, one a line."""

    key: Text | Number
    value: Text | Number


@dataclass(frozen=True)
class Assigned:
    """A mapping of ids to lists of ids: one row for each id that there is."""

    value: Lines


Kind = (
    Text | Number | Flag | Choice | Day | Secret | Lines | Ticks | Ranked | Group | Variants | Items | Table | Assigned
)


@dataclass(frozen=True)
class Field:
    """A field.

    Attributes:
        name: its key in the document.
        label: in words.
        help: what it is for, in a sentence or two; may be empty.
        kind: what it can be.
        required: the document has no default for it.
        nullable: it may be left out on purpose.
        default: as plain data; None where there is none.
        unit: of a number, in words.
    """

    name: str
    label: str
    help: str
    kind: Kind
    required: bool = False
    nullable: bool = False
    default: Any = field(default=None, compare=False)
    unit: str = ""
