"""What of a door's state outlives policy, and where the next life begins.

- A call is `lost` until sip's snapshot shows it, and a code on its way to a server is too.
- Digits are never kept. Neither is a call's hold, which sip's snapshot shows, nor what only paces orders: a reset that
  is pending is ordered at once by the next life, when its call is known to be over.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from doorbus_policy.core.state import Call, CodeStage, DndState, DoorState, Hold, ServerCode, Typed, WrongCodes


@dataclass(frozen=True)
class Kept:
    """What outlives a restart."""

    dnd: DndState = field(default_factory=DndState)
    wrong: WrongCodes = field(default_factory=WrongCodes)
    call: Call | None = None
    presses: tuple[str, ...] = ()
    server_codes: tuple[ServerCode, ...] = ()
    holds: tuple[Hold, ...] = ()


def kept(state: DoorState) -> Kept:
    """Returns what of the state must be kept before the effects of a step; equal = nothing to write."""
    call = state.call or state.lost
    if call is not None:
        call = replace(call, typed=Typed(), held=False, hold_at=None)
    codes = tuple(replace(code, since=None) for code in state.server_codes)
    holds = tuple(replace(hold, settled=False, reset_at=None, resets=0) for hold in state.holds)
    return Kept(state.dnd, state.wrong, call, state.presses, codes, holds)


def restored(door: str, memory: Kept) -> DoorState:
    """Returns the state of a new life: the last one's call counts as lost until sip's snapshot shows it."""
    return DoorState(
        door,
        dnd=memory.dnd,
        wrong=memory.wrong,
        lost=memory.call,
        presses=memory.presses,
        server_codes=tuple(replace(code, stage=CodeStage.LOST) for code in memory.server_codes),
        holds=memory.holds,
    )
