"""Errors with stable codes: whose fault it is, and what to do, as a program can tell.

`RemoteError` says that the sender did something wrong (the reply tells it so); `LocalError` that this side cannot.
"""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """Codes of refused commands. They are part of the contract: never renamed, only added to."""

    MALFORMED = "malformed"
    """Not JSON, or a field is missing or of the wrong type; the message names the field."""
    TOO_LARGE = "too_large"
    UNKNOWN_COMMAND = "unknown_command"
    EXPIRED = "expired"
    """Too late in bus time."""
    EXPIRES_TOO_LATE = "expires_too_late"
    """`expires_at` is further ahead than a command may live."""
    ISSUED_BEFORE_START = "issued_before_start"
    """Issued before the receiver started: it cannot know whether it was done already."""
    CLOCK_UNKNOWN = "clock_unknown"
    """The receiver does not know the bus time, and the command would move a relay."""
    OLD_EPOCH = "old_epoch"
    """A later life of policy has spoken already."""
    BAD_REPLY_SUBJECT = "bad_reply_subject"
    UNKNOWN_DOOR = "unknown_door"
    UNKNOWN_CALL = "unknown_call"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_INPUT = "unknown_input"
    UNKNOWN_RELAY = "unknown_relay"
    UNKNOWN_ACTION = "unknown_action"
    UNKNOWN_MESSAGE = "unknown_message"
    INVALID_NUMBER = "invalid_number"
    BUSY = "busy"
    PAGE = "page"
    """A page that outranks calls plays: no call can begin."""
    NOTHING_TO_DO = "nothing_to_do"
    """There is no call to hang up, no call to answer, and the like."""
    LOCKED = "locked"
    """Too many wrong codes."""
    RATE_LIMITED = "rate_limited"
    NOT_READY = "not_ready"
    """No document yet, no line, no worker: try again."""
    TIMEOUT = "timeout"
    """No answer; it may have been done or not."""
    NOT_CONNECTED = "not_connected"
    """The bus is gone, so nothing was sent."""
    INTERNAL = "internal"


class DoorbusError(Exception):
    """Base of errors with a stable code.

    Attributes:
        code: for programs.
        message: for a person.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class RemoteError(DoorbusError):
    """The other side sent something wrong, late or impossible."""


class LocalError(DoorbusError):
    """This side cannot do it now: not connected, no answer, not ready."""
