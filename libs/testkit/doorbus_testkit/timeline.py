"""Prints what happens as a timeline for people: chapters, and steps with milliseconds since the chapter's begin."""

from __future__ import annotations

import os
from typing import TextIO

BOLD, DIM, GREEN, PLAIN = "\033[1m", "\033[2m", "\033[32m", "\033[0m"


class Timeline:
    """Writes a timeline.

    Args:
        out: where to; colours only on a terminal, and not with NO_COLOR set.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._begin = 0.0
        self._colours = out.isatty() and "NO_COLOR" not in os.environ

    def chapter(self, title: str) -> None:
        """Opens a chapter."""
        self._write(f"\n{self._in(BOLD, title)}")

    def begin(self, at: float) -> None:
        """Sets the moment (monotonic seconds) that the chapter's steps are counted from."""
        self._begin = at

    def step(self, text: str, at: float) -> None:
        """Shows a step that was seen, and when (monotonic seconds)."""
        milliseconds = f"{(at - self._begin) * 1000:8.0f} ms"
        self._write(f"{self._in(DIM, milliseconds)}  {self._in(GREEN, '✓')} {text}")

    def note(self, text: str) -> None:
        """Shows something measured afterwards."""
        self._write(f"{'':11}  {self._in(GREEN, '✓')} {text}")

    def _in(self, style: str, text: str) -> str:
        return f"{style}{text}{PLAIN}" if self._colours else text

    def _write(self, text: str) -> None:
        print(text, file=self._out, flush=True)
