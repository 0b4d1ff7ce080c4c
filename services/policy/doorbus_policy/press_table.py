"""The table of what a press does in each state of the door's call, made from the rule itself."""

from __future__ import annotations

from doorbus.contract.calls import DIRECT, Direction, EndReason
from doorbus.contract.document.buttons import Button, ButtonCall
from doorbus.contract.document.calls import Calls, PushToHangUp
from doorbus.contract.document.door import Door
from doorbus_policy.core.press import Outcome, outcome
from doorbus_policy.core.state import Call, Ending, FarSide, Hunt, Stage

HOLD_S = 3.0
ADDRESS = "192.0.2.7"
HEAD = """# What a press does

Generated from `doorbus_policy.core.press`. "Hold" is `push_to_hang_up.hold_s` after the press that made the call, or
after the answer of another call.

| the door's call | push_to_hang_up | the press | why | its actions |
|---|---|---|---|---|
"""


def press_table() -> str:
    """Returns the table as Markdown."""
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows())


def rows() -> list[tuple[str, str, str, str, str]]:
    """Returns the rows: state of the call, setting, what the press does, why it does nothing, what its actions do."""
    table: list[tuple[str, str, str, str, str]] = []
    dials = Button(input="button1", call=ButtonCall(numbers=(ADDRESS,)))
    for text, button in (
        ("none", dials),
        ("none; the button has no numbers", Button(input="button1", call=ButtonCall())),
        ("none; the button has no call", Button(input="button1")),
        ("none; nothing is said about the button", None),
    ):
        table.append(_row(text, "any", outcome(_DOOR, button, None, 0.0)))
    for text, stage, pressed, answered_at, now in _STATES:
        by_setting = [
            (setting, outcome(_DOOR, dials, _call(stage, pressed, answered_at, enabled), now))
            for setting, enabled in (("enabled", True), ("disabled", False))
        ]
        if by_setting[0][1] == by_setting[1][1]:
            by_setting = [("any", by_setting[0][1])]
        table += [_row(text, setting, done) for setting, done in by_setting]
    return table


_DOOR = Door(door="front")
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
        rules=Calls(push_to_hang_up=PushToHangUp(enabled=enabled, hold_s=HOLD_S)),
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
