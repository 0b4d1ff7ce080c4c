"""Inputs and relays: lines of GPIO chips, or of the simulated one."""

from typing import Annotated, Literal

from pydantic import Field

from doorbus.contract.document.base import Between, Model, Written
from doorbus.contract.document.scalars import Id

Chip = Annotated[
    str,
    Written(
        "sim, or a GPIO chip like gpiochip0 or /dev/gpiochip0",
        r"sim|gpiochip[0-9]{1,4}|/dev/[A-Za-z0-9_:-][A-Za-z0-9_.:-]{0,63}",
    ),
]
LineOffset = Annotated[int, Between(0, 1023)]
Level = Literal["low", "high"]


class _Input(Model):
    id: Id
    chip: Chip
    line: LineOffset
    """The line's offset on the chip."""
    active: Level = "low"
    """Buttons close to ground: two wires, and a cut one reads as not pressed."""
    bias: Literal["pull_up", "pull_down", "disabled", "as_is"] = "pull_up"
    """Goes with `active: low`: an open line reads high."""
    debounce_ms: Annotated[int, Between(0, 1000)] = 20
    """Contacts bounce for some milliseconds; a press lasts 50 at least."""


class PushButton(_Input):
    """The visitor's button; what it does stands in `buttons`."""

    kind: Literal["push_button"]


class ExitButton(_Input):
    """The button inside that opens a door, by the io process alone."""

    kind: Literal["exit_button"]
    relay: Id
    """What it energises."""


class DoorContact(_Input):
    """Tells whether a door stands open."""

    kind: Literal["door_contact"]
    relay: Id
    """The relay that opens this door: it opens without the relay = it was forced."""
    left_open_s: Annotated[float, Between(0, 86400)] = 60
    """Open for longer is reported: a parcel gets through in a minute; 0 = never."""


Input = Annotated[PushButton | ExitButton | DoorContact, Field(discriminator="kind")]


class Relay(Model):
    """An output that opens a door or switches a lamp."""

    id: Id
    chip: Chip
    line: LineOffset
    active: Level = "high"
    """Relay boards with a driver transistor; at rest also while the machine boots."""
    delay_s: Annotated[float, Between(0, 60)] = 0
    """Between order and effect."""
    hold_s: Annotated[float, Between(0.1, 86400)] = 3
    """How long a pulse holds: time to pull a door. At most `max_on_s`."""
    max_on_s: Annotated[float, Between(0.1, 86400)] = 60
    """Whatever is ordered, it rests after this: strikes burn out, and a forgotten door stays closed."""


class Io(Model):
    """All inputs and relays of the door."""

    inputs: tuple[Input, ...] = ()
    relays: tuple[Relay, ...] = ()
