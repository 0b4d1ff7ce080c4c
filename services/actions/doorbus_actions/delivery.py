"""What becomes of a message, one delivery at a time. Pure.

Rules
- An event asks for a message of this action, or it is dropped at once.
- What asks is tried at least once, however late it comes. What this process has seen taken is not sent again.
- Taken: it is done.
- A try that failed is repeated after pauses that double from `first_s` to `most_s`, until `for_s` after the press (or
  after somebody asked for it anew); the last try is at that time. Then the message is given up.
- Sooner it is given up only when no repetition can help: the server refuses this very message for good (`verdicts`), or
  the action stands in the document no more.
- The first failure is told, once. The death of a process in its first try loses that word, so that a later failure
  tells it, where this process has not done so and the stream still drops a repeat of it (`TOLD_AGAIN_S`).

How many tries there were and since when follows from the stream alone: the number of the delivery, and the age of the
event. A delivery whose process died counts as a try.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

TOLD_AGAIN_S = 100.0
"""Within the stream's duplicate window of 120 s (`runtime.stores`), counted from the press."""

_MOST_DOUBLINGS = 32


class Result(StrEnum):
    """How a try ended."""

    TAKEN = "taken"
    REFUSED = "refused"
    """For now."""
    REFUSED_FOR_GOOD = "refused_for_good"
    UNREACHED = "unreached"
    """No connection, no answer, or a certificate that is not trusted."""
    NO_SECRET = "no_secret"  # noqa: S105  # not one
    BROKEN = "broken"
    """An error of ours; the log has it."""


@dataclass(frozen=True)
class End:
    """How a try ended, and why, for a person: names the server, holds no secret."""

    result: Result
    why: str = ""


@dataclass(frozen=True)
class Pace:
    """When tries are repeated, in seconds; see `settings`."""

    first_s: float
    most_s: float
    for_s: float

    def pause_s(self, tries: int) -> float:
        """Returns the pause after so many tries."""
        return min(self.first_s * 2.0 ** min(max(tries - 1, 0), _MOST_DOUBLINGS), self.most_s)


@dataclass(frozen=True)
class Came:
    """A delivery of an event.

    Attributes:
        wanted: it asks for a message of this action.
        served: the action stands in the document.
        taken: this process has seen the message taken by its server.
        tries: number of this delivery, from 1.
        age_s: since the press, or since somebody asked for the message anew.
        told_delayed: this process has told that the message is late.
    """

    wanted: bool = True
    served: bool = True
    taken: bool = False
    tries: int = 1
    age_s: float = 0.0
    told_delayed: bool = False


@dataclass(frozen=True)
class Drop:
    """Acknowledge; nothing is to be done."""


@dataclass(frozen=True)
class Send:
    """Try to deliver it."""


@dataclass(frozen=True)
class Finish:
    """Tell that it is done, and acknowledge."""


@dataclass(frozen=True)
class Later:
    """Have it delivered again after a pause; tell that it is late, or not."""

    pause_s: float
    tell: bool


@dataclass(frozen=True)
class GiveUp:
    """Keep a copy with the dead letters, tell that it failed, and end it."""

    why: str


def arrived(came: Came) -> Drop | Send | Finish | GiveUp:
    """Returns what to do with a delivery."""
    if not came.wanted:
        return Drop()
    if came.taken:
        return Finish()
    if not came.served:
        return GiveUp("the action is no longer in the document")
    return Send()


def ended(came: Came, end: End, pace: Pace) -> Finish | Later | GiveUp:
    """Returns what to do after a try."""
    match end.result:
        case Result.TAKEN:
            return Finish()
        case Result.REFUSED_FOR_GOOD:
            return GiveUp(end.why)
        case _:
            left_s = pace.for_s - came.age_s
            if left_s <= 0:
                return GiveUp(end.why)
            pause_s = min(pace.pause_s(came.tries), max(left_s, pace.first_s))
            first = came.tries <= 1 or (not came.told_delayed and came.age_s < TOLD_AGAIN_S)
            return Later(pause_s, tell=first)
