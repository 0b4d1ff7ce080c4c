"""The table of what a press does in each state of the door's call, made from the rules themselves."""

from __future__ import annotations

from doorbus.contract.buttons import WHY_NOTHING
from doorbus.contract.calls import DIRECT, Direction, EndReason
from doorbus.contract.document.calls import Calls, HangUpAfterUnlock, PushToHangUp
from doorbus.contract.lines import UnlockMethod
from doorbus_policy.core import limits, whom
from doorbus_policy.core.events import DoorUnlocked
from doorbus_policy.core.press import CALL_UNKNOWN, Outcome, outcome
from doorbus_policy.core.state import Call, DoorState, Ending, FarSide, Hunt, Stage

HOLD_S = 3.0
HEAD = """# What a press does

Generated from the rules (`doorbus_policy.core.press`, `whom`, `limits`) by `make docs`. "Hold" is
`push_to_hang_up.hold_s` after the press that made the call, or after the answer of another call. A client's wish
`press` is as good as a finger; any button of the door counts, so of two that are pressed at once the first makes the
call and the second finds it dialing, within hold. A call that a page has put on hold is a call like any other.

An action that switches a relay holds it for the call where the press dials, and pulses it where its actions run
otherwise (`doorbus_policy.core.relays`). Presses over the limit of their button (`doorbus_policy.core.floods`: ten at
once, then two a second, from fingers and from clients each) do nothing of all this.

## A push button

| the door's call | push_to_hang_up | the press | why | its actions |
|---|---|---|---|---|
"""
EXIT_HEAD = """
## An exit button, a client's `unlock`, a code

They open the door whatever the call does (a code only in an answered call: elsewhere its digits mean nothing). What
becomes of the call, where the method is one of `hang_up_after_unlock.methods`:

| the door's call | the call |
|---|---|
"""


def press_table() -> str:
    """Returns the tables as Markdown."""
    pushed = "".join(f"| {' | '.join(row)} |\n" for row in rows())
    return HEAD + pushed + EXIT_HEAD + "".join(f"| {' | '.join(row)} |\n" for row in exit_rows())


def rows() -> list[tuple[str, str, str, str, str]]:
    """Returns the rows: state of the call, setting, what the press does, why it does nothing, what its actions do."""
    table = [_row("none", "any", outcome(_CALLED, None, 0.0))]
    table += [_row(f"none; {WHY_NOTHING[why]}", "any", outcome(why, None, 0.0)) for why in whom.REASONS]
    table.append(_row("none; a page plays that outranks calls", "any", outcome(_CALLED, None, 0.0, page=True)))
    table.append(_row("unknown: sip is silent, or was", "any", CALL_UNKNOWN))
    for text, stage, pressed, answered_at, now in _STATES:
        by_setting = [
            (setting, outcome(_CALLED, _call(stage, pressed, answered_at, enabled), now))
            for setting, enabled in (("enabled", True), ("disabled", False))
        ]
        if by_setting[0][1] == by_setting[1][1]:
            by_setting = [("any", by_setting[0][1])]
        table += [_row(text, setting, done) for setting, done in by_setting]
    return table


def exit_rows() -> list[tuple[str, str]]:
    """Returns the rows: state of the call, and what an opening of the door makes of it."""
    opened = DoorUnlocked("gate", UnlockMethod.INPUT)
    table = [("none", "-")]
    for text, stage in (
        ("incoming, ringing", Stage.RINGING),
        ("dialing", Stage.DIALING),
        ("answered", Stage.ANSWERED),
        ("its end is ordered", Stage.ENDING),
    ):
        state = DoorState("front", call=_call(stage, pressed=False, answered_at=1.0, enabled=True))
        after, _ = limits.door_unlocked(state, opened, 2.0)
        ends = after.call is not None and after.call.unlocked_until is not None
        table.append((text, "ends `timeout_s` later" if ends else "is left alone"))
    return table


_CALLED = Hunt((("sip:101@pbx.example.com",),), 60.0, refusal_stops=False)
_STATES = (
    ("incoming, ringing", Stage.RINGING, False, None, 0.0),
    ("dialing by a press, within hold", Stage.DIALING, True, None, HOLD_S / 2),
    ("dialing by a press, after hold", Stage.DIALING, True, None, HOLD_S * 2),
    ("dialing by a client", Stage.DIALING, False, None, 0.0),
    ("answered, made by a press, within hold of the press", Stage.ANSWERED, True, 1.0, HOLD_S / 2),
    ("answered, made by a press, after hold", Stage.ANSWERED, True, 1.0, HOLD_S * 2),
    ("answered, incoming or by a client, within hold of the answer", Stage.ANSWERED, False, 1.0, 1.0 + HOLD_S / 2),
    ("answered, incoming or by a client, after hold", Stage.ANSWERED, False, 1.0, 1.0 + HOLD_S * 2),
    ("its end is ordered", Stage.ENDING, True, None, HOLD_S * 2),
)


def _call(stage: Stage, pressed: bool, answered_at: float | None, enabled: bool) -> Call:
    return Call(
        id="call",
        direction=Direction.INCOMING if stage is Stage.RINGING else Direction.OUTGOING,
        account=DIRECT,
        far_side=FarSide(direct=True),
        rules=Calls(
            push_to_hang_up=PushToHangUp(enabled=enabled, hold_s=HOLD_S),
            hang_up_after_unlock=HangUpAfterUnlock(methods=("dtmf", "http", "input", "bus")),
        ),
        stage=stage,
        began_at=0.0,
        pressed="button1" if pressed else None,
        hunt=Hunt((), 60.0, refusal_stops=False) if stage is Stage.DIALING else None,
        answered_at=answered_at,
        ending=Ending(EndReason.PUSH_BUTTON, None, HOLD_S * 3) if stage is Stage.ENDING else None,
    )


def _row(text: str, setting: str, done: Outcome) -> tuple[str, str, str, str, str]:
    does = {"call": "dials", "answer": "answers it", "hang_up": "hangs up", "nothing": "nothing"}[done.does]
    return text, setting, does, done.why or "", "do not run" if done.does == "hang_up" else "run"
