"""An event as a reader of the bus sees it, whether its type is known or not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from doorbus.contract import subjects
from doorbus.contract.base import Event
from doorbus.contract.catalog import EVENT_OF_TYPE
from doorbus.contract.envelope import Envelope, parse_headers
from doorbus.contract.identity import call_of


@dataclass(frozen=True)
class Seen:
    """An event as it came; `event` is None when its type is not known here."""

    door: str
    envelope: Envelope
    data: dict[str, Any]
    event: Event | None

    @property
    def call(self) -> str | None:
        """The call that it names."""
        if self.event is not None:
            return call_of(self.event)
        call = self.data.get("call")
        return call if isinstance(call, str) else None


def read_message(subject: str, headers: dict[str, str] | None, body: bytes) -> Seen | None:
    """Reads an event of the bus; None when it is none."""
    try:
        envelope = parse_headers(headers)
        data = json.loads(body)
        kind = EVENT_OF_TYPE.get(envelope.type)
        event = kind.model_validate_json(body) if kind is not None else None
    except (ValueError, ValidationError):
        return None
    if not isinstance(data, dict):
        return None
    return Seen(subjects.door_of(subject) or "", envelope, data, event)
