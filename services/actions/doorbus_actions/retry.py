"""`Retry`: somebody wants messages sent again that were given up.

For each `action.retried` is told, and that event is what the action's consumer gets: as durable as a press. The message
leaves the dead letters when it was delivered.
"""

from __future__ import annotations

import structlog

from doorbus.contract.actions import ActionRetried, DeadLetter, Retry, RetryReply
from doorbus.contract.base import Reply
from doorbus.contract.errors import ErrorCode, LocalError, RemoteError
from doorbus.runtime.bus import Bus
from doorbus.runtime.dead_letters import DeadLetters
from doorbus.runtime.endpoints import Received
from doorbus_actions.doors import Doors

AT_ONCE = 1000
"""Of one command, the oldest first: they are told within the 3 s that a client waits."""

KEPT_WITHIN_S = 2.0

log = structlog.get_logger()


class Retries:
    """Answers `Retry`.

    Args:
        bus: where it is told.
        doors: know the actions.
        dead_letters: know the messages.
    """

    def __init__(self, bus: Bus, doors: Doors, dead_letters: DeadLetters) -> None:
        self._bus = bus
        self._doors = doors
        self._dead_letters = dead_letters

    async def on_command(self, received: Received) -> Reply:
        """Has messages sent again. Raises DoorbusError: no document, no such message or action, or no store."""
        assert isinstance(received.message, Retry)  # noqa: S101  # the only command there is
        door, message = received.door, received.message.message
        actions = self._doors.actions_of(door)
        if actions is None:
            raise LocalError(ErrorCode.NOT_READY, "this door has no document yet: doorbus apply -f door.yaml")
        letters = await self._found(door, message)
        served = [letter for letter in letters if letter.action in actions]
        if message is not None and not served:
            gone = f"message: its action {letters[0].action} is no longer in the document"
            raise RemoteError(ErrorCode.UNKNOWN_ACTION, gone)
        for letter in served[:AT_ONCE]:
            self._bus.tell(door, _retried(letter, received.client))
        if served and not await self._bus.all_told(KEPT_WITHIN_S):
            raise LocalError(ErrorCode.TIMEOUT, "the stream has not taken it yet: it may be sent again or not")
        count, left = min(len(served), AT_ONCE), len(letters) - min(len(served), AT_ONCE)
        log.info("sent again", door=door, count=count, left=left, client=received.client)
        words = f"{left} more stay: of actions that are gone, or past {AT_ONCE} at a time" if left else None
        return RetryReply(count=count, message=words)

    async def _found(self, door: str, message: str | None) -> list[DeadLetter]:
        if message is None:
            return await self._dead_letters.of(door)
        letter = await self._dead_letters.get(door, message)
        if letter is None:
            raise RemoteError(ErrorCode.UNKNOWN_MESSAGE, f"message: no message {message[:64]} was given up")
        return [letter]


def _retried(letter: DeadLetter, client: str) -> ActionRetried:
    return ActionRetried(
        action=letter.action,
        message=letter.message,
        press=letter.press,
        input=letter.input,
        call=letter.call,
        does=letter.does,
        tries=letter.tries,
        pressed_at=letter.pressed_at,
        by=client,
    )
