"""One ring set: some targets, at most one winner.

Rules
- The first leg that is answered wins: it alone is granted the door's audio, and it is granted once.
- From then on every other leg is given up, "completed elsewhere" (RFC 3326). A leg that is answered although it was
  given up gets hung up at once.
- A set that is given up as a whole (hangup, ringing limit) gives up each leg, without that Reason.
- A refused or failed leg leaves the others ringing. When the last one is gone without a winner, the set ended: refused
  if any leg was refused, otherwise no route; the code is that of the last refusal, or of the last failure.
- Every leg is told about exactly once: answered, refused, failed or cancelled. Events of unknown legs, and of legs that
  are told about, change nothing, except that an answer of a given-up leg is hung up again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from types import MappingProxyType

from doorbus_sip.facts import Reason


class Phase(Enum):
    """What is known of a leg."""

    DIALED = auto()
    RINGING = auto()
    WON = auto()
    GIVEN_UP = auto()
    GONE = auto()


@dataclass(frozen=True, slots=True)
class RingSet:
    """The legs with their phases, and how the set stands."""

    legs: Mapping[str, Phase]
    winner: str | None = None
    over: bool = False
    refusal: int = 0
    failure: int = 0
    refused_codes: frozenset[int] = field(default=frozenset({486, 600, 603, 607}))


@dataclass(frozen=True, slots=True)
class Progressed:
    """A provisional response."""

    leg: str
    code: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """A 2xx, already acknowledged."""

    leg: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The leg is over: final code (0 if none), and in words."""

    leg: str
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The whole set is to end."""

    reason: Reason


Event = Progressed | Accepted | Gone | GivenUp


@dataclass(frozen=True, slots=True)
class GrantAudio:
    """Connect this leg."""

    leg: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End this leg: CANCEL or BYE, as its state asks for."""

    leg: str
    elsewhere: bool


@dataclass(frozen=True, slots=True)
class TellRinging:
    """The leg rings; `first`: the first of the set."""

    leg: str
    code: int
    first: bool


@dataclass(frozen=True, slots=True)
class TellRefused:
    """The far side refused."""

    leg: str
    code: int


@dataclass(frozen=True, slots=True)
class TellFailed:
    """The leg could not be set up."""

    leg: str
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class TellCancelled:
    """The door gave the leg up."""

    leg: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class TellWon:
    """The call is up on this leg."""

    leg: str


@dataclass(frozen=True, slots=True)
class TellOver:
    """The set ended without a winner."""

    reason: Reason
    code: int


Effect = GrantAudio | HangUp | TellRinging | TellRefused | TellFailed | TellCancelled | TellWon | TellOver

_OPEN = (Phase.DIALED, Phase.RINGING)


def ring_set(legs: tuple[str, ...], refused_codes: frozenset[int] | None = None) -> RingSet:
    """A set whose INVITEs have just been ordered.

    Raises:
        ValueError: no leg, or a leg twice.
    """
    if not legs or len(set(legs)) != len(legs):
        raise ValueError("a ring set needs legs, each once")
    state = RingSet(MappingProxyType(dict.fromkeys(legs, Phase.DIALED)))
    return state if refused_codes is None else replace(state, refused_codes=refused_codes)


def step(state: RingSet, event: Event) -> tuple[RingSet, tuple[Effect, ...]]:
    """The next state, and what to do and tell, in this order."""
    match event:
        case GivenUp(reason):
            return (state, ()) if state.over or state.winner is not None else _give_up(state, reason)
        case Progressed(leg, code):
            return _progressed(state, leg, code)
        case Accepted(leg):
            return _accepted(state, leg)
        case Gone(leg, code, reason):
            return _gone(state, leg, code, reason)


def open_legs(state: RingSet) -> tuple[str, ...]:
    """The legs that may still be answered."""
    return tuple(leg for leg, phase in state.legs.items() if phase in _OPEN)


def _progressed(state: RingSet, leg: str, code: int) -> tuple[RingSet, tuple[Effect, ...]]:
    if state.legs.get(leg) is not Phase.DIALED or code <= 100:
        return state, ()
    first = Phase.RINGING not in state.legs.values()
    return _with(state, leg, Phase.RINGING), (TellRinging(leg, code, first),)


def _accepted(state: RingSet, leg: str) -> tuple[RingSet, tuple[Effect, ...]]:
    phase = state.legs.get(leg)
    if phase is Phase.GIVEN_UP:
        return state, (HangUp(leg, elsewhere=False),)
    if phase not in _OPEN:
        return state, ()
    losers = tuple(other for other in open_legs(state) if other != leg)
    legs = {**state.legs, **dict.fromkeys(losers, Phase.GIVEN_UP), leg: Phase.WON}
    effects: list[Effect] = [GrantAudio(leg)]
    effects += [HangUp(loser, elsewhere=True) for loser in losers]
    effects += [TellWon(leg)]
    effects += [TellCancelled(loser, Reason.COMPLETED_ELSEWHERE) for loser in losers]
    return replace(state, legs=MappingProxyType(legs), winner=leg), tuple(effects)


def _gone(state: RingSet, leg: str, code: int, reason: str) -> tuple[RingSet, tuple[Effect, ...]]:
    if state.legs.get(leg) not in _OPEN:
        known = leg in state.legs
        return (_with(state, leg, Phase.GONE) if known else state), ()
    told: Effect
    if code in state.refused_codes:
        told = TellRefused(leg, code)
        state = replace(state, refusal=code)
    else:
        told = TellFailed(leg, code, reason)
        state = replace(state, failure=code)
    state = _with(state, leg, Phase.GONE)
    if state.winner is not None or open_legs(state):
        return state, (told,)
    why = Reason.REFUSED if state.refusal else Reason.NO_ROUTE
    return replace(state, over=True), (told, TellOver(why, state.refusal or state.failure))


def _give_up(state: RingSet, reason: Reason) -> tuple[RingSet, tuple[Effect, ...]]:
    losers = open_legs(state)
    legs = {**state.legs, **dict.fromkeys(losers, Phase.GIVEN_UP)}
    effects: list[Effect] = [HangUp(leg, elsewhere=False) for leg in losers]
    effects += [TellCancelled(leg, reason) for leg in losers]
    effects.append(TellOver(reason, 0))
    return replace(state, legs=MappingProxyType(legs), over=True), tuple(effects)


def _with(state: RingSet, leg: str, phase: Phase) -> RingSet:
    return replace(state, legs=MappingProxyType({**state.legs, leg: phase}))
