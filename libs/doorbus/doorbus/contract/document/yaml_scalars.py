"""What a plain scalar of YAML is, and which ones are refused.

One rule covers most traps: **a plain scalar that YAML readers disagree about is refused**, with the way to write it.
YAML 1.1 readers take `on`, `0101`, `18:00` and `1_000` for something else than YAML 1.2 readers do, and people for
something else again. Numbers are plain decimals, booleans are `true` and `false`.
"""

import re

from doorbus.contract.document.nodes import Node, Scalar

_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?")
_INT = re.compile(r"-?(?:0|[1-9][0-9]{0,15})")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,15})\.[0-9]{1,15}")
_TRAPS = (
    (
        re.compile(r"(?i:y|n|yes|no|on|off)"),
        'is a boolean to some YAML readers and text to others: write true or false, or "{raw}" in quotes if it is text',
    ),
    (
        re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?"),
        'is a number of base 60 to some YAML readers: write "{raw}" in quotes',
    ),
    (
        re.compile(r"[-+]?0[xX][0-9a-fA-F_]+|[-+]?0[oO][0-7_]+|[-+]?0[bB][01_]+"),
        'is a number of another base: write it in decimal, or "{raw}" in quotes if it is text',
    ),
    (
        re.compile(r"[-+]?\.(?i:inf|nan)"),
        "is not a number that anything here can be: write a decimal number",
    ),
    (
        re.compile(r"[-+]?[0-9][0-9_]*"),
        "is a number that YAML readers write and read differently: "
        'write "{raw}" in quotes if it is dialed or a code, or a plain decimal number',
    ),
    (
        re.compile(r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?"),
        'is a number in another notation: write a plain decimal number, or "{raw}" in quotes if it is text',
    ),
)
BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
NULLS = frozenset({"", "~", "null", "Null", "NULL"})


def plain_value(raw: str) -> str | int | float | bool | None:
    """Returns what a plain scalar is in YAML 1.2, as far as all readers agree; otherwise its text."""
    if raw in NULLS:
        return None
    if raw in BOOLEANS:
        return BOOLEANS[raw]
    if _INT.fullmatch(raw):
        return int(raw)
    return float(raw) if _FLOAT.fullmatch(raw) else raw


def trap(raw: str, secret: bool) -> str | None:
    """Tells why a plain scalar is refused and what to write; None for one that all readers agree about.

    `secret` leaves the text out of the message.
    """
    if not isinstance(plain_value(raw), str):
        return None
    says = next((says for pattern, says in _TRAPS if pattern.fullmatch(raw)), None)
    if says is None:
        return None
    shown = raw if len(raw) <= 40 else f"{raw[:40]}…"
    subject, quoted = ("this value", "it") if secret else (shown, f'"{shown}"')
    return " ".join((subject, says.replace('"{raw}"', quoted)))


def is_date_like(node: Node) -> bool:
    """Whether YAML 1.1 readers take this for a date; to YAML 1.2, and here, it is text."""
    return isinstance(node, Scalar) and node.plain and isinstance(node.value, str) and bool(_DATE.fullmatch(node.raw))
