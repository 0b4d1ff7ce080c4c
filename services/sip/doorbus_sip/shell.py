"""Between the engine and the bus: facts become events, an incoming call a question, orders calls of the engine.

Rules
- `call.incoming` is told before anything else of that call, with what was decided and by whom. Without an answer of
  policy the door rings, with the document's own limits as the backstop.
- A dialed call stays one call over several ring sets: the end of a set that is not `final` is not the call's end.
- Every digit is asked about, in order; only its method and that it came is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog

from doorbus.contract import calls as contract
from doorbus.contract.accounts import AccountFailed, AccountRegistered
from doorbus.contract.base import Event, Reply
from doorbus.contract.document import Door
from doorbus.contract.errors import DoorbusError, ErrorCode, LocalError
from doorbus.contract.leases import Lease
from doorbus.contract.services import ServiceDegraded
from doorbus.runtime.bus import Bus
from doorbus.runtime.endpoints import Received
from doorbus_sip import facts, metrics
from doorbus_sip.digits import Digits
from doorbus_sip.engine import SipEngine, UnknownCallError
from doorbus_sip.state import call_snapshot, direction_of, to_engine

log = structlog.get_logger()


@dataclass
class Known:
    """What the shell knows of a call beyond the engine's record."""

    direction: contract.Direction
    incoming: facts.IncomingCall | None = None
    told: bool = True
    purpose: Literal["call", "code"] = "call"
    hold_after_answer_s: float | None = None
    final: bool = True
    dialing_on: bool = False
    age_from: float = 0.0
    no_video_because: str | None = None
    account: str = contract.DIRECT
    targets: tuple[contract.Target, ...] = ()
    limits: contract.Limits = field(default_factory=contract.Limits)


class SipShell:
    """One door's calls on the bus.

    Args:
        door: its name.
        bus: where to tell, ask and be ordered.
    """

    def __init__(self, door: str, bus: Bus) -> None:
        self._door = door
        self._bus = bus
        self._document: Door | None = None
        self._engine: SipEngine | None = None
        self._calls: dict[str, Known] = {}
        self._accounts: dict[str, contract.AccountSnapshot] = {}
        self._digits = Digits(self._ask_digit)
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._lease = bus.tell_lease(door, self._lease_now)

    def use(self, engine: SipEngine, document: Door) -> None:
        """Takes the engine and the document in force."""
        self._engine = engine
        self._document = document
        known = {account.id for account in document.sip.accounts}
        self._accounts = {name: state for name, state in self._accounts.items() if name in known}
        self._note_change()

    def degraded(self, part: str, why: str, *, recovered: bool = False) -> None:
        """Tells what the door has to do without."""
        self._tell(ServiceDegraded(service="sip", part=part, why=why[:500], recovered=recovered))

    async def keep_state(self) -> None:
        """Writes the state to the bus after each change, until cancelled. Nobody waits for it."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._bus.state.keep(self._door, self._snapshot().to_bytes())

    # --- what the engine tells -----------------------------------------------------------------------------------

    def on_fact(self, fact: facts.Fact) -> None:
        """Takes a fact of the engine."""
        match fact:
            case facts.IncomingCall(call=call):
                known = Known(contract.Direction.INCOMING, incoming=fact, told=False)
                known.age_from = self._bus.clock.monotonic()
                self._calls[call] = known
                self._spawn(self._decide(fact))
                return  # the state is kept after the decision: its writing would hold up the question by 0.4 ms
            case facts.CallDialing(call=call):
                known = self._calls[call]
                dialing = contract.CallDialing(call=call, account=known.account, targets=known.targets)
                self._tell_of(call, dialing)
                self._lease.changed()
            case facts.CallRinging(call=call):
                self._tell_of(call, contract.CallRinging(call=call, direction=self._direction(call)))
            case facts.CallAnswered():
                self._answered(fact)
            case facts.CallHeld(call=call, by=by):
                self._tell_of(call, contract.CallHeld(call=call, by=by))
            case facts.CallResumed(call=call, by=by):
                self._tell_of(call, contract.CallResumed(call=call, by=by))
            case facts.CallEnding(call=call, in_s=in_s):
                self._tell_of(call, contract.CallEnding(call=call, in_s=in_s))
            case facts.CallEnded():
                self._ended(fact)
            case facts.LegRinging(call=call, leg=leg, code=code):
                self._tell_of(call, contract.LegRinging(call=call, leg=leg, code=code))
            case facts.LegAnswered(call=call, leg=leg):
                self._tell_of(call, contract.LegAnswered(call=call, leg=leg))
            case facts.LegRefused(call=call, leg=leg, code=code):
                self._tell_of(call, contract.LegRefused(call=call, leg=leg, code=code))
            case facts.LegCancelled(call=call, leg=leg, reason=reason):
                self._tell_of(call, contract.LegCancelled(call=call, leg=leg, reason=reason))
            case facts.LegFailed(call=call, leg=leg, code=code, reason=why):
                self._tell_of(call, contract.LegFailed(call=call, leg=leg, code=code or None, why=why))
            case facts.DtmfDigit(call=call, method=method):
                self._tell_of(call, contract.CallDtmfReceived(call=call, method=method, count=1))
                self._digits.put(fact)
            case facts.RefusedUnasked(count=count):
                metrics.REFUSED_UNASKED.inc(count)
                self._tell(contract.CallsRefused(count=count, over_s=1))
            case facts.AccountRegistered(account=account, expires_s=expires_s):
                self._accounts[account] = contract.AccountSnapshot(account=account, registered=expires_s > 0)
                metrics.REGISTERED.labels(account).set(expires_s > 0)
                self._tell(AccountRegistered(account=account, expires_s=expires_s))
            case facts.AccountFailed(account=account, code=code, reason=why):
                self._accounts[account] = contract.AccountSnapshot(account=account, registered=False, code=code or None)
                metrics.REGISTERED.labels(account).set(0)
                self._tell(AccountFailed(account=account, code=code or None, why=why))
            case facts.WorkerStarted(worker=worker):
                log.info("worker started", worker=worker)
            case facts.WorkerLost(worker=worker, calls=lost):
                metrics.WORKERS_LOST.inc()
                self.degraded("sip_worker", f"{worker} died with {len(lost)} calls; another one starts")
            case facts.CallbackFailed(worker=worker, where=where, error=error):
                metrics.CALLBACKS_FAILED.inc()
                log.error("a callback failed", worker=worker, where=where, error=error)
        self._note_change()

    async def _decide(self, fact: facts.IncomingCall) -> None:
        started = self._bus.clock.monotonic()
        hints = [delay for _, delay in fact.auto_answer]
        question = contract.AskIncomingCall(
            **self._question_stamps(),
            call=fact.call,
            account=fact.account or contract.DIRECT,
            caller=fact.from_user,
            caller_uri=fact.from_uri,
            address=fact.source,
            wants_video=fact.wants_video,
            wants_auto_answer_s=min(hints) if hints else None,
        )
        decided_by: Literal["policy", "default"] = "policy"
        try:
            decision = await self._bus.ask(self._door, question, contract.IncomingDecision)
        except LocalError as error:
            decision = contract.IncomingDecision(ok=False, code=error.code)
        if not decision.ok:
            log.warning("policy did not decide, the door rings", call=fact.call, why=decision.code)
            decision, decided_by = contract.IncomingDecision(limits=self._default_limits()), "default"
        metrics.DECISION_SECONDS.labels(decided_by).observe(self._bus.clock.monotonic() - started)
        known = self._calls.get(fact.call)
        if known is None or known.told:
            return  # the caller gave up meanwhile
        self._tell_incoming(known, decision, decided_by)
        await self._apply(fact.call, decision)
        self._note_change()

    async def _apply(self, call: str, decision: contract.IncomingDecision) -> None:
        engine, known = self._running, self._calls[call]
        known.limits = decision.limits
        try:
            match decision.decision:
                case "ring":
                    engine.set_limits(call, to_engine(decision.limits))
                    await engine.ring(call)
                case "answer":
                    self._note_video(known, decision.mode)
                    await engine.answer(call, to_engine(decision.limits))
                case "refuse":
                    reason = decision.reason or contract.EndReason.REFUSED
                    await engine.refuse(call, decision.refuse_code or 486, reason)
        except UnknownCallError:
            log.info("the caller gave up before the decision", call=call)

    def _tell_incoming(
        self, known: Known, decision: contract.IncomingDecision, decided_by: Literal["policy", "default"]
    ) -> None:
        fact = known.incoming
        if fact is None or known.told:
            return
        known.told = True
        known.account = fact.account or contract.DIRECT
        self._tell(
            contract.CallIncoming(
                call=fact.call,
                account=known.account,
                caller=fact.from_user,
                caller_uri=fact.from_uri,
                address=fact.source,
                decision=decision.decision,
                decided_by=decided_by,
                code=decision.refuse_code,
                wants_video=fact.wants_video,
            ),
            known.age_from,
        )

    def _answered(self, fact: facts.CallAnswered) -> None:
        known = self._calls.get(fact.call)
        if known is None:
            return
        state = next((call for call in self._running.snapshot() if call.call == fact.call), None)
        outgoing = known.direction is contract.Direction.OUTGOING
        peer = "" if state is None else next((leg.uri for leg in state.legs if leg.leg == fact.leg), state.peer)
        self._tell(
            contract.CallAnswered(
                call=fact.call,
                direction=known.direction,
                leg=fact.leg if outgoing else None,
                peer=peer,
                no_video_because=known.no_video_because,
            )
        )
        self._lease.changed()
        if known.purpose == "code" and known.hold_after_answer_s is not None:
            self._spawn(self._hang_up_later(fact.call, known.hold_after_answer_s))

    def _ended(self, fact: facts.CallEnded) -> None:
        known = self._calls.get(fact.call)
        if known is None or known.dialing_on:
            return
        between = (contract.EndReason.REFUSED, contract.EndReason.NO_ROUTE)
        if not known.final and fact.reason in between and known.direction is contract.Direction.OUTGOING:
            return  # one ring set of several: policy dials on, or hangs up
        if not known.told:  # it gave up before anybody decided
            self._tell_incoming(known, contract.IncomingDecision(limits=self._default_limits()), "default")
        del self._calls[fact.call]
        self._digits.end(fact.call)
        metrics.CALLS_ENDED.labels(known.direction, fact.reason).inc()
        if fact.duration_s:
            metrics.CALL_SECONDS_TALKED.observe(fact.duration_s)
        self._tell(
            contract.CallEnded(
                call=fact.call,
                direction=known.direction,
                reason=fact.reason,
                code=fact.code or None,
                duration_s=max(fact.duration_s, 0),
            )
        )
        self._lease.changed()

    async def _ask_digit(self, digit: facts.DtmfDigit) -> None:
        question = contract.AskDtmf(
            **self._question_stamps(),
            call=digit.call,
            digit=digit.digit,
            method=digit.method,
        )
        reply = await self._bus.ask(self._door, question, Reply)
        if not reply.ok:
            log.info("policy refused a digit", call=digit.call, code=reply.code)

    async def _hang_up_later(self, call: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        if call in self._calls and self._engine is not None:
            try:
                await self._engine.hangup(call)
            except UnknownCallError:
                log.debug("the server ended its call itself", call=call)

    # --- what policy orders --------------------------------------------------------------------------------------

    async def on_order(self, received: Received) -> Reply:
        """Does one order of policy."""
        order = received.message
        if self._engine is None:
            if isinstance(order, contract.TakeSipSnapshot):
                return self._snapshot()
            raise DoorbusError(ErrorCode.NOT_READY, "sip has no document yet")
        try:
            return await self._do(self._engine, order)
        except UnknownCallError as error:
            raise DoorbusError(ErrorCode.UNKNOWN_CALL, f"call: {error}") from None
        except LookupError as error:
            raise DoorbusError(ErrorCode.UNKNOWN_ACCOUNT, f"account: {error}") from None
        except ValueError as error:
            raise DoorbusError(ErrorCode.MALFORMED, str(error)) from None

    async def _do(self, engine: SipEngine, order: object) -> Reply:
        match order:
            case contract.Dial():
                return await self._dial(engine, order)
            case contract.Answer(call=call, mode=mode, limits=limits):
                self._note_video(self._calls.get(call), mode)
                await engine.answer(call, to_engine(limits))
            case contract.Refuse(call=call, code=code, reason=reason):
                await engine.refuse(call, code, reason)
            case contract.HangUp(call=call, reason=reason):
                await self._hang_up(engine, call, reason)
            case contract.Hold(call=call):
                await engine.hold(call)
            case contract.Resume(call=call):
                await engine.resume(call)
            case contract.Adopt(call=call, limits=limits):
                engine.set_limits(call, to_engine(limits))
            case contract.TakeSipSnapshot():
                return self._snapshot()
            case _:
                raise DoorbusError(ErrorCode.UNKNOWN_COMMAND, f"sip does not know {type(order).__name__}")
        return Reply()

    async def _dial(self, engine: SipEngine, order: contract.Dial) -> Reply:
        targets = tuple((target.leg, target.uri) for target in order.targets)
        known = self._calls.get(order.call)
        before = None if known is None else (known.final, known.limits, known.targets)
        if known is None:
            known = Known(contract.Direction.OUTGOING, age_from=self._bus.clock.monotonic())
            known.account, known.purpose = order.account, order.purpose
            known.hold_after_answer_s = order.hold_after_answer_s
            self._calls[order.call] = known
        known.final, known.limits, known.targets = order.final, order.limits, order.targets
        account = None if order.account == contract.DIRECT else order.account
        try:
            await self._give_up_ring_set(engine, order.call, known)
            await engine.dial(order.call, account, targets, to_engine(order.limits))
        except (LookupError, ValueError):
            if before is None:
                del self._calls[order.call]
            else:
                known.final, known.limits, known.targets = before
            raise
        return Reply(call=order.call)

    async def _give_up_ring_set(self, engine: SipEngine, call: str, known: Known) -> None:
        """Ends the phones of the last ring set that still ring, without ending the call.

        Raises:
            ValueError: one of them was picked up meanwhile.
        """
        now = next((each for each in engine.snapshot() if each.call == call), None)
        if now is None:
            return
        if now.answered_age_s is not None:
            raise ValueError("call: it is answered, there is nothing to dial on for")
        known.dialing_on = True
        try:
            await engine.hangup(call, contract.EndReason.DIAL_TIMEOUT)
        finally:
            known.dialing_on = False

    async def _hang_up(self, engine: SipEngine, call: str, reason: contract.EndReason) -> None:
        known = self._calls.get(call)
        if known is None:
            raise UnknownCallError(f"no call {call}")
        known.final = True
        try:
            await engine.hangup(call, reason)
        except UnknownCallError:  # between two ring sets there is a call, and no leg
            self._ended(facts.CallEnded(call, reason, 0, 0.0))
            self._note_change()

    def _snapshot(self) -> contract.SipSnapshot:
        states = () if self._engine is None else self._engine.snapshot()
        calls = []
        for state in states:
            known = self._calls.get(state.call)
            fact = known.incoming if known is not None else None
            calls.append(
                call_snapshot(
                    state,
                    caller=fact.from_user if fact else "",
                    address=fact.source if fact else "",
                    purpose=known.purpose if known else "call",
                )
            )
        there = {state.call for state in states}
        now = self._bus.clock.monotonic()
        calls += [
            contract.CallSnapshot(
                call=name,
                direction=known.direction,
                state=contract.CallState.DIALING,
                account=known.account,
                age_s=max(now - known.age_from, 0),
                purpose=known.purpose,
                limits=known.limits,
            )
            for name, known in self._calls.items()
            if name not in there and known.direction is contract.Direction.OUTGOING
        ]
        metrics.CALLS_UP.set(len(calls))
        return contract.SipSnapshot(
            source_epoch=self._bus.epoch,
            sequence=self._bus.sequence(self._door),
            policy_epoch=self._bus.gate.policy_epoch(self._door),
            calls=tuple(calls),
            accounts=tuple(self._accounts.values()),
        )

    # --- helpers -------------------------------------------------------------------------------------------------

    @property
    def _running(self) -> SipEngine:
        if self._engine is None:
            raise DoorbusError(ErrorCode.NOT_READY, "sip has no document yet")
        return self._engine

    def _lease_now(self) -> Lease:
        up = next((name for name, known in self._calls.items() if known.purpose == "call"), None)
        return Lease(
            kind="call",
            service="sip",
            subject_id=up,
            epoch=self._bus.epoch,
            sequence=self._bus.sequence(self._door),
        )

    def _default_limits(self) -> contract.Limits:
        if self._document is None:
            return contract.Limits()
        rules = self._document.calls
        return contract.Limits(ring_s=rules.dial_in_s, max_call_s=rules.max_call_s or None, warn_s=rules.warn_s)

    def _direction(self, call: str) -> contract.Direction:
        known = self._calls.get(call)
        return known.direction if known is not None else direction_of("in")

    def _question_stamps(self) -> dict[str, Any]:
        stamps = self._bus.stamps(0.5)
        return {"id": stamps["id"], "expires_at": stamps["expires_at"]}

    def _note_video(self, known: Known | None, mode: contract.AutoAnswerMode) -> None:
        if known is not None and mode is contract.AutoAnswerMode.VIDEO:
            known.no_video_because = "no camera is configured"

    def _tell_of(self, call: str, event: Event) -> None:
        if call in self._calls:
            self._tell(event)

    def _tell(self, event: Event, at: float | None = None) -> None:
        self._bus.tell(self._door, event, at)

    def _note_change(self) -> None:
        self._changed.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
