"""Which message an event asks for: a press that names the action, or somebody's wish to send it again. Pure."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from doorbus.contract.actions import ActionRetried, message_id
from doorbus.contract.base import Event
from doorbus.contract.buttons import ButtonActivated
from doorbus.contract.envelope import Envelope
from doorbus_actions.note import Note

_NAMESPACE = uuid.UUID("6b2f0b52-3f0e-5c8a-8f0e-7f3b2a5d9c41")


@dataclass(frozen=True)
class Asked:
    """A message that is asked for.

    Attributes:
        note: the message.
        since: when it was: the time of the press, or of the wish to send it again. Tries are counted from here.
        again: id of the event of such a wish; empty for the press itself.
    """

    note: Note
    since: datetime
    again: str = ""

    def event_id(self, what: str) -> str:
        """Returns the id of what is told of the message: the same in each life of the process.

        A message is done once; late or failed it can be once for the press and once for each wish.
        """
        again = "" if what == "done" else self.again
        return str(uuid.uuid5(_NAMESPACE, f"{self.note.id}/{what}/{again}"))


def asked(door: str, action: str, event: Event, envelope: Envelope, kept_at: datetime) -> Asked | None:
    """Returns the message of `action` that an event asks for, None when it asks for none.

    Args:
        door: whose event.
        action: id of an action.
        event: from the stream.
        envelope: of the event.
        kept_at: bus time at which the stream took the event.
    """
    happened = envelope.time if envelope.clock == "bus" else kept_at - timedelta(milliseconds=envelope.age_ms)
    match event:
        case ButtonActivated(press=press) if action in event.actions:
            name = message_id(door, press, action)
            return Asked(Note(name, door, action, press, event.input, event.call, event.does, happened), happened)
        case ActionRetried(action=named) if named == action:
            note = Note(event.message, door, action, event.press, event.input, event.call, event.does, event.pressed_at)
            return Asked(note, happened, envelope.id)
        case _:
            return None
