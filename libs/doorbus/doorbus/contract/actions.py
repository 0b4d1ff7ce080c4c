"""What becomes of the messages that a press sends (FTP, mail, HTTP), and how one that failed is sent again.

A message is one action of one press. Its id follows from both (`message_id`), so every try carries the same one, and
who receives it can tell a repeat.
"""

from __future__ import annotations

import uuid
from typing import Annotated

from pydantic import AwareDatetime, Field

from doorbus.contract.base import Command, Event, Message, Name, Reply
from doorbus.contract.buttons import Does

_NAMESPACE = uuid.UUID("1c1f3d0e-5a53-5f0c-9b63-0d1f4a1f5a8e")


def message_id(door: str, press: str, action: str) -> str:
    """Returns the id of the message that `action` sends for a press: the same one at each try."""
    return str(uuid.uuid5(_NAMESPACE, f"{door}/{press}/{action}"))


class ActionEvent(Event):
    """Base of what is told of a message.

    Attributes:
        action: id of the action in the document.
        message: id of the message; its receiver gets it too.
        press: id of the press that made it.
        input: what was pressed.
        call: the call of that press, where it made or met one.
        tries: transmissions so far.
    """

    domain = "action"
    action: Name
    message: str
    press: str
    input: Name
    call: str | None = None
    tries: Annotated[int, Field(ge=0)]


class ActionDone(ActionEvent):
    """The server has taken the message, `after_s` seconds after the press."""

    what = "done"
    after_s: Annotated[float, Field(ge=0)]


class ActionDelayed(ActionEvent):
    """The first try failed; there will be more. Told once a message."""

    what = "delayed"
    why: str


class ActionFailed(ActionEvent):
    """The message was given up: no try will follow unless somebody asks (`Retry`). It is in the dead letters.

    Of an action that switches a relay policy tells it, where io did not take the order. There is no dead letter then:
    no relay moves later than its press.
    """

    what = "failed"
    why: str


class ActionRetried(ActionEvent):
    """Somebody asked for a message that had failed to be sent again. The service reads this fact, and does it.

    Attributes:
        pressed_at: when the button was pressed.
        by: the client who asked.
        does: what the press did to the door's call.
    """

    what = "retried"
    pressed_at: AwareDatetime
    by: str
    does: Does | None = None


class DeadLetter(Message):
    """A message that was given up: `<door>.<message>` in `DOORBUS_DEAD_LETTERS`, until it was delivered after all."""

    action: Name
    message: str
    press: str
    input: Name
    call: str | None = None
    does: Does | None = None
    pressed_at: AwareDatetime
    failed_at: AwareDatetime
    tries: Annotated[int, Field(ge=0)]
    why: str


class ActionsCommand(Command):
    """A command of a client to actions (`door.<door>.cmd.actions.<verb>.<client>`)."""


class Retry(ActionsCommand):
    """Send a message that failed once more, or (`message` None) all of the door's. The reply counts them."""

    verb = "retry"
    message: str | None = None


class RetryReply(Reply):
    """The answer to `Retry`: so many messages will be sent again."""

    count: Annotated[int, Field(ge=0)] = 0
