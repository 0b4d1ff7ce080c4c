"""The SIP engine: calls, with their ids, on top of the pool of workers. Knows nothing of the bus.

Rules
- Orders are accepted or raise; what came of them is told as facts, in order.
- A call ends for the outside (`CallEnded`) when the engine gives it up; its legs may drain in their workers for longer.
- What a worker says about a leg that no call knows any more is dropped, except that a late answer is hung up.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from doorbus_sip import facts, protocol, ringset
from doorbus_sip.calls import CallSnapshot, Record, snapshot
from doorbus_sip.config import EngineConfig
from doorbus_sip.facts import Fact, Reason
from doorbus_sip.flood import Bucket, take
from doorbus_sip.limits import Limits, due
from doorbus_sip.pool import Listeners, Pool
from doorbus_sip.resolve import resolve

log = structlog.get_logger()
_BUSY = 486
_SECOND_S = 1.0
_RESOLVE_S = 60.0  # a PBX behind a name may move, and the name server may be late at boot


class UnknownCallError(LookupError):
    """There is no such call, or it is in no state for this order."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The front's SIP ports."""

    udp: int
    tcp: int | None


class SipEngine:
    """The facade for the bus shell; one a door. All methods belong to one event loop.

    Args:
        config: what to listen on, the accounts, the audio.
        on_fact: called for each fact, on the event loop; it must not block.
    """

    def __init__(self, config: EngineConfig, on_fact: Callable[[Fact], None]) -> None:
        self._config = config
        self._on_fact = on_fact
        self._calls: dict[str, Record] = {}
        self._leg_calls: dict[str, str] = {}
        self._pool: Pool | None = None
        self._bucket = Bucket(config.questions_per_s, 0)
        self._refused = 0
        self._timer: asyncio.TimerHandle | None = None
        self._every_second: asyncio.TimerHandle | None = None
        self._resolving: asyncio.Task[None] | None = None
        self._accounts: tuple[protocol.WorkerAccount, ...] = ()

    @property
    def config(self) -> EngineConfig:
        """The configuration in force."""
        return self._config

    @property
    def ports(self) -> Ports:
        """Where the door listens, also when the configuration said "any port"."""
        return Ports(*self._running.ports)

    @property
    def workers(self) -> dict[str, int]:
        """Process ids by worker name."""
        return self._running.pids()

    def worker_of(self, leg: str) -> str | None:
        """The name of the worker that has this leg now."""
        return self._running.worker_of(leg)

    async def start(self) -> None:
        """Starts the workers; returns when the front listens.

        Raises:
            TimeoutError: it does not listen after 15 s (a port is taken, most likely).
            ValueError: too few RTP ports for the workers.
        """
        listeners = Listeners(self._on_report, self._on_started, self._on_lost)
        self._accounts = await resolve(self._config)
        self._pool = Pool(self._config, self._accounts, listeners)
        await self._pool.start()
        self._tell_refused()
        self._resolving = asyncio.create_task(self._resolve_again())

    async def stop(self) -> None:
        """Ends all calls (`shutdown`), unregisters, ends the workers."""
        for timer in (self._timer, self._every_second, self._resolving):
            if timer is not None:
                timer.cancel()
        for record in tuple(self._calls.values()):
            self._end(record, Reason.SHUTDOWN)
        if self._pool is not None:
            await self._pool.stop()

    async def reconfigure(self, config: EngineConfig) -> None:
        """Applies a new configuration: accounts, audio and limits at once, calls of removed accounts end.

        `listen`, `rtp`, `dialer_ports` and `codecs` are taken by the workers that start from now on.
        """
        gone = {account.id for account in self._config.accounts} - {account.id for account in config.accounts}
        for record in tuple(self._calls.values()):
            if record.account in gone:
                self._end(record, Reason.SHUTDOWN)
        self._config = config
        self._accounts = await resolve(config)
        self._running.change(config, self._accounts)

    async def dial(
        self,
        call: str,
        account: str | None,
        targets: tuple[tuple[str, str], ...],
        limits: Limits,
        display_name: str | None = None,
    ) -> None:
        """Rings all `targets`, (leg id, SIP URI) each; the first that answers gets the call.

        Raises:
            ValueError: an id is used already, or there is no target.
            LookupError: no such account.
        """
        legs = tuple(leg for leg, _ in targets)
        if call in self._calls or any(leg in self._leg_calls for leg in legs):
            raise ValueError("a call or leg of this id exists")
        if account is not None and all(known.id != account for known in self._config.accounts):
            raise LookupError(f"no account {account!r}")
        record = Record(
            call=call,
            direction="out",
            account=account,
            peer=targets[0][1] if len(targets) == 1 else "",
            started=self._now(),
            limits=limits,
            legs=dict(targets),
            state="dialing",
            ring=ringset.ring_set(legs, frozenset(self._config.refused_codes)),
        )
        self._add(record)
        self._tell(facts.CallDialing(call, account, legs))
        self._running.dial(
            tuple(protocol.Dial(leg=leg, account=account, uri=uri, display_name=display_name) for leg, uri in targets)
        )

    async def ring(self, call: str) -> None:
        """Sends 180 for an incoming call.

        Raises:
            UnknownCallError: it does not wait.
        """
        record = self._waiting(call)
        if record.state == "incoming":
            record.state = "ringing"
            self._running.send(call, protocol.Ring(leg=call))
            self._tell(facts.CallRinging(call))

    async def answer(self, call: str, limits: Limits | None = None) -> None:
        """Sends 200 for an incoming call; `CallAnswered` follows with the ACK.

        Raises:
            UnknownCallError: it does not wait.
        """
        record = self._waiting(call)
        record.limits = limits or record.limits
        record.accepting = True
        self._running.send(call, protocol.Answer(leg=call))
        self._arm()

    def set_limits(self, call: str, limits: Limits) -> None:
        """Replaces the backstop limits of a call; they count from its start and its answer as before.

        Raises:
            UnknownCallError: there is no such call.
        """
        self._known(call).limits = limits
        self._arm()

    async def refuse(self, call: str, code: int, reason: Reason = Reason.REFUSED) -> None:
        """Sends a final answer (300 to 699) to an incoming call.

        Raises:
            UnknownCallError: it does not wait.
            ValueError: no such code.
        """
        if not 300 <= code <= 699:
            raise ValueError(f"{code} does not refuse a call")
        record = self._waiting(call)
        self._running.send(call, protocol.Refuse(leg=call, code=code))
        self._close(record, reason, code)

    async def hangup(self, call: str, reason: Reason = Reason.LOCAL_HANGUP) -> None:
        """Ends a call in whatever state it is; an incoming one that waits gets 603, or 480 after `dial_timeout`.

        Raises:
            UnknownCallError: there is no such call.
        """
        self._end(self._known(call), reason)

    async def hold(self, call: str) -> None:
        """Puts the far side on hold (`a=sendonly`).

        Raises:
            UnknownCallError: the call is not up.
        """
        self._running.send(leg := self._up(call), protocol.Hold(leg=leg, held=True))

    async def resume(self, call: str) -> None:
        """Takes it back.

        Raises:
            UnknownCallError: the call is not up.
        """
        self._running.send(leg := self._up(call), protocol.Hold(leg=leg, held=False))

    async def send_dtmf(self, call: str, digits: str) -> None:
        """Sends digits as RTP events (RFC 4733).

        Raises:
            UnknownCallError: the call is not up.
        """
        self._running.send(leg := self._up(call), protocol.SendDtmf(leg=leg, digits=digits))

    def snapshot(self) -> tuple[CallSnapshot, ...]:
        """All calls as they are now."""
        return tuple(snapshot(record, self._now()) for record in self._calls.values())

    # What the workers say.

    def _on_started(self, worker: str) -> None:
        self._tell(facts.WorkerStarted(worker))

    def _on_lost(self, worker: str, legs: frozenset[str]) -> None:
        lost = [call for leg in legs if (call := self._leg_calls.get(leg)) is not None]
        for leg in legs:
            self._leg_over(protocol.Ended(leg=leg, code=0, reason="worker lost", remote=False, media_failed=True))
        self._tell(facts.WorkerLost(worker, tuple(call for call in dict.fromkeys(lost) if call not in self._calls)))

    def _on_report(self, worker: str, report: protocol.Report) -> None:
        match report:
            case protocol.Incoming():
                self._incoming(report)
            case protocol.Ended():
                self._leg_over(report)
            case protocol.Progress(leg=leg, code=code):
                self._advance(leg, ringset.Progressed(leg, code))
            case protocol.Answered(leg=leg):
                self._answered(leg)
            case protocol.Held(leg=leg, by=by, held=held):
                self._held(leg, by, held)
            case protocol.Digit(leg=leg):
                self._digit(leg, report)
            case protocol.Registration():
                self._registration(report)
            case protocol.Refused(code=code, count=count):
                self._tell(facts.RefusedUnasked(code, count))
            case protocol.Logged(lines=lines, dropped=dropped):
                log.warning("pjsip errors", worker=worker, lines=lines, dropped=dropped)
            case protocol.Failed(where=where, error=error):
                log.error("worker failure", worker=worker, where=where, error=error)
                self._tell(facts.CallbackFailed(worker, where, error))

    def _incoming(self, report: protocol.Incoming) -> None:
        self._bucket, may_ask = take(self._bucket, self._config.questions_per_s, self._now())
        if not may_ask:
            self._refused += 1
            self._running.send(report.leg, protocol.Refuse(leg=report.leg, code=_BUSY))
            return
        record = Record(
            call=report.leg,
            direction="in",
            account=report.account,
            peer=report.from_uri,
            started=self._now(),
            limits=Limits(),
            legs={report.leg: report.from_uri},
            state="incoming",
            leg=report.leg,
        )
        self._add(record)
        self._tell(
            facts.IncomingCall(
                call=report.leg,
                account=report.account,
                from_user=report.from_user,
                from_uri=report.from_uri,
                to_user=report.to_user,
                source=report.source,
                source_port=report.source_port,
                wants_video=report.wants_video,
                auto_answer=report.auto_answer,
            )
        )

    def _answered(self, leg: str) -> None:
        record = self._by_leg(leg)
        if record is None:
            self._running.send(leg, protocol.Hangup(leg=leg))
        elif record.ring is not None:
            self._advance(leg, ringset.Accepted(leg))
        elif record.answered is None:
            self._up_now(record, leg)

    def _advance(self, leg: str, event: ringset.Event) -> None:
        record = self._by_leg(leg)
        if record is None or record.ring is None:
            return
        record.ring, effects = ringset.step(record.ring, event)
        for effect in effects:
            self._carry_out(record, effect)

    def _carry_out(self, record: Record, effect: ringset.Effect) -> None:
        call = record.call
        match effect:
            case ringset.GrantAudio(leg):
                self._running.send(leg, protocol.Grant(leg=leg))
            case ringset.HangUp(leg, elsewhere):
                self._running.send(leg, protocol.Hangup(leg=leg, elsewhere=elsewhere))
            case ringset.TellRinging(leg, code, first):
                self._tell(facts.LegRinging(call, leg, code))
                if first and record.state == "dialing":
                    record.state = "ringing"
                    self._tell(facts.CallRinging(call))
            case ringset.TellRefused(leg, code):
                self._tell(facts.LegRefused(call, leg, code))
            case ringset.TellFailed(leg, code, reason):
                self._tell(facts.LegFailed(call, leg, code, reason))
            case ringset.TellCancelled(leg, reason):
                self._tell(facts.LegCancelled(call, leg, reason))
            case ringset.TellWon(leg):
                self._tell(facts.LegAnswered(call, leg))
                self._up_now(record, leg)
            case ringset.TellOver(reason, code):
                self._close(record, reason, code)

    def _up_now(self, record: Record, leg: str) -> None:
        record.state, record.leg, record.answered = "answered", leg, self._now()
        self._tell(facts.CallAnswered(record.call, leg))
        self._arm()

    def _leg_over(self, report: protocol.Ended) -> None:
        record = self._by_leg(report.leg)
        if record is None:
            return
        if record.ring is not None and record.ring.winner != report.leg:
            self._advance(report.leg, ringset.Gone(report.leg, report.code, report.reason))
        elif record.leg == report.leg:
            reason = Reason.REMOTE_HANGUP if report.remote else Reason.LOCAL_HANGUP
            self._close(record, Reason.MEDIA_FAILED if report.media_failed else reason, report.code)

    def _held(self, leg: str, by: str, held: bool) -> None:
        record = self._by_leg(leg)
        if record is None or record.leg != leg:
            return
        side = "local" if by == "local" else "remote"
        if held:
            record.held.add(by)
            self._tell(facts.CallHeld(record.call, "local" if side == "local" else "remote"))
        else:
            record.held.discard(by)
            self._tell(facts.CallResumed(record.call, "local" if side == "local" else "remote"))

    def _digit(self, leg: str, report: protocol.Digit) -> None:
        record = self._by_leg(leg)
        if record is None or record.leg != leg or record.answered is None:
            return
        record.dtmf = record.dtmf or report.method
        if record.dtmf is report.method:
            self._tell(facts.DtmfDigit(record.call, report.digit, report.method))

    def _registration(self, report: protocol.Registration) -> None:
        if 200 <= report.code < 300:
            self._tell(facts.AccountRegistered(report.account, report.expires_s))
        else:
            self._tell(facts.AccountFailed(report.account, report.code, report.reason))

    # The engine's own.

    @property
    def _running(self) -> Pool:
        if self._pool is None:
            raise RuntimeError("the engine is not started")
        return self._pool

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _tell(self, fact: Fact) -> None:
        self._on_fact(fact)

    def _add(self, record: Record) -> None:
        self._calls[record.call] = record
        self._leg_calls.update(dict.fromkeys(record.legs, record.call))
        self._arm()

    def _by_leg(self, leg: str) -> Record | None:
        call = self._leg_calls.get(leg)
        return None if call is None else self._calls.get(call)

    def _known(self, call: str) -> Record:
        record = self._calls.get(call)
        if record is None:
            raise UnknownCallError(f"no call {call}")
        return record

    def _waiting(self, call: str) -> Record:
        record = self._known(call)
        if record.direction != "in" or record.answered is not None or record.accepting:
            raise UnknownCallError(f"call {call} does not wait for an answer")
        return record

    def _up(self, call: str) -> str:
        record = self._known(call)
        if record.answered is None or record.leg is None:
            raise UnknownCallError(f"call {call} is not up")
        return record.leg

    def _end(self, record: Record, reason: Reason) -> None:
        if record.ring is not None and record.ring.winner is None:
            self._advance(next(iter(record.legs)), ringset.GivenUp(reason))
            return
        leg = record.leg or record.call
        if record.direction == "in" and record.answered is None and not record.accepting:
            code = 480 if reason is Reason.DIAL_TIMEOUT else 603
            self._running.send(leg, protocol.Refuse(leg=leg, code=code))
            self._close(record, reason, code)
        else:
            self._running.send(leg, protocol.Hangup(leg=leg))
            self._close(record, reason, 0)

    def _close(self, record: Record, reason: Reason, code: int) -> None:
        if self._calls.pop(record.call, None) is None:
            return
        for leg in record.legs:
            self._leg_calls.pop(leg, None)
        duration_s = 0.0 if record.answered is None else self._now() - record.answered
        self._tell(facts.CallEnded(record.call, reason, code, duration_s))
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        nexts = [d.at for r in self._calls.values() if (d := due(r.limits, r.started, r.answered, r.warned))]
        if nexts:
            self._timer = asyncio.get_running_loop().call_at(min(nexts), self._on_due)

    def _on_due(self) -> None:
        now = self._now()
        for record in tuple(self._calls.values()):
            what = due(record.limits, record.started, record.answered, record.warned)
            if what is None or what.at > now:
                continue
            if what.what == "warning":
                record.warned = True
                self._tell(facts.CallEnding(record.call, record.limits.warn_s))
            else:
                self._end(record, Reason(what.what))
        self._arm()

    async def _resolve_again(self) -> None:
        while True:
            await asyncio.sleep(_RESOLVE_S)
            config = self._config
            accounts = await resolve(config)
            if config is self._config and accounts != self._accounts:
                self._accounts = accounts
                self._running.change(config, accounts)

    def _tell_refused(self) -> None:
        if self._refused:
            self._tell(facts.RefusedUnasked(_BUSY, self._refused))
            self._refused = 0
        self._every_second = asyncio.get_running_loop().call_later(_SECOND_S, self._tell_refused)
