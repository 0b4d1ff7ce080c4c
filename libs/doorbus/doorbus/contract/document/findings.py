"""What a check across the document finds, before it becomes a problem that people read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from doorbus.contract.document.problems import Path, path_text


@dataclass(frozen=True)
class Finding:
    """Something that does not fit.

    Attributes:
        path: where to change it.
        message: what is allowed there.
        refers: the id that leads nowhere; it is not reported when that entry exists and is itself wrong.
        among: the list that the id should be in; nothing is reported when an id of that list is wrong.
        needs: further paths that the finding rests on; it is not reported when one of them is wrong.
    """

    path: Path
    message: str
    refers: str | None = None
    among: Path = ()
    needs: tuple[Path, ...] = ()


def once(path: Path, values: Iterable[object], field: str | None = None, tell: bool = True) -> Iterator[Finding]:
    """Finds values that stand twice in the list at `path`, or in the `field` of its entries.

    `tell` false leaves the value out of the message.
    """
    first: dict[object, int] = {}
    for place, value in enumerate(values):
        other = first.setdefault(value, place)
        if other != place:
            end: Path = () if field is None else (field,)
            what = f'"{value}" ' if tell else ""
            yield Finding((*path, place, *end), f"{what}is already at {path_text((*path, other, *end))}; each one once")
