"""A press of a push button. What it does depends on the door's call alone; its table is `docs/press-table.md`.

- A call rings at the door: the press answers it.
- The door has no call: the press dials the button's call, if it has one.
- The door calls or talks, `push_to_hang_up` is enabled and `hold_s` is over: the press ends the call and runs no
  actions. `hold_s` counts from the press that made the call; for other calls from the answer, and before it there is
  no hold.
- Otherwise the press does nothing to the call, and its event says why. Its actions run.
- The same press (by its id) is taken once; a client's press is as good as a finger's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from doorbus.contract.base import Reply
from doorbus.contract.buttons import ButtonActivated
from doorbus.contract.calls import EndReason
from doorbus.contract.document.buttons import Button
from doorbus.contract.document.door import Door as Document
from doorbus.contract.document.io import PushButton
from doorbus.contract.errors import ErrorCode
from doorbus_policy.core import hunt, incoming, session
from doorbus_policy.core.effects import AnswerWish, Effect, Tell
from doorbus_policy.core.events import Pressed
from doorbus_policy.core.replies import not_ready, refused
from doorbus_policy.core.state import Call, DoorState, Stage, Step, remember

Does = Literal["call", "answer", "hang_up", "nothing"]


@dataclass(frozen=True)
class Outcome:
    """What a press does to the door's call, and why it does nothing."""

    does: Does
    why: str | None = None


NO_BUTTON = Outcome("nothing", "no_button")
NO_CALL = Outcome("nothing", "no_call")
NO_NUMBERS = Outcome("nothing", "no_numbers")
HANG_UP_OFF = Outcome("nothing", "push_to_hang_up_off")
HOLD = Outcome("nothing", "hold")
CALL_ENDING = Outcome("nothing", "call_ending")
CALL_UNKNOWN = Outcome("nothing", "call_unknown")
"""sip is silent, or was: nobody can tell whether the last call is still up, and nothing could be dialed either."""


def outcome(document: Document, button: Button | None, call: Call | None, now: float) -> Outcome:
    """Returns what a press does now."""
    if call is None:
        if button is None:
            return NO_BUTTON
        if button.call is None:
            return NO_CALL
        return Outcome("call") if hunt.of_button(document, button.call) else NO_NUMBERS
    match call.stage:
        case Stage.RINGING:
            return Outcome("answer")
        case Stage.ENDING:
            return CALL_ENDING
        case Stage.DIALING | Stage.ANSWERED:
            rule = call.rules.push_to_hang_up
            if not rule.enabled:
                return HANG_UP_OFF
            held_from = call.began_at if call.pressed is not None else call.answered_at
            return HOLD if held_from is not None and now < held_from + rule.hold_s else Outcome("hang_up")


def pressed(state: DoorState, event: Pressed, now: float) -> Step:
    """A press: does its part, tells what it came to, and answers the client whose wish it was."""
    if event.press in state.presses:
        return state, ()
    document = state.document
    if document is None:
        return state, _answer(event, not_ready())
    if not isinstance(document.input(event.input), PushButton):
        known = ", ".join(each.id for each in document.io.inputs if isinstance(each, PushButton)) or "none"
        return state, _answer(
            event, refused(ErrorCode.UNKNOWN_INPUT, f"input: there is no button {event.input}; there are: {known}")
        )
    state = replace(state, presses=remember(state.presses, event.press))
    button = document.button_for(event.input)
    unsure = state.call is None and state.lost is not None
    done = CALL_UNKNOWN if unsure else outcome(document, button, state.call, now)
    call = event.new_call if done.does == "call" else state.call.id if state.call is not None else None
    effects: tuple[Effect, ...] = ()
    match done.does:
        case "call":
            plan = hunt.of_button(document, button.call) if button is not None and button.call is not None else None
            if plan is not None and button is not None and button.call is not None:
                account = button.call.account
                state, effects = hunt.begin(state, event.new_call, account, document.calls, plan, now, event.input)
        case "answer":
            state, effects = incoming.answer(state)
        case "hang_up":
            state, effects = session.end(state, EndReason.PUSH_BUTTON, now)
        case "nothing":
            pass
    told = Tell(
        ButtonActivated(
            input=event.input,
            does=done.does,
            why=done.why,
            call=call,
            actions=() if button is None or done.does == "hang_up" else button.actions,
            press=event.press,
        )
    )
    return state, (*effects, told, *_answer(event, Reply(call=call, message=done.why)))


def _answer(event: Pressed, reply: Reply) -> tuple[Effect, ...]:
    return () if event.handle is None else (AnswerWish(event.handle, reply),)
