"""Multicast as policy's property tests see it: which page plays, and what is told of that, in its own numbers."""

from __future__ import annotations

from doorbus_policy.core import events as ev


class Paging:
    """The truth about pages. What it tells comes back as events, to be heard late, repeated or never.

    Attributes:
        page: the page that plays.
        outranks: whether that one outranks calls.
    """

    def __init__(self) -> None:
        self.page: str | None = None
        self.outranks = False
        self._epoch = 1
        self._number = 0
        self._pages = 0

    def starts(self, outranks: bool) -> list[ev.Event]:
        """A page starts; a running one is replaced, and an outranking one by its like alone."""
        before = self.page
        self._pages += 1
        self.page, self.outranks = f"page-{self._pages}", outranks or (before is not None and self.outranks)
        told: list[ev.Event] = [] if before is None else [ev.PageReplaced(before, self.page, self._word())]
        return [*told, ev.PageStarted(self.page, self.outranks, self._word())]

    def ends(self) -> list[ev.Event]:
        """The page is over."""
        if self.page is None:
            return []
        over, self.page = self.page, None
        return [ev.PageOver(over, self._word())]

    def dies(self) -> None:
        """Multicast dies, in a page maybe, and starts anew."""
        self.page = None
        self._epoch += 1
        self._number = 0

    def lease(self) -> ev.PageLeaseTold:
        """What it tells each second."""
        outranks = self.page is not None and self.outranks
        return ev.PageLeaseTold(self.page, outranks, ev.Word(self._epoch, self._number))

    def _word(self) -> ev.Word:
        self._number += 1
        return ev.Word(self._epoch, self._number)
