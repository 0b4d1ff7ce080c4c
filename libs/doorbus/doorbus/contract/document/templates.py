"""Texts with placeholders (`string.Template`), and the URLs made of them.

A value is encoded for where it goes by the process that sends; here it is only made sure that a text names nothing
unknown, has no line break where one would start a new header, and holds no password.
"""

from string import Template
from typing import Annotated
from urllib.parse import urlsplit

from doorbus.contract.document.base import Written

PLACEHOLDERS = ("door", "input", "time", "call", "id")
"""Id of the door, id of the input, time of the press (ISO 8601, in the door's time zone), id of the call that it made
or met (empty without one), and id of the message, which is the same at each try."""

_NAMES = ", ".join(f"${name}" for name in PLACEHOLDERS)
_ONE_LINE = r"[^\x00-\x1f\x7f\x85\u2028\u2029]{0,1024}"


def _placeholders(text: str) -> str | None:
    template = Template(text)
    if not template.is_valid():
        return "a $ stands before no name: write $$ for a dollar sign"
    if any(name not in PLACEHOLDERS for name in template.get_identifiers()):
        return "it names another placeholder"
    return None


def check_url(text: str, schemes: tuple[str, ...]) -> str | None:
    """Tells what is wrong with a URL of one of `schemes`, without quoting it; None when nothing is."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return "its host or port is not one"
    if parts.scheme not in schemes or not parts.hostname:
        return "scheme and host come first"
    if "$" in parts.netloc:
        return "the host has no placeholder, so that a press cannot choose the server"
    if "@" in parts.netloc:
        return "user and password have fields of their own"
    if port == 0:
        return "ports are 1 to 65535"
    return None


def _url(*schemes: str) -> Written:
    says = f"a URL {' or '.join(f'{scheme}://…' for scheme in schemes)} on one line, with the placeholders {_NAMES}"
    return Written(says, r"[!-~]{1,1024}", lambda text: check_url(text, schemes) or _placeholders(text))


HttpUrl = Annotated[str, _url("http", "https")]
FtpUrl = Annotated[str, _url("ftp", "ftps")]
LineTemplate = Annotated[str, Written(f"one line of text with the placeholders {_NAMES}", _ONE_LINE, _placeholders)]
TextTemplate = Annotated[
    str,
    Written(f"text of up to 16384 characters with the placeholders {_NAMES}", r"(?s:[^\x00]{0,16384})", _placeholders),
]
