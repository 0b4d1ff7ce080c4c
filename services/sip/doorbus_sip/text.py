"""Text that came over the wire, made harmless before it is stored, compared, told or logged.

pjsua2 hands bytes that are no UTF-8 on as lone surrogates, which no JSON can hold; a caller's name may hold line ends
and escape sequences for whoever reads a log, or marks that turn the direction of writing around.
"""

import re
from typing import Annotated

from pydantic import BeforeValidator

MAX_TEXT = 300
"""Characters that are kept: an address of SIP is far shorter."""

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")


def clean(text: str) -> str:
    """The text on one line, of at most `MAX_TEXT` characters, each unsafe one replaced by U+FFFD."""
    return _UNSAFE.sub("\ufffd", text[:MAX_TEXT])


def _cleaned(value: object) -> object:
    return clean(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_cleaned)]
"""A field for text from the wire."""
