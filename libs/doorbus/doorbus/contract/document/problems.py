"""What is wrong with a document: all of it, each with its path."""

import json
import re
from dataclasses import dataclass

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One mistake.

    Attributes:
        path: like `multicast.listeners[2].address`; empty for the document as a whole.
        message: what is allowed there, in words; never quotes a secret.
        line: the line of the YAML text, from 1; None where there is none.
    """

    path: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        where = f" (line {self.line})" if self.line is not None else ""
        return f"{self.path}: {self.message}{where}" if self.path else f"{self.message}{where}"


class DocumentError(ValueError):
    """The document is refused whole; `problems` holds every mistake that was found."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def path_text(path: Path) -> str:
    """Writes a path for people: `io.inputs[0].line`; keys that are no plain words are quoted and cut."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z0-9_-]{1,64}", part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part[:40])}]"
    return text
