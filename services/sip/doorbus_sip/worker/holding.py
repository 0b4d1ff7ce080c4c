"""The door's hold of one leg: which re-INVITE is due, and when. Pure; times are monotonic seconds.

Rules
- Silence does not wait for the far side: it begins and ends with the order. What is here only tells the far side.
- One re-INVITE at a time. What is wanted may change under way; when the answer is there, what differs is sent then.
- It waits until the leg is confirmed, and for the far side's own re-INVITE: what cannot be sent now is tried again
  after 0.1 s, then more slowly.
- 491 (both asked at once): again after a random pause, 2.1 to 4 s for who made the call, 0 to 2 s for the other
  (RFC 3261, 14.1).
- 401 and 407: the library answers the challenge itself, once.
- 408 and 481 end the call (RFC 3261, 12.2.1.2). Any other refusal of a hold leaves it silenced here alone. A refused
  end of the hold is asked for again every 5 s: nobody stays on hold for good.
- A refusal is told once for each order.
"""

from dataclasses import dataclass, replace

BLOCKED_S = 0.1
BLOCKED_SLOWER = 4
"""So often the pause doubles, to 1.6 s."""
RESUME_AGAIN_S = 5.0
_CHALLENGES = (401, 407)
_FATAL = (408, 481)
_PENDING = 491


@dataclass(frozen=True, slots=True)
class Holding:
    """How one leg stands.

    Attributes:
        wanted: on hold, as ordered last.
        agreed: on hold, as the far side took it last.
        sending: what the re-INVITE under way asks for.
        challenged: that one was sent again with credentials.
        blocked: how often in a row it could not be sent.
        refused: the far side did not take what is wanted, and was told so.
        not_before: when something may be sent again.
    """

    wanted: bool = False
    agreed: bool = False
    sending: bool | None = None
    challenged: bool = False
    blocked: int = 0
    refused: bool = False
    not_before: float = 0.0


def want(state: Holding, held: bool) -> Holding:
    """Hold, or end it. A repeated order changes nothing."""
    return state if state.wanted is held else replace(state, wanted=held, refused=False)


def is_due(state: Holding, now: float) -> bool:
    """Whether a re-INVITE for what is wanted is to be sent now."""
    differs = state.wanted is not state.agreed and not (state.wanted and state.refused)
    return differs and state.sending is None and now >= state.not_before


def sent(state: Holding) -> Holding:
    """It is on its way."""
    return replace(state, sending=state.wanted, challenged=False, blocked=0)


def could_not_send(state: Holding, now: float) -> Holding:
    """Another transaction of the call is under way."""
    pause_s = BLOCKED_S * 2 ** min(state.blocked, BLOCKED_SLOWER)
    return replace(state, blocked=state.blocked + 1, not_before=now + pause_s)


def answered(state: Holding, code: int, now: float, glare_pause_s: float) -> tuple[Holding, bool]:
    """Takes the final response.

    Args:
        state: with a re-INVITE under way; without one nothing changes.
        code: SIP status.
        now: the time.
        glare_pause_s: how long to wait after a 491 (`glare_pause`).

    Returns:
        The state, and whether it is to be told that the far side did not take what is wanted.
    """
    if state.sending is None:
        return state, False
    over = replace(state, sending=None)
    if 200 <= code < 300:
        return replace(over, agreed=state.sending, refused=False), False
    if code == _PENDING:
        return replace(over, not_before=now + glare_pause_s), False
    if code in _CHALLENGES and not state.challenged:
        return replace(state, challenged=True), False
    if code in _FATAL or state.sending is not state.wanted:
        return over, False
    told = state.refused
    return replace(over, refused=True, not_before=now + (0.0 if state.wanted else RESUME_AGAIN_S)), not told


def glare_pause(made_the_call: bool, random: float) -> float:
    """Returns the pause after a 491 in whole hundredths of a second (RFC 3261, 14.1); `random` is in [0, 1)."""
    first, last = (210, 400) if made_the_call else (0, 200)
    return (first + int(random * (last - first + 1))) / 100
