"""What a press has to say, and how it is put into URLs, paths, headers and texts. Pure.

Each value is made safe for the place where it goes: nothing that stands in a value can end a header, leave a folder or
add a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from string import Template
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from doorbus.contract.buttons import Does

_NOT_IN_URLS = re.compile(r"[^!#$%&'()*+,/:;=?@\[\]A-Za-z0-9._~-]")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.+-]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


@dataclass(frozen=True)
class Note:
    """What a press has to say.

    Attributes:
        id: of the message, the same at each try.
        action: id of the action that sends it.
        press: id of the press.
        does: what the press did to the door's call.
        pressed_at: aware.
    """

    id: str
    door: str
    action: str
    press: str
    input: str
    call: str | None
    does: Does | None
    pressed_at: datetime

    def time(self, zone: ZoneInfo) -> str:
        """Returns the press's time on the clocks of `zone`: ISO 8601 with milliseconds and offset."""
        return self.pressed_at.astimezone(zone).isoformat(timespec="milliseconds")

    def values(self, zone: ZoneInfo) -> dict[str, str]:
        """Returns the values of the placeholders."""
        time = self.time(zone)
        return {"door": self.door, "input": self.input, "time": time, "call": self.call or "", "id": self.id}


def _fill(template: str, values: dict[str, str], encode: Callable[[str], str]) -> str:
    return Template(template).substitute({name: encode(value) for name, value in values.items()})


def in_url(template: str, values: dict[str, str]) -> str:
    """Fills in a URL; values are percent-encoded, and so is what the template has and a URL may not (RFC 3986)."""
    text = _fill(template, values, lambda value: quote(value, safe=""))
    return _NOT_IN_URLS.sub(lambda found: quote(found.group()), text)


def in_path(url: str, values: dict[str, str]) -> str:
    """Fills in the path of an FTP URL and decodes it: relative to where the login leads (RFC 1738, section 3.2.2).

    `ftp://host//var/x` begins at the root. Values lose what any server may not like in a file's name: the time is
    `2026-05-04T12-00-00.000+02-00`.
    """
    template = url.partition("://")[2].partition("/")[2]
    return _CONTROLS.sub("-", unquote(_fill(template, values, file_name)))


def file_name(value: str) -> str:
    """Returns a value as part of a file's name: letters, digits and `_.+-`, never a dot in front."""
    name = _NOT_IN_NAMES.sub("-", value)
    return f"-{name[1:]}" if name.startswith(".") else name


def in_line(template: str, values: dict[str, str]) -> str:
    """Fills in one line of text, a mail's subject."""
    return _CONTROLS.sub(" ", _fill(template, values, str))


def in_text(template: str, values: dict[str, str]) -> str:
    """Fills in a text of several lines."""
    return _fill(template, values, str)
