"""The sockets of a worker: how many calls may still come before pjmedia's I/O queue aborts the process.

Rules
- The queue has 64 places. A call that pjsua accepts takes 2 (RTP, RTCP), and gives them back `COOL_S` after its end.
  One too many is an abort, so that everybody who can send an INVITE could kill the worker.
- pjsua itself holds at most 4 calls and gives a fifth INVITE a stateless 486, which takes nothing: an unanswered
  refusal is a slot that protects.
- A refusal goes out at once while at most `SOFT` calls cool; beyond that it waits until one has cooled. That bounds the
  ends that the worker decides to SOFT / COOL_S a second.
- The far side's ends (CANCEL, BYE) cannot be delayed. When `HARD` calls are up or cool, the worker is full: it plugs
  its RTP ports, so that pjsua fails an INVITE before it takes a socket. What one batch of packets may still bring
  before the plug is in place fits into the rest (64 / 2 - HARD calls).
"""

from dataclasses import dataclass, replace

COOL_S = 0.6  # pjlib's 500 ms (PJ_IOQUEUE_KEY_FREE_DELAY), and a margin for its clock
SOFT = 18
HARD = 24


@dataclass(frozen=True, slots=True)
class Sockets:
    """Calls that are up, and when each ended one has cooled (monotonic seconds, ascending)."""

    live: int = 0
    cooling: tuple[float, ...] = ()


def opened(state: Sockets) -> Sockets:
    """A call took its sockets."""
    return replace(state, live=state.live + 1)


def closed(state: Sockets, now: float) -> Sockets:
    """A call ended."""
    return Sockets(max(0, state.live - 1), (*_still(state, now), now + COOL_S))


def reopened(state: Sockets, now: float) -> Sockets:
    """A re-INVITE may have made pjsua take new sockets for a call that goes on."""
    return replace(state, cooling=(*_still(state, now), now + COOL_S))


def may_end_at(state: Sockets, now: float) -> float:
    """The earliest time at which the worker may end a call that it could also keep: now, or later."""
    cooling = _still(state, now)
    return now if len(cooling) < SOFT else cooling[len(cooling) - SOFT]


def is_full(state: Sockets, now: float) -> bool:
    """Whether no further call may take sockets."""
    return in_use(state, now) >= HARD


def in_use(state: Sockets, now: float) -> int:
    """Calls that are up or cool."""
    return state.live + len(_still(state, now))


def _still(state: Sockets, now: float) -> tuple[float, ...]:
    return tuple(at for at in state.cooling if at > now)
