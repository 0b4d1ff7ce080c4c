"""The bases of all messages: facts (events), orders and wishes (commands), questions and their replies.

Every message is the JSON of a frozen model. Unknown fields are ignored on reading, so that a newer writer does not
break an older reader; known fields are strict, so that a wrong type is refused instead of guessed at.
"""

from __future__ import annotations

import uuid
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

MESSAGE_LIMIT_BYTES = 64 * 1024
"""Larger messages are refused unread; the largest real one, a call to 16 long SIP URIs, has about 10 KB."""

COMMAND_LIFETIME_S = 3.0
"""A command older than this is refused: a visitor who waited longer has gone, and the door must not open for nobody."""

QUESTION_LIFETIME_S = 0.5
"""How long an asker waits before it takes its safe default."""

TRIGGER_FRESH_S = 5.0
"""Triggers (press, incoming call, digits) older than this are dropped."""

Door = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""Ids of inputs, relays, accounts, clients, calls and legs: one token of a subject."""

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A length of time."""


def new_id() -> str:
    """Returns a fresh UUID for a message, a call or a leg."""
    return str(uuid.uuid4())


class Message(BaseModel):
    """Base of everything that goes over the bus."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def to_bytes(self) -> bytes:
        """Returns the JSON body as it goes over the bus."""
        return self.model_dump_json(exclude_none=True).encode()


class Event(Message):
    """A fact, in the past tense, told by its owner on `door.<door>.event.<domain>.<what>`."""

    domain: ClassVar[str]
    what: ClassVar[str]
    trigger: ClassVar[bool] = False
    """True for facts that make somebody act and are worthless after `TRIGGER_FRESH_S`."""

    @classmethod
    def type_name(cls) -> str:
        """Returns the CloudEvents type, `doorbus.<domain>.<what>.v1`."""
        return f"doorbus.{cls.domain}.{cls.what}.v1"


class Command(Message):
    """Something that shall be done, once, soon. Subclasses name the verb.

    Attributes:
        id: chosen by the sender; a repeat of an id gets the first answer and does nothing.
        expires_at: bus time after which the receiver refuses it, at most `COMMAND_LIFETIME_S` ahead.
        issued_at: bus time of issue; where it is missing, `expires_at - COMMAND_LIFETIME_S` is assumed.
    """

    verb: ClassVar[str]
    moves_relay: ClassVar[bool] = False
    """True where doing it may move a relay: refused when the receiver cannot tell the time on the bus."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    expires_at: AwareDatetime
    issued_at: AwareDatetime | None = None


class Order(Command):
    """A command of policy to sip or io (`door.<door>.cmd.<service>.<verb>`).

    Attributes:
        epoch: which life of policy speaks; the receiver refuses one lower than the highest it has seen.
    """

    service: ClassVar[str]
    reads_only: ClassVar[bool] = False
    """True where it changes nothing (a snapshot): any epoch may ask, so that a new policy learns which to pass."""

    epoch: int = Field(ge=0)


class Wish(Command):
    """A command of anybody to policy (`door.<door>.cmd.policy.<verb>.<client>`); policy decides."""


class Question(Message):
    """A question to policy (`door.<door>.ask.policy.<what>`), answered within `QUESTION_LIFETIME_S` or not at all."""

    what: ClassVar[str]

    id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    expires_at: AwareDatetime


class Reply(Message):
    """The answer to a command or a question. Subclasses carry what was asked for.

    Attributes:
        ok: accepted (it will be done; events tell when it was), or refused.
        code: stable error code of `errors.ErrorCode` when refused.
        message: for a person: what was wrong, with the field and the allowed values.
    """

    ok: bool = True
    code: str | None = None
    message: str | None = None
    call: str | None = None
    """The call that a wish started or found, where there is one."""
