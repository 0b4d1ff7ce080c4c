"""Between the engine and the bus: facts become events, an incoming call a question, orders calls of the engine.

Rules
- A dialed call stays one call over several ring sets: the end of a set that is not `final` is not the call's end.
- Every digit is asked about, in order; only its method and that it came is told.
"""

from __future__ import annotations

import asyncio

import structlog

from doorbus.contract import calls as contract
from doorbus.contract.accounts import AccountFailed, AccountRegistered
from doorbus.contract.base import Reply
from doorbus.contract.document import Door
from doorbus.contract.leases import Lease
from doorbus.contract.services import ServiceDegraded
from doorbus.runtime.bus import Bus
from doorbus.runtime.endpoints import Received
from doorbus.runtime.logs import about
from doorbus.runtime.metrics import exemplar
from doorbus_sip import facts, metrics
from doorbus_sip.book import Book, Known
from doorbus_sip.digits import Digits
from doorbus_sip.engine import SipEngine, UnknownCallError
from doorbus_sip.events import event_of
from doorbus_sip.incoming import Incoming
from doorbus_sip.orders import Orders
from doorbus_sip.pages import HoldGuard, PageLease

log = structlog.get_logger()


class SipShell:
    """One door's calls on the bus.

    Args:
        door: its name.
        bus: where to tell, ask and be ordered.
    """

    def __init__(self, door: str, bus: Bus) -> None:
        self._book = Book(door, bus)
        self._digits = Digits(self._ask_digit)
        self._pages = PageLease()
        self._guard = HoldGuard(self._book, self._pages, bus.clock.monotonic)
        self._incoming = Incoming(self._book, self._pages)
        self._orders = Orders(self._book, self._ended)

    def use(self, engine: SipEngine, document: Door) -> None:
        """Takes the engine and the document in force."""
        self._book.engine = engine
        self._book.document = document
        known = {account.id for account in document.sip.accounts}
        self._book.accounts = {name: state for name, state in self._book.accounts.items() if name in known}
        self._book.changed.set()

    def degraded(self, part: str, why: str) -> None:
        """Tells what the door has to do without."""
        self._book.tell(ServiceDegraded(service="sip", part=part, why=why[:500]))

    def recovered(self, part: str) -> None:
        """Tells that the door has it again."""
        self._book.tell(ServiceDegraded(service="sip", part=part, recovered=True))

    async def keep_state(self) -> None:
        """Writes the state to the bus after each change, until cancelled. Nobody waits for it."""
        while True:
            await self._book.changed.wait()
            self._book.changed.clear()
            await self._book.bus.state.keep(self._book.door, self._book.snapshot().to_bytes())

    async def guard_holds(self) -> None:
        """Ends holds that policy has left behind, until cancelled."""
        await self._guard.run()

    def on_page_lease(self, _door: str, lease: Lease) -> None:
        """Takes what multicast says."""
        self._pages.told(lease, self._book.bus.clock.monotonic())

    async def on_order(self, received: Received) -> Reply:
        """Does one order of policy."""
        return await self._orders.take(received)

    def on_fact(self, fact: facts.Fact) -> None:
        """Takes a fact of the engine."""
        with about(fact):
            self._take(fact)

    def _take(self, fact: facts.Fact) -> None:
        match fact:
            case facts.IncomingCall():
                self._incoming.take(fact)
                return  # the state is kept after the decision: its writing would hold up the question by 0.4 ms
            case facts.CallDialing(call=call):
                self._book.tell_of(call, _dialing(call, self._book.calls[call]))
                self._book.lease.changed()
            case facts.CallRinging(call=call):
                self._book.tell_of(call, contract.CallRinging(call=call, direction=self._book.direction(call)))
            case facts.CallAnswered():
                self._answered(fact)
            case facts.CallEnded():
                self._ended(fact)
            case facts.DtmfDigit(call=call, method=method):
                self._book.tell_of(call, contract.CallDtmfReceived(call=call, method=method, count=1))
                self._digits.put(fact)
            case facts.RefusedUnasked(count=count):
                metrics.REFUSED_UNASKED.inc(count)
                self._book.tell(contract.CallsRefused(count=count, over_s=1))
            case facts.AccountRegistered(account=account, expires_s=expires_s):
                self._book.accounts[account] = contract.AccountSnapshot(account=account, registered=expires_s > 0)
                metrics.REGISTERED.labels(account).set(expires_s > 0)
                self._book.tell(AccountRegistered(account=account, expires_s=expires_s))
            case facts.AccountFailed(account=account, code=code, reason=why):
                failed = contract.AccountSnapshot(account=account, registered=False, code=code or None)
                self._book.accounts[account] = failed
                metrics.REGISTERED.labels(account).set(0)
                self._book.tell(AccountFailed(account=account, code=failed.code, why=why))
            case facts.WorkerStarted(worker=worker):
                log.info("worker started", worker=worker)
            case facts.WorkerLost(worker=worker, calls=lost):
                metrics.WORKERS_LOST.inc()
                self.degraded("sip_worker", f"{worker} died with {len(lost)} calls; another one starts")
            case facts.WorkersComplete():
                self.recovered("sip_worker")
            case facts.AudioFailed(why=why):
                self.degraded("audio", why)
            case facts.AudioRecovered():
                self.recovered("audio")
            case facts.CallbackFailed(worker=worker, where=where, error=error):
                metrics.CALLBACKS_FAILED.inc()
                log.error("a callback failed", worker=worker, where=where, error=error)
            case _:
                event = event_of(fact)
                if event is not None:
                    self._book.tell_of(event.call, event)
        self._book.changed.set()

    def _answered(self, fact: facts.CallAnswered) -> None:
        known = self._book.calls.get(fact.call)
        if known is None:
            return
        state = next((call for call in self._book.running.snapshot() if call.call == fact.call), None)
        outgoing = known.direction is contract.Direction.OUTGOING
        peer = "" if state is None else next((leg.uri for leg in state.legs if leg.leg == fact.leg), state.peer)
        self._book.tell(
            contract.CallAnswered(
                call=fact.call,
                direction=known.direction,
                leg=fact.leg if outgoing else None,
                peer=peer,
                no_video_because=known.no_video_because,
            )
        )
        self._book.lease.changed()
        if known.purpose == "code" and known.hold_after_answer_s is not None:
            self._book.spawn(self._hang_up_later(fact.call, known.hold_after_answer_s))

    def _ended(self, fact: facts.CallEnded) -> None:
        known = self._book.calls.get(fact.call)
        if known is None or known.dialing_on:
            return
        between = (contract.EndReason.REFUSED, contract.EndReason.NO_ROUTE)
        if not known.final and fact.reason in between and known.direction is contract.Direction.OUTGOING:
            return  # one ring set of several: policy dials on, or hangs up
        self._incoming.tell_undecided(known)
        del self._book.calls[fact.call]
        self._digits.end(fact.call)
        metrics.CALLS_ENDED.labels(known.direction, fact.reason).inc(1, exemplar(fact.call))
        if fact.duration_s:
            metrics.CALL_SECONDS_TALKED.observe(fact.duration_s, exemplar(fact.call))
        self._book.tell(
            contract.CallEnded(
                call=fact.call,
                direction=known.direction,
                reason=fact.reason,
                code=fact.code or None,
                duration_s=max(fact.duration_s, 0),
            )
        )
        self._book.lease.changed()

    async def _ask_digit(self, digit: facts.DtmfDigit) -> None:
        question = contract.AskDtmf(
            **self._book.question_stamps(),
            call=digit.call,
            digit=digit.digit,
            method=digit.method,
        )
        reply = await self._book.bus.ask(self._book.door, question, Reply)
        if not reply.ok:
            log.info("policy refused a digit", code=reply.code)

    async def _hang_up_later(self, call: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        if call in self._book.calls and self._book.engine is not None:
            try:
                await self._book.engine.hangup(call)
            except UnknownCallError:
                log.debug("the server ended its call itself")


def _dialing(call: str, known: Known) -> contract.CallDialing:
    return contract.CallDialing(call=call, account=known.account, targets=known.targets, purpose=known.purpose)
