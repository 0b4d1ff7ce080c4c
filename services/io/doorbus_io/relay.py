"""One relay: when its line is active, and when it comes to rest.

The rules in words:

1. A relay is energised while a pulse or a hold (for a call) lasts. Each ends by itself, and none ends another.
2. A pulse energises the relay after its `delay_s`, for its `hold_s`.
3. A pulse while a delayed one is pending changes nothing: the first one's delay goes on, so that repeated pulses
   cannot keep a door shut.
4. A pulse while the relay is energised works at once. While an earlier one lasts it restarts that one's `hold_s`, and
   `max_on_s` goes on counting from the first of them: pulses alone never keep the relay energised longer.
5. A hold energises at once, for at most its own `max_s`, and takes a pending delayed pulse with it. Another one for
   the same call never shortens the time left; holds for several calls last side by side.
6. A pulse that comes while a hold lasts and outlives it gets its time: `max_on_s` counts from the pulse's own
   beginning, or nobody could open a door in a call's last second. Who lets a call hold a relay has chosen one that may
   stay on for so long; a pulse adds `max_on_s` at most.
7. A reset for a call ends that call's hold and nothing else. A reset without a call wins at once: the line rests and a
   pending pulse is dropped. A reset that finds nothing to end changes nothing.
8. What is due is done before anything new. A delayed pulse that is overdue by more than a command may live (the
   process was stopped meanwhile) is dropped: nobody waits at the door any more.
9. Each pulse and hold that finds or makes the relay energised is told, with the seconds until it rests; each return to
   rest is told once, with what ended last. A hold that ends while a pulse goes on moves nothing and is not told.
10. What is untold (an exit button over its limit) is told by nobody, nor is the return to rest where nothing else
    was told since the relay was energised: who counts by events hears both or none.

So a relay always comes to rest, whatever comes in whatever order: time alone brings it there.
"""

from __future__ import annotations

import math
from dataclasses import replace

from doorbus.contract.base import COMMAND_LIFETIME_S
from doorbus_io.relay_model import (
    Delayed,
    Effects,
    Energised,
    Hold,
    Lasting,
    LastingHold,
    LastingPulse,
    Pulse,
    Reason,
    Relay,
    RelayEvent,
    ReportDropped,
    ReportEnergised,
    ReportReset,
    Reset,
    ResetReason,
    Resting,
    TimePassed,
)


def step(relay: Relay, event: RelayEvent, now: float) -> tuple[Relay, Effects]:
    """Returns the relay after `event` at `now`, and what to do, in order."""
    relay, due = _do_what_is_due(relay, now)
    relay, effects = _take(relay, event, now)
    return relay, due + effects


def deadline(relay: Relay) -> float | None:
    """Returns when time alone changes something next, None when it does not."""
    match relay.phase:
        case Delayed(due=due):
            return due
        case Energised(lasting=lasting):
            return min(each.ends for each in lasting)
        case Resting():
            return None


def was_energised(relay: Relay, at: float, within_s: float) -> bool:
    """Tells whether the line was active at `at`, or had been until at most `within_s` seconds before."""
    if isinstance(relay.phase, Energised) and relay.phase.since <= at:
        return True
    return relay.last_since <= at <= relay.last_until + within_s


def claimed(relay: Relay, now: float) -> Relay:
    """Returns a resting relay whose line was taken over at `now`: nobody knows how long it was active until then."""
    return replace(relay, last_since=-math.inf, last_until=now)


def _do_what_is_due(relay: Relay, now: float) -> tuple[Relay, Effects]:
    match relay.phase:
        case Delayed(due=due, reason=reason) if now - due > COMMAND_LIFETIME_S:
            return replace(relay, phase=Resting()), (ReportDropped(reason, now - due),)
        case Delayed(due=due, reason=reason) if now >= due:
            return _pulse(relay, reason, now)
        case Energised(lasting=lasting) as phase:
            return _keep(relay, phase, tuple(each for each in lasting if each.ends > now), now)
        case _:
            return relay, ()


def _take(relay: Relay, event: RelayEvent, now: float) -> tuple[Relay, Effects]:
    match event, relay.phase:
        case TimePassed(), _:
            return relay, ()
        case Reset(why, None), Energised() as phase:
            return _rest(relay, phase, why, phase.reason, now)
        case Reset(call=None), Delayed():
            return replace(relay, phase=Resting()), ()
        case Reset(why, call), Energised(lasting=lasting) as phase:
            others = tuple(each for each in lasting if not (isinstance(each, LastingHold) and _call(each) == call))
            return _keep(relay, phase, others, now, why)
        case Reset(), _:
            return relay, ()
        case Pulse(reason), Resting() if relay.times.delay_s > 0:
            return replace(relay, phase=Delayed(now + relay.times.delay_s, reason)), ()
        case Pulse(), Delayed():
            return relay, ()
        case Pulse(reason), _:
            return _pulse(relay, reason, now)
        case Hold(max_s=max_s), _ if max_s <= 0:
            return relay, ()
        case Hold(max_s, reason), Delayed(reason=pending):
            relay, first = _pulse(relay, pending, now)
            relay, second = _hold(relay, max_s, reason, now)
            return relay, first + second
        case Hold(max_s, reason), _:
            return _hold(relay, max_s, reason, now)
    raise TypeError(f"no rule for {event!r} while {relay.phase!r}")


def _pulse(relay: Relay, reason: Reason, now: float) -> tuple[Relay, Effects]:
    before = next((each for each in _lasting(relay) if isinstance(each, LastingPulse)), None)
    began = now if before is None else before.began
    wanted, bound = now + relay.times.hold_s, began + relay.times.max_on_s
    return _energise(relay, before, LastingPulse(began, min(wanted, bound), wanted > bound, reason), now)


def _hold(relay: Relay, max_s: float, reason: Reason, now: float) -> tuple[Relay, Effects]:
    holds = (each for each in _lasting(relay) if isinstance(each, LastingHold))
    before = next((each for each in holds if _call(each) == reason.cause.call), None)
    ends = now + max_s if before is None else max(before.ends, now + max_s)
    return _energise(relay, before, LastingHold(ends, reason), now)


def _energise(relay: Relay, before: Lasting | None, lasting: Lasting, now: float) -> tuple[Relay, Effects]:
    """Has `lasting` keep the relay energised, in the place of `before`."""
    match relay.phase:
        case Energised() as phase:
            others = tuple(each for each in phase.lasting if each is not before)
        case _:
            phase, others = Energised(now, (), told=False), ()
    phase = replace(phase, lasting=(*others, lasting), told=phase.told or not lasting.reason.untold)
    report = ReportEnergised(lasting.reason, phase.ends - now, move=not isinstance(relay.phase, Energised))
    return replace(relay, phase=phase), (report,)


def _keep(
    relay: Relay, phase: Energised, lasting: tuple[Lasting, ...], now: float, why: ResetReason | None = None
) -> tuple[Relay, Effects]:
    """Keeps it energised for what still lasts; with nothing left it rests, for `why` or because time was over."""
    if lasting:
        return (relay, ()) if lasting == phase.lasting else (replace(relay, phase=replace(phase, lasting=lasting)), ())
    last = max(phase.lasting, key=lambda each: each.ends)
    over: ResetReason = "hold" if isinstance(last, LastingPulse) and not last.cut else "max_on"
    return _rest(relay, phase, why or over, last.reason, now)


def _rest(relay: Relay, phase: Energised, why: ResetReason, reason: Reason, now: float) -> tuple[Relay, Effects]:
    rested = replace(relay, phase=Resting(), last_since=phase.since, last_until=now)
    return rested, (ReportReset(why, now - phase.since, reason, phase.told),)


def _lasting(relay: Relay) -> tuple[Lasting, ...]:
    return relay.phase.lasting if isinstance(relay.phase, Energised) else ()


def _call(hold: LastingHold) -> str | None:
    return hold.reason.cause.call
