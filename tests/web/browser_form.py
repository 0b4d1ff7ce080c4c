"""What a browser posts of a page's form, by the HTML standard's rules for successful controls: no browser needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Page(HTMLParser):
    """Reads a page. `fields` are the names and values of the first form with a `base` (or of the only form)."""

    fields: list[tuple[str, str]] = field(default_factory=list)

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.fields = []
        self.labels: set[str] = set()
        self.ids: list[str] = []
        self.controls: list[tuple[str, dict[str, str | None], bool]] = []
        self.headings: list[int] = []
        self.described: list[str] = []
        self._select: str | None = None
        self._options: list[tuple[str, bool]] = []
        self._area: str | None = None
        self._text = ""
        self._in_label = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Takes an element in."""
        given = dict(attributes)
        name = given.get("name") or ""
        if given.get("id"):
            self.ids.append(given["id"] or "")
        self.described += (given.get("aria-describedby") or "").split()
        if tag in ("input", "select", "textarea") and given.get("type") != "hidden":
            self.controls.append((tag, given, self._in_label > 0))
        match tag:
            case "label":
                self._in_label += 1
                self.labels.add(given.get("for") or "")
            case "h1" | "h2" | "h3" | "h4":
                self.headings.append(int(tag[1]))
            case "input" if name:
                kind = given.get("type", "text")
                if kind in ("checkbox", "radio"):
                    if "checked" in given:
                        self.fields.append((name, given.get("value") or "on"))
                elif kind not in ("submit", "button"):
                    self.fields.append((name, (given.get("value") or "").replace("\n", "").replace("\r", "")))
            case "select":
                self._select, self._options = name, []
            case "option":
                self._options.append((given.get("value") or "", "selected" in given))
            case "textarea":
                self._area, self._text = name, ""

    def handle_data(self, data: str) -> None:
        """Takes text in."""
        if self._area is not None:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        """Ends an element."""
        match tag:
            case "label":
                self._in_label -= 1
            case "select" if self._select:
                chosen = [value for value, selected in self._options if selected] or [self._options[0][0]]
                self.fields.append((self._select, chosen[-1]))
                self._select = None
            case "textarea" if self._area is not None:
                text = self._text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\n")
                self.fields.append((self._area, text.replace("\n", "\r\n")))
                self._area = None

    def posted(self, **changes: str) -> dict[str, list[str]]:
        """Returns all values by name, with some typed over (`__` stands for a dot)."""
        found: dict[str, list[str]] = {}
        for name, value in self.fields:
            found.setdefault(name, []).append(value)
        return found | {name.replace("__", "."): [value] for name, value in changes.items()}
