"""Presses that come faster than people press: a flapping wire, a mad client. They flood neither bus nor servers.

- Each button has a token bucket for fingers and one for clients (`virtual`), so that a mad client does not keep a
  visitor from ringing. A press over it does nothing at all: it touches no call, runs no action and is not told. A
  client is answered `rate_limited`.
- The first press dropped is told (`button.limited`), and the sum once none was dropped for `CALM_S`. Between them
  nothing is told, however long the flood lasts.
- What a press would do makes no difference: answering and hanging up cost a token, too. A visitor who hammers rings
  with the first press; within a flood a press is taken each half second, so a call can be answered and ended, and the
  door is as usual as soon as the flood is over. What opens the door (exit button, codes, `unlock`) does not pass here.
- A repeat of a press that was taken, and a press of what is no button, are not counted: they do nothing anyway.
- Nothing of this is kept: after a restart buckets are full, and of the presses of the last 5 s, read again from the
  stream, some that had been dropped may be taken.
"""

from __future__ import annotations

from dataclasses import replace

from doorbus.contract.buttons import ButtonLimited
from doorbus.contract.document.io import PushButton
from doorbus.contract.errors import ErrorCode
from doorbus.rate import Bucket
from doorbus_policy.core import press
from doorbus_policy.core.effects import AnswerWish, Effect, Tell
from doorbus_policy.core.events import Pressed
from doorbus_policy.core.replies import refused
from doorbus_policy.core.state import DoorState, Pace, Step

BURST = 10
"""An impatient visitor presses five times a second, for two seconds."""
PER_S = 2.0
"""Nobody presses faster for long, and a mail server takes two messages a second."""
CALM_S = BURST / PER_S
"""In which an empty bucket fills again. Told sooner, a wire that flaps now and then would flood by its sums."""


def pressed(state: DoorState, event: Pressed, now: float) -> Step:
    """A press: taken (`press.pressed`) or dropped."""
    document = state.document
    if document is None or event.press in state.presses or not isinstance(document.input(event.input), PushButton):
        return press.pressed(state, event, now)
    pace = _pace(state, event)
    bucket, ok = pace.bucket.take(now)
    if ok:
        return press.pressed(_with(state, replace(pace, bucket=bucket), now), event, now)
    first = pace.dropped == 0
    pace = replace(pace, dropped=pace.dropped + 1, since=now if first else pace.since, last=now)
    effects: tuple[Effect, ...] = (Tell(_limited(pace, over=False)),) if first else ()
    if event.handle is not None:
        said = f"input: {event.input} is pressed too often: {BURST} times at once, then {PER_S:g} a second, are taken"
        effects += (AnswerWish(event.handle, refused(ErrorCode.RATE_LIMITED, said)),)
    return _with(state, pace, now), effects


def calm_at(state: DoorState) -> float | None:
    """Returns when the next flood counts as over, None while there is none."""
    return min((pace.last + CALM_S for pace in state.paces if pace.dropped), default=None)


def calm(state: DoorState, now: float) -> Step:
    """Tells the sums of floods that are over."""
    over = [pace for pace in state.paces if pace.dropped and pace.last + CALM_S <= now]
    for pace in over:
        state = _with(state, replace(pace, dropped=0), now)
    return state, tuple(Tell(_limited(pace, over=True)) for pace in over)


def _pace(state: DoorState, event: Pressed) -> Pace:
    key = (event.input, event.client is not None)
    return next((each for each in state.paces if (each.input, each.virtual) == key), Pace(*key, Bucket(BURST, PER_S)))


def _with(state: DoorState, pace: Pace, now: float) -> DoorState:
    """Puts a button's pace in its place, and forgets those of buttons that were not pressed lately."""
    others = (each for each in state.paces if (each.input, each.virtual) != (pace.input, pace.virtual))
    return replace(state, paces=(*(each for each in others if each.dropped or each.bucket.full_at > now), pace))


def _limited(pace: Pace, *, over: bool) -> ButtonLimited:
    return ButtonLimited(
        input=pace.input, virtual=pace.virtual, dropped=pace.dropped, over_s=pace.last - pace.since, over=over
    )
