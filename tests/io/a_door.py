"""A door's core for tests: a document, all lines claimed, orders, and what its effects say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from doorbus.contract.document.io import Io
from doorbus.contract.lines import Cause, Energise, Pulse, Reset, UnlockMethod
from doorbus_io.door import step
from doorbus_io.door_model import (
    DocumentTaken,
    Door,
    DoorEffect,
    Drive,
    InputClaimed,
    Line,
    RelayClaimed,
    Tell,
)

INPUTS: list[dict[str, Any]] = [
    {"id": "button1", "kind": "push_button", "chip": "sim", "line": 0},
    {"id": "exit1", "kind": "exit_button", "chip": "sim", "line": 1, "relay": "gate"},
    {"id": "contact1", "kind": "door_contact", "chip": "gpiochip0", "line": 2, "relay": "gate"},
]
GATE: dict[str, Any] = {"id": "gate", "chip": "sim", "line": 8, "hold_s": 3.0, "max_on_s": 60.0}
LAMP: dict[str, Any] = {"id": "lamp", "chip": "gpiochip0", "line": 9, "active": "low", "hold_s": 5.0, "max_on_s": 600.0}
GATE_LINE, LAMP_LINE, EXIT_LINE, CONTACT_LINE = (
    Line("sim", 8),
    Line("gpiochip0", 9),
    Line("sim", 1),
    Line("gpiochip0", 2),
)
UNLOCK = Cause(kind="unlock", method=UnlockMethod.DTMF, by="101", call="call-1")


def document(*relays: dict[str, Any], contact: dict[str, Any] | None = None) -> Io:
    """Returns a document with these relays; `contact` changes the contact."""
    inputs = [*INPUTS[:2], INPUTS[2] | (contact or {})]
    return Io.model_validate_json(json.dumps({"inputs": inputs, "relays": relays or (GATE, LAMP)}))


def ready(io: Io | None = None) -> Door:
    """Returns a door with a document and all lines claimed, buttons up."""
    io = io or document()
    door, _ = step(Door(), DocumentTaken(io, 1), 0.0)
    for each in io.relays:
        door, _ = step(door, RelayClaimed(each), 0.0)
    for button in io.inputs:
        door, _ = step(door, InputClaimed(button, 1, chip_debounces=False), 0.0)
    return door


def order(kind: type[Pulse | Energise], relay: str = "gate", **more: Any) -> Pulse | Energise:
    """Returns an order for a relay, for an unlock in call-1."""
    return kind(id="o1", epoch=1, expires_at=datetime.now(UTC), relay=relay, cause=UNLOCK, **more)


def reset(relay: str, call: str | None = None) -> Reset:
    """Returns a reset, of what holds the relay for `call` only where one is named."""
    return Reset(id="o2", epoch=1, expires_at=datetime.now(UTC), relay=relay, call=call)


def told(effects: tuple[DoorEffect, ...]) -> list[str]:
    """Returns the names of what is told, in order."""
    return [f"{each.fact.domain}.{each.fact.what}" for each in effects if isinstance(each, Tell)]


def drives(effects: tuple[DoorEffect, ...]) -> list[Drive]:
    """Returns how lines are driven, in order."""
    return [each for each in effects if isinstance(each, Drive)]
