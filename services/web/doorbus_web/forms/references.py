"""Which fields name something that stands elsewhere in the document, and what there is to name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ANY = "*"
_KINDS: Mapping[tuple[str, ...], str] = {
    ("buttons", _ANY, "input"): "push_buttons",
    ("buttons", _ANY, "call", "account"): "accounts",
    ("buttons", _ANY, "actions"): "actions",
    ("actions", _ANY, "relay"): "relays",
    ("calls", "dnd", "accounts"): "accounts_and_ip",
    ("calls", "dnd", "schedule"): "schedules",
    ("calls", "unlock_codes", _ANY, "relay"): "relays",
    ("io", "inputs", _ANY, "relay"): "relays",
    ("schedule", "templates", _ANY, "schedules"): "schedules",
    ("schedule", "inputs"): "push_buttons",
    ("schedule", "inputs", _ANY): "templates",
}


@dataclass(frozen=True)
class References:
    """What there is to name, by kind."""

    known: Mapping[str, tuple[str, ...]]

    def at(self, path: tuple[str | int, ...]) -> tuple[str, ...] | None:
        """Returns the ids that may stand at a path; None where nothing is named."""
        for pattern, kind in _KINDS.items():
            if len(pattern) == len(path) and all(
                _ANY in (part, str(given)) or part == given for part, given in zip(pattern, path, strict=True)
            ):
                return self.known.get(kind, ())
        return None


def references(data: Mapping[str, Any]) -> References:
    """Collects the ids of a whole document, valid or not."""
    inputs = _entries(data, "io", "inputs")
    accounts = _ids(_entries(data, "sip", "accounts"))
    return References(
        {
            "push_buttons": _ids([each for each in inputs if each.get("kind") == "push_button"]),
            "relays": _ids(_entries(data, "io", "relays")),
            "accounts": accounts,
            "accounts_and_ip": (*accounts, "ip"),
            "actions": _ids(_entries(data, "actions")),
            "schedules": _ids(_entries(data, "schedule", "schedules")),
            "templates": _ids(_entries(data, "schedule", "templates")),
        }
    )


def _entries(data: Any, *path: str) -> list[dict[str, Any]]:
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []


def _ids(entries: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each["id"] for each in entries if isinstance(each.get("id"), str) and each["id"]))
