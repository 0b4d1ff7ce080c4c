"""How the models' names and docstrings are said to a person in front of a form."""

from __future__ import annotations

import re

from doorbus.contract.document.base import Model
from doorbus_web.forms.labels import ENTRIES, HELP, LABELS, TOGGLES, UNITS, VALUES

_ACRONYMS = {"id": "ID", "url": "URL", "tls": "TLS", "rtp": "RTP", "sip": "SIP", "nat": "NAT", "ip": "IP"}


def label(model: type[Model], name: str) -> tuple[str, str]:
    """Returns a field's label, and its unit or ""."""
    unit = UNITS.get(name, "")
    bare = name
    for ending in ("_ms", "_s"):
        if name.endswith(ending):
            unit, bare = UNITS[ending], name.removesuffix(ending)
            break
    if model.model_fields[name].annotation not in (int, float):
        unit = ""
    return LABELS.get(f"{model.__name__}.{name}") or in_words(bare), unit


def in_words(name: str) -> str:
    """Writes a name of the document for people: `left_open` is "Left open"."""
    parts = [_ACRONYMS.get(part, part) for part in name.split("_")]
    text = " ".join(parts)
    return text[:1].upper() + text[1:]


def explanation(model: type[Model], name: str, docstring: str) -> str:
    """Returns the help under a field: the model's docstring, with labels in place of names, and no `null`."""
    text = HELP.get(f"{model.__name__}.{name}") or " ".join(docstring.split())

    def said(match: re.Match[str]) -> str:
        word = match[1]
        return f"“{label(model, word)[0]}”" if word in model.model_fields else f"“{word.replace('_', ' ')}”"

    text = re.sub(r"`([^`]+)`", said, text)
    text = re.sub(r"\bNull\b", "Empty", text)
    text = re.sub(r"\bnull\b", "empty", text)
    return re.sub(r"\bTrue =", "On =", re.sub(r"\bfalse =", "off =", text))


def value(name: str, given: object) -> str:
    """Returns what a value of the field `name` is called."""
    known = VALUES.get(name, {})
    if isinstance(given, str | int) and given in known:
        return known[given]
    return str(given) if not isinstance(given, str) or "/" in given or given.isupper() else in_words(given)


def toggle(name: str) -> str:
    """Returns the label of the switch before a part that may be left out."""
    return TOGGLES.get(name, "Set")


def entry(name: str) -> str:
    """Returns what one entry of a list is called."""
    return ENTRIES.get(name, "entry")


def complaint(message: str) -> str:
    """Says a complaint about a document for a form, where nothing is quoted and a list has lines."""
    message = message.replace("must be a quoted ", "must be a ").replace(', or ""', ", or empty")
    message = re.sub(r'\("([^"]*)"\)', r"(like \1)", message)
    message = message.replace("must be exactly one of {env: DOORBUS_SECRET_…} and {file: NAME}", "say where it stands")
    message = message.replace("; a secret does not stand in the document itself", "")
    message = re.sub(r"; (?:unquoted it is|write it without quotes|an unquoted #).*$", "", message)
    return message[:1].upper() + message[1:] + ("" if message.endswith((".", "?")) else ".")
