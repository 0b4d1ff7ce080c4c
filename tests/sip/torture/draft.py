"""A SIP message in parts that mutations change: start line, header lines, body; written out with or without repair."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Draft:
    """A message being mutated. `length` is what Content-Length says; `None` counts the body."""

    start: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    length: bytes | None = None
    colon: bytes = b": "
    end: bytes = b"\r\n"

    def find(self, name: bytes) -> int | None:
        """The index of the first header of a name."""
        return next((n for n, (key, _) in enumerate(self.headers) if key.lower() == name.lower()), None)

    def put(self, name: bytes, value: bytes) -> None:
        """Sets a header, in its place where it is there already."""
        at = self.find(name)
        if at is None:
            self.headers.append((name, value))
        else:
            self.headers[at] = (name, value)

    def encode(self) -> bytes:
        """The bytes of the message."""
        length = b"%d" % len(self.body) if self.length is None else self.length
        lines = [self.start, *(name + self.colon + value for name, value in self.headers), b"Content-Length: " + length]
        return self.end.join(lines) + self.end + self.end + self.body


Change = Callable[[random.Random, Draft], None]
"""Changes a draft in place."""


@dataclass(slots=True)
class Table:
    """Changes by name, in the order in which they were defined, so that a seed always means the same."""

    changes: dict[str, Change] = field(default_factory=dict)

    def add(self, change: Change) -> Change:
        """Takes a function into the table; a decorator."""
        self.changes[change.__name__] = change
        return change


NUMBERS = (
    b"0",
    b"1",
    b"-1",
    b"65535",
    b"65536",
    b"70000",
    b"2147483648",
    b"4294967296",
    b"9" * 40,
    b"0x10",
    b"1e9",
    b"",
)
"""Numbers that a field may not be ready for."""

NOISE = (
    b"\x00",
    b"\xff\xfe",
    b"\xc3(",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\x1b[2J",
    b"\x7f",
    b"\x08\x08",
    b"\t",
    b'"',
    b"\\",
    b"%00",
    b"%",
    b"<",
    b">",
    b";;",
    b",",
    b"@",
    b":",
    b"{{}}",
    b"${x}",
    "\u202e\u2028".encode(),
    b"'; --",
)
"""Bytes that text should not hold: controls, broken UTF-8, separators, what a log or a template may act on."""


def splice(rng: random.Random, text: bytes, piece: bytes) -> bytes:
    """The text with a piece put in somewhere."""
    at = rng.randint(0, len(text))
    return text[:at] + piece + text[at:]
