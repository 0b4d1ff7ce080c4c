"""Documents of the door that the feature tests run, and what several of them need to know of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Stack
from doorbus_testkit.wire_call import WireCall

BUTTON, EXIT = 0, 1
GATE, LAMP = 8, 9
"""Lines of the simulated chip."""

CODE = "7391508264"
"""Opens the gate. So long that it stands in no log by chance."""
ENV = {"DOORBUS_SECRET_GATE": CODE}
PBX_HOST = "127.0.0.2"
"""Calls from here are calls on the account; those from 127.0.0.1 are direct."""

ANSWER_S = 10.0
NOTICE_S = 1.5
"""How long a test looks on before it says that nothing happens."""
SOON_S = 0.25
"""The bound that a test puts on "within 100 ms" of a row, as the machine runs other tests too."""

IO = {
    "inputs": [
        {"id": "button1", "kind": "push_button", "chip": "sim", "line": BUTTON},
        {"id": "exit1", "kind": "exit_button", "chip": "sim", "line": EXIT, "relay": "gate"},
    ],
    "relays": [
        {"id": "gate", "chip": "sim", "line": GATE, "hold_s": 0.5},
        {"id": "lamp", "chip": "sim", "line": LAMP, "hold_s": 0.5},
    ],
}
ACCOUNT = {"id": "pbx", "aor": f"sip:door@{PBX_HOST}", "registrar": None, "trusted_sources": [f"{PBX_HOST}/32"]}
SIP = """sip:
  listen: {host: $host, udp: $sip, tcp: $sip}
  ports: {dialers: $first-$last, rtp: $rtp-$rtp_last}
  ip_calls: {enabled: true, allow: ["$allow"]}
"""


def document(
    numbers: Sequence[str] = (),
    *,
    calls: Mapping[str, Any] | None = None,
    call: Mapping[str, Any] | None = None,
    accounts: Sequence[Mapping[str, Any]] = (ACCOUNT,),
    actions: Sequence[Mapping[str, Any]] = (),
    audio: Mapping[str, Any] | None = None,
    host: str = "127.0.0.1",
    allow: str = "127.0.0.0/8",
    timezone: str = "Europe/Berlin",
    schedule: Mapping[str, Any] | None = None,
) -> str:
    """Returns the YAML of a door with one button, an exit button and two relays, for `Stack` to fill in its ports.

    Args:
        numbers: whom the button calls, directly; none = it calls nobody.
        calls: the document's `calls`.
        call: fields of the button's call that differ from the defaults.
        accounts: SIP accounts.
        actions: the document's actions; the button runs them all.
        audio: the document's `audio`.
        host: where the door listens.
        allow: the network of direct callers.
        timezone: the door's.
        schedule: the document's `schedule`.
    """
    button: dict[str, Any] = {"input": "button1", "actions": [action["id"] for action in actions]}
    if numbers:
        button["call"] = {"numbers": list(numbers), **(call or {})}
    sections: dict[str, Any] = {
        "timezone": timezone,
        "calls": dict(calls or {}),
        "io": IO,
        "buttons": [button],
        "actions": list(actions),
        "audio": dict(audio or {}),
        "schedule": dict(schedule or {}),
    }
    lines = [f"{name}: {json.dumps(value)}" for name, value in sections.items()]
    sip = SIP.replace("$host", host).replace("$allow", allow) + f"  accounts: {json.dumps(list(accounts))}\n"
    return "door: front\n" + "\n".join(lines) + "\n" + sip


async def press(door: Stack) -> float:
    """Presses the push button and waits until io has taken its release; returns the monotonic second of the first edge.

    A press within the debounce time of a release would be part of the same press.
    """
    before = len(door.told("input.released"))
    edge = await door.chip.press(BUTTON)
    await eventually(lambda: len(door.told("input.released")) > before, every_s=0.005, what="the button is released")
    return edge


async def idle(door: Stack, within_s: float = 10.0) -> None:
    """Ends the door's call, if there is one, and waits until policy and sip know of none."""

    async def nothing_up() -> bool:
        status = await door.wish("status")
        if status["stage"] not in ("idle", "ending"):
            await door.wish("hangup")
        state = await door.state("sip")
        return status["stage"] == "idle" and state is not None and not state["calls"]

    await eventually(nothing_up, within_s, what="the door has no call")


async def stays(check: Callable[[], bool], for_s: float = NOTICE_S, what: str = "it stays so") -> None:
    """Watches that something stays true for a time; raises AssertionError as soon as it does not."""
    end = time.monotonic() + for_s
    while time.monotonic() < end:
        if not check():
            raise AssertionError(f"{what}: not after {for_s - (end - time.monotonic()):.3f} s")
        await asyncio.sleep(0.01)


def statuses(call: WireCall) -> list[int]:
    """Returns the status codes that a caller got, retransmissions left out."""
    return [record.message.status for record in call.responses if not record.repeated]


def show(what: str, seconds: float) -> None:
    """Prints a measured time; `pytest -rP` shows it."""
    print(f"measured: {what}: {seconds * 1000:.1f} ms")  # noqa: T201  # captured by pytest
