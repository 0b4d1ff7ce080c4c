"""What the door's loudspeaker plays, from the calls that there are.

Rules
- A call that is up is heard, and no tone beside it.
- An incoming call that rings here: the ring tone, until somebody decides.
- A call that is being dialed: ringback, from its first INVITE. When it has exactly one leg and that one sends early
  media, its early media in place of it. In a group never: many phones would talk at once.
- A call that only tells a server a code makes no sound.
- When a dialed call ends and nobody was reached, once: busy after a refusal, the error tone otherwise. What the door's
  own people end (a hangup, a press, a shutdown) ends silently.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from doorbus_sip.calls import Record
from doorbus_sip.facts import Reason
from doorbus_sip.tones import Tone


@dataclass(frozen=True, slots=True)
class Early:
    """The early media of this leg."""

    leg: str


@dataclass(frozen=True, slots=True)
class Talk:
    """The call that is up, by itself."""


Sound = Tone | Early | Talk | None


def sound_of(calls: Iterable[Record]) -> Sound:
    """What is to be heard now, `None`: nothing of a call."""
    heard = [call for call in calls if not call.silent]
    if any(call.answered is not None for call in heard):
        return Talk()
    if any(call.direction == "in" and call.state == "ringing" and not call.accepting for call in heard):
        return Tone.RING
    dialed = next((call for call in heard if call.direction == "out"), None)
    if dialed is None:
        return None
    if len(dialed.legs) == 1 and dialed.early is not None:
        return Early(dialed.early)
    return Tone.RINGBACK


def farewell(call: Record, reason: Reason) -> Tone | None:
    """What a call that ends for this reason leaves to be heard."""
    if call.direction == "in" or call.answered is not None or call.silent or not call.final:
        return None
    return unreached(reason)


def unreached(reason: Reason) -> Tone | None:
    """What says that a call has ended for this reason before it reached anybody."""
    match reason:
        case Reason.REFUSED | Reason.BUSY:
            return Tone.BUSY
        case Reason.NO_ROUTE | Reason.DIAL_TIMEOUT:
            return Tone.ERROR
        case _:
            return None
