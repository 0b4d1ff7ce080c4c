"""Inputs and relays: what io tells and what policy orders."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from doorbus.contract.base import Event, Message, Name, Order, Reply, Seconds


class InputKind(StrEnum):
    """What hangs on an input."""

    PUSH_BUTTON = "push_button"
    EXIT_BUTTON = "exit_button"
    DOOR_CONTACT = "door_contact"


class UnlockMethod(StrEnum):
    """How a door was opened."""

    DTMF = "dtmf"
    HTTP = "http"
    INPUT = "input"
    BUS = "bus"


class Cause(Message):
    """Why a relay moves: kept in the event, for the audit.

    Attributes:
        kind: an unlock, or an action of the push button.
        method: of an unlock.
        by: the client, the caller or the input.
        call: the call it belongs to.
    """

    kind: Literal["unlock", "action"]
    method: UnlockMethod | None = None
    by: str = ""
    call: str | None = None


class InputEvent(Event):
    """Base of what is told of an input.

    Attributes:
        virtual: pressed by a program, not by a finger.
    """

    domain = "input"
    input: Name
    kind: InputKind
    virtual: bool = False


class InputPressed(InputEvent):
    """A button went down (after debouncing)."""

    what = "pressed"
    trigger = True


class InputReleased(InputEvent):
    """A button came up."""

    what = "released"


class InputOpened(InputEvent):
    """A door contact says open."""

    what = "opened"


class InputClosed(InputEvent):
    """A door contact says closed."""

    what = "closed"


class InputLeftOpen(InputEvent):
    """A door stands open longer than `left_open_s`."""

    what = "left_open"
    open_s: Seconds


class InputForced(InputEvent):
    """A door was opened without an unlock."""

    what = "forced"


class InputLimited(InputEvent):
    """A line changes faster than is told: so many of its changes were left out. The snapshot is right all the same.

    Told when the first one is left out, and again with the sum when changes are told again.

    Attributes:
        dropped: changes left out since the flood began.
        over_s: how long it has lasted.
        over: the flood has ended.
        unlocks: how many of those changes, an exit button's, opened its relay all the same; these openings are told in
            this sum only.
    """

    what = "limited"
    dropped: Annotated[int, Field(ge=1)]
    over_s: Seconds = 0.0
    over: bool = False
    unlocks: Annotated[int, Field(ge=0)] = 0


class RelayEvent(Event):
    """Base of what is told of a relay."""

    domain = "relay"
    relay: Name


class RelayEnergised(RelayEvent):
    """The relay's line is active.

    Attributes:
        for_s: it resets by itself after so many seconds.
        command: id of the order that did it; None for the exit button.
    """

    what = "energised"
    cause: Cause
    for_s: Seconds
    command: str | None = None


class RelayReset(RelayEvent):
    """The relay's line is at rest again.

    Attributes:
        why: its time was over (`hold`), it was ordered (`order`), the hard maximum came (`max_on`), io stopped, the
            document changed (`reconfigured`), or the chip went away, and what its line does is not known (`chip_lost`).
        cause: what it was energised for, last.
    """

    what = "reset"
    why: Literal["hold", "order", "max_on", "stopped", "reconfigured", "chip_lost"]
    on_s: Seconds
    cause: Cause | None = None


class DoorUnlocked(Event):
    """A relay was energised to open the door. io tells it, since only io knows, also with everything else down."""

    domain = "door"
    what = "unlocked"
    relay: Name
    method: UnlockMethod
    by: str = ""
    call: str | None = None


class IoOrder(Order):
    """Base of what policy orders io to do."""

    service = "io"


class Pulse(IoOrder):
    """Energise a relay for its own `hold_s`, after its own `delay_s`: how a door is opened."""

    verb = "pulse"
    moves_relay = True
    relay: Name
    cause: Cause


class Energise(IoOrder):
    """Energise a relay until `Reset`, for at most `max_s` seconds (a relay held for a call).

    `max_s` bounds it also when policy dies: the ringing limit plus the call limit.
    """

    verb = "energise"
    moves_relay = True
    relay: Name
    max_s: Seconds
    cause: Cause


class Reset(IoOrder):
    """Bring a relay to rest, or end only what holds it for a call.

    Attributes:
        call: the call whose hold (`Energise` with that call in its cause) ends; an unlock's pulse that is not over yet
            goes on, so that the door does not shut before whoever opened it. None = the relay rests at once.
    """

    verb = "reset"
    moves_relay = True
    relay: Name
    call: str | None = None


class RelaySnapshot(Message):
    """A relay as io drives it; `energised` None = unknown, as nobody drives it: io died and has not come back yet."""

    relay: Name
    energised: bool | None = None
    left_s: Seconds | None = None
    cause: Cause | None = None


class InputSnapshot(Message):
    """An input as io reads it, after debouncing; None = the line cannot be read."""

    input: Name
    active: bool | None = None


class TakeIoSnapshot(IoOrder):
    """Tell how inputs and relays are."""

    verb = "snapshot"
    reads_only = True


class IoSnapshot(Reply):
    """What io knows now, consistent with the event number `sequence` of its life `source_epoch`."""

    source_epoch: int = 0
    sequence: int = 0
    policy_epoch: int = 0
    inputs: tuple[InputSnapshot, ...] = ()
    relays: tuple[RelaySnapshot, ...] = ()
