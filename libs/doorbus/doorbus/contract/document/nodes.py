"""The tree of a YAML text: what stood where, on which line, in which words."""

from dataclasses import dataclass

from doorbus.contract.document.problems import Path

SECRET_FIELDS = frozenset({"password", "code", "cert", "key"})
"""Text that stands under these is never quoted in a message."""


@dataclass(frozen=True)
class Scalar:
    """A single value; `raw` is its text, `plain` whether it stood without quotes, `comment` what `#` cut off."""

    value: str | int | float | bool | None
    raw: str
    plain: bool
    line: int
    comment: str | None = None


@dataclass(frozen=True)
class Items:
    """A list."""

    items: list["Node"]
    line: int


@dataclass(frozen=True)
class Fields:
    """A mapping, with text for keys."""

    fields: dict[str, "Node"]
    line: int


Node = Scalar | Items | Fields


def is_secret(path: Path) -> bool:
    """Whether the text at `path` may be a secret that somebody wrote in the wrong place."""
    return any(part in SECRET_FIELDS for part in path)
