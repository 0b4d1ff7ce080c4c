"""A press of a push button. What it does depends on the door's call alone; its table is `docs/press-table.md`.

- A call rings at the door: the press answers it.
- The door has no call: the press dials the button's call, if it has one.
- The door calls or talks, `push_to_hang_up` is enabled and `hold_s` is over: the press ends the call and runs no
  actions. `hold_s` counts from the press that made the call; for other calls from the answer, and before it there is
  no hold.
- While a page plays that outranks calls, no press dials. In a call that the page silences it does what it always does.
- Otherwise the press does nothing to the call, and its event says why. Its actions run.
- Actions that switch relays are ordered here (`relays`); the others are told, and hang on the event.
- While sip is being asked what calls there are, after a gap in what it told, a press that would dial waits for the
  answer, `HELD_S` at most: a call may ring at the door that nobody here has heard of.
- The same press (by its id) is taken once; a client's press is as good as a finger's. Of too many `floods` drops some.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from doorbus.contract.base import Reply
from doorbus.contract.buttons import WHY_NOTHING, ButtonActivated
from doorbus.contract.calls import EndReason
from doorbus.contract.document.io import PushButton
from doorbus.contract.errors import ErrorCode
from doorbus_policy.core import barge, hunt, incoming, relays, session, whom
from doorbus_policy.core.effects import AnswerWish, Effect, Tell
from doorbus_policy.core.events import Pressed
from doorbus_policy.core.replies import not_ready, refused
from doorbus_policy.core.state import Call, DoorState, Hunt, Stage, Step, remember

HELD_S = 1.5
"""sip answers within milliseconds; its silence is told after a second."""
HELD_MOST = 8

Does = Literal["call", "answer", "hang_up", "nothing"]


@dataclass(frozen=True)
class Outcome:
    """What a press does to the door's call, and why it does nothing."""

    does: Does
    why: str | None = None


HANG_UP_OFF = Outcome("nothing", "push_to_hang_up_off")
HOLD = Outcome("nothing", "hold")
CALL_ENDING = Outcome("nothing", "call_ending")
PAGE = Outcome("nothing", "page")
CALL_UNKNOWN = Outcome("nothing", "call_unknown")
"""sip is silent, or was: nobody can tell whether the last call is still up, and nothing could be dialed either."""


def outcome(called: Hunt | str, call: Call | None, now: float, *, page: bool = False) -> Outcome:
    """Returns what a press does now.

    Args:
        called: whom it would call, or why nobody (`whom.called_by`).
        call: the door's call.
        now: monotonic seconds.
        page: a page that outranks calls plays.
    """
    if call is None and page:
        return PAGE
    if call is None:
        return Outcome("nothing", called) if isinstance(called, str) else Outcome("call")
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
    if state.looking and state.call is None and len(state.held) < HELD_MOST:
        return replace(state, held=(*state.held, (event, now))), ()
    state = replace(state, presses=remember(state.presses, event.press))
    button = document.button_for(event.input)
    page = barge.plays(state)
    unsure = state.call is None and state.lost is not None and not page
    called = whom.called_by(state, button)
    done = CALL_UNKNOWN if unsure else outcome(called, state.call, now, page=page)
    call = event.new_call if done.does == "call" else state.call.id if state.call is not None else None
    effects: tuple[Effect, ...] = ()
    match done.does:
        case "call":
            if isinstance(called, Hunt) and button is not None and button.call is not None:
                account = button.call.account
                state, effects = hunt.begin(state, event.new_call, account, document.calls, called, now, event.input)
        case "answer":
            state, effects = incoming.answer(state)
        case "hang_up":
            state, effects = session.end(state, EndReason.PUSH_BUTTON, now)
        case "nothing":
            pass
    actions = () if button is None or done.does == "hang_up" else button.actions
    state, switched = relays.run(state, event, actions, made_call=done.does == "call", now=now)
    told = Tell(
        ButtonActivated(input=event.input, does=done.does, why=done.why, call=call, actions=actions, press=event.press)
    )
    return state, (
        *effects,
        *switched,
        told,
        *_answer(event, Reply(call=call, message=done.why and WHY_NOTHING[done.why])),
    )


def held_until(state: DoorState) -> float | None:
    """Returns when presses wait no longer, None when none waits."""
    return state.held[0][1] + HELD_S if state.held else None


def let_go(state: DoorState, now: float) -> Step:
    """Sip's calls are known, or will not be: takes the presses that waited for it, in order."""
    held, state = state.held, replace(state, looking=False, held=())
    effects: tuple[Effect, ...] = ()
    for event, _ in held:
        state, more = pressed(state, event, now)
        effects += more
    return state, effects


def _answer(event: Pressed, reply: Reply) -> tuple[Effect, ...]:
    return () if event.handle is None else (AnswerWish(event.handle, reply),)
