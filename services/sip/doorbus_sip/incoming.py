"""An incoming call becomes a question; the answer, or the safe default, is told and done.

Rules
- `call.incoming` is told before anything else of that call, with what was decided and by whom. Without an answer of
  policy the door rings, with the document's own limits as the backstop; while a page outranks calls it refuses (480).
"""

from __future__ import annotations

from typing import Literal

import structlog

from doorbus.contract import calls as contract
from doorbus.contract.errors import LocalError
from doorbus.runtime.metrics import exemplar
from doorbus_sip import facts, metrics
from doorbus_sip.book import Book, Known
from doorbus_sip.engine import UnknownCallError
from doorbus_sip.pages import PageLease
from doorbus_sip.state import to_engine

_UNAVAILABLE = 480

log = structlog.get_logger()


class Incoming:
    """Decides about the calls that come."""

    def __init__(self, book: Book, pages: PageLease) -> None:
        self._book = book
        self._pages = pages

    def take(self, fact: facts.IncomingCall) -> None:
        """A call waits; the decision follows."""
        known = Known(contract.Direction.INCOMING, incoming=fact, told=False)
        known.age_from = self._book.bus.clock.monotonic()
        self._book.calls[fact.call] = known
        self._book.spawn(self._decide(fact))

    def tell_undecided(self, known: Known) -> None:
        """Tells of a call that is over before anybody decided; of another one nothing."""
        self._tell(known, contract.IncomingDecision(limits=self._book.default_limits()), "default")

    async def _decide(self, fact: facts.IncomingCall) -> None:
        started = self._book.bus.clock.monotonic()
        hints = [delay for _, delay in fact.auto_answer]
        question = contract.AskIncomingCall(
            **self._book.question_stamps(),
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
            decision = await self._book.bus.ask(self._book.door, question, contract.IncomingDecision)
        except LocalError as error:
            decision = contract.IncomingDecision(ok=False, code=error.code)
        if not decision.ok:
            why = decision.code
            decision, decided_by = self._default(), "default"
            log.warning("policy did not decide", why=why, decision=decision.decision)
        took_s = self._book.bus.clock.monotonic() - started
        metrics.DECISION_SECONDS.labels(decided_by).observe(took_s, exemplar(fact.call))
        known = self._book.calls.get(fact.call)
        if known is None or known.told:
            return  # the caller gave up meanwhile
        self._tell(known, decision, decided_by)
        await self._apply(fact.call, decision)
        self._book.changed.set()

    def _default(self) -> contract.IncomingDecision:
        """What is safe without policy."""
        if self._pages.plays(self._book.bus.clock.monotonic()):
            reason = contract.EndReason.PAGE
            return contract.IncomingDecision(decision="refuse", refuse_code=_UNAVAILABLE, reason=reason)
        return contract.IncomingDecision(limits=self._book.default_limits())

    async def _apply(self, call: str, decision: contract.IncomingDecision) -> None:
        engine, known = self._book.running, self._book.calls[call]
        known.limits = decision.limits
        try:
            match decision.decision:
                case "ring":
                    engine.set_limits(call, to_engine(decision.limits))
                    await engine.ring(call)
                case "answer":
                    known.note_mode(decision.mode)
                    await engine.answer(call, to_engine(decision.limits))
                case "refuse":
                    reason = decision.reason or contract.EndReason.REFUSED
                    await engine.refuse(call, decision.refuse_code or 486, reason)
        except UnknownCallError:
            log.info("the caller gave up before the decision")

    def _tell(
        self, known: Known, decision: contract.IncomingDecision, decided_by: Literal["policy", "default"]
    ) -> None:
        fact = known.incoming
        if fact is None or known.told:
            return
        known.told = True
        known.account = fact.account or contract.DIRECT
        self._book.tell(
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
