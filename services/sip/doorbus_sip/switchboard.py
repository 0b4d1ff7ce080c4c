"""The calls in progress: their records, legs and limits, and what is done to them.

Rules
- A call ends for the outside (`CallEnded`) when it is given up here; its legs may drain in their workers for longer.
- After each change the loudspeaker gets what is to be heard now, and one timer the next limit that is due.
"""

import asyncio
from collections.abc import Callable

from doorbus_sip import facts, protocol, ringset
from doorbus_sip.calls import CallSnapshot, Record, snapshot
from doorbus_sip.facts import Fact, Reason
from doorbus_sip.limits import due
from doorbus_sip.pool import Pool
from doorbus_sip.sounds import farewell
from doorbus_sip.speaker import Speaker
from doorbus_sip.tones import Tone


class UnknownCallError(LookupError):
    """There is no such call, or it is in no state for this order."""


class Switchboard:
    """Knows the calls; gives the workers their orders.

    Args:
        pool: the workers.
        tell: called for each fact.
    """

    def __init__(self, pool: Pool, tell: Callable[[Fact], None]) -> None:
        self.pool = pool
        self.speaker = Speaker(pool)
        self.tell = tell
        self._calls: dict[str, Record] = {}
        self._leg_calls: dict[str, str] = {}
        self._timer: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """Monotonic seconds, as all times of records."""
        return asyncio.get_running_loop().time()

    def snapshot(self) -> tuple[CallSnapshot, ...]:
        """All calls as they are now."""
        return tuple(snapshot(record, self.now()) for record in self._calls.values())

    # Finding.

    def __contains__(self, call: str) -> bool:
        return call in self._calls

    def records(self) -> tuple[Record, ...]:
        """All calls, safe to end while they are gone through."""
        return tuple(self._calls.values())

    def call_of(self, leg: str) -> str | None:
        """The id of the call that has this leg."""
        return self._leg_calls.get(leg)

    def by_leg(self, leg: str) -> Record | None:
        """The call that has this leg."""
        call = self._leg_calls.get(leg)
        return None if call is None else self._calls.get(call)

    def known(self, call: str) -> Record:
        """The call.

        Raises:
            UnknownCallError: there is none.
        """
        record = self._calls.get(call)
        if record is None:
            raise UnknownCallError(f"no call {call}")
        return record

    def waiting(self, call: str) -> Record:
        """The incoming call that waits for ring, answer or refuse.

        Raises:
            UnknownCallError: it does not.
        """
        record = self.known(call)
        if record.direction != "in" or record.answered is not None or record.accepting:
            raise UnknownCallError(f"call {call} does not wait for an answer")
        return record

    def leg_up(self, call: str) -> str:
        """The leg of a call that is up.

        Raises:
            UnknownCallError: it is not.
        """
        record = self.known(call)
        if record.answered is None or record.leg is None:
            raise UnknownCallError(f"call {call} is not up")
        return record.leg

    def leg_taken(self, call: str) -> str:
        """The leg of a call that is up, or that was answered here and is not acknowledged yet.

        Raises:
            UnknownCallError: it is neither.
        """
        record = self.known(call)
        return record.leg if record.accepting and record.leg is not None else self.leg_up(call)

    # Changing.

    def add(self, record: Record) -> None:
        """Takes a new call."""
        self._calls[record.call] = record
        self._leg_calls.update(dict.fromkeys(record.legs, record.call))
        self.arm()

    def advance(self, leg: str, event: ringset.Event) -> None:
        """Takes an event of a ring set that has this leg, and carries out what it asks for."""
        record = self.by_leg(leg)
        if record is None or record.ring is None:
            return
        record.ring, effects = ringset.step(record.ring, event)
        for effect in effects:
            self._carry_out(record, effect)

    def _carry_out(self, record: Record, effect: ringset.Effect) -> None:
        call = record.call
        match effect:
            case ringset.GrantAudio() if record.silent:
                pass
            case ringset.GrantAudio(leg):
                self.pool.send(leg, protocol.Grant(leg=leg))
            case ringset.HangUp(leg, elsewhere):
                self.pool.send(leg, protocol.Hangup(leg=leg, elsewhere=elsewhere))
            case ringset.TellRinging(leg, code, first):
                self.tell(facts.LegRinging(call, leg, code))
                if first and record.state == "dialing":
                    record.state = "ringing"
                    self.tell(facts.CallRinging(call))
            case ringset.TellRefused(leg, code):
                self.tell(facts.LegRefused(call, leg, code))
            case ringset.TellFailed(leg, code, reason):
                self.tell(facts.LegFailed(call, leg, code, reason))
            case ringset.TellCancelled(leg, reason):
                self.tell(facts.LegCancelled(call, leg, reason))
            case ringset.TellWon(leg):
                self.tell(facts.LegAnswered(call, leg))
                self.up_now(record, leg)
            case ringset.TellOver(reason, code):
                self.close(record, reason, code)

    def up_now(self, record: Record, leg: str) -> None:
        """The call is up on this leg."""
        record.state, record.leg, record.answered = "answered", leg, self.now()
        self.tell(facts.CallAnswered(record.call, leg))
        self.arm()
        self.hear()

    def end(self, record: Record, reason: Reason) -> None:
        """Ends a call in whatever state it is."""
        if record.ring is not None and record.ring.winner is None:
            self.advance(next(iter(record.legs)), ringset.GivenUp(reason))
            return
        leg = record.leg or record.call
        if record.direction == "in" and record.answered is None and not record.accepting:
            code = 480 if reason in (Reason.DIAL_TIMEOUT, Reason.PAGE) else 603
            self.pool.send(leg, protocol.Refuse(leg=leg, code=code))
            self.close(record, reason, code)
        else:
            self.pool.send(leg, protocol.Hangup(leg=leg))
            self.close(record, reason, 0)

    def close(self, record: Record, reason: Reason, code: int) -> None:
        """Forgets a call that is over and says so."""
        if self._calls.pop(record.call, None) is None:
            return
        for leg in record.legs:
            self._leg_calls.pop(leg, None)
        duration_s = 0.0 if record.answered is None else self.now() - record.answered
        self.tell(facts.CallEnded(record.call, reason, code, duration_s))
        self.arm()
        self.hear(farewell(record, reason))

    def hear(self, last: Tone | None = None) -> None:
        """Has the loudspeaker play what these calls want, or the last tone of one that is over."""
        self.speaker.update(self._calls.values(), last)

    def arm(self) -> None:
        """Sets the timer for the next limit."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        nexts = [d.at for r in self._calls.values() if (d := due(r.limits, r.started, r.answered, r.warned))]
        if nexts:
            self._timer = asyncio.get_running_loop().call_at(min(nexts), self._on_due)

    def _on_due(self) -> None:
        now = self.now()
        for record in tuple(self._calls.values()):
            what = due(record.limits, record.started, record.answered, record.warned)
            if what is None or what.at > now:
                continue
            if what.what == "warning":
                record.warned = True
                self.tell(facts.CallEnding(record.call, record.limits.warn_s))
                if record.leg is not None and not record.silent:
                    self.pool.send(record.leg, protocol.Warn(leg=record.leg))
            else:
                self.end(record, Reason(what.what))
        self.arm()

    def stop(self) -> None:
        """Ends all calls."""
        for record in self.records():
            self.end(record, Reason.SHUTDOWN)
        if self._timer is not None:
            self._timer.cancel()
