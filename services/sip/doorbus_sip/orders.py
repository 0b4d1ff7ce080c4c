"""What policy orders, done by the engine.

Rules
- A dialed call stays one call over several ring sets: `dial` for a call that is known rings further phones for it.
- An order that cannot be done is refused with a stable code, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from doorbus.contract import calls as contract
from doorbus.contract.base import Reply
from doorbus.contract.errors import DoorbusError, ErrorCode
from doorbus.runtime.endpoints import Received
from doorbus_sip import facts
from doorbus_sip.book import Book, Known
from doorbus_sip.engine import SipEngine, UnknownCallError
from doorbus_sip.state import to_engine


class Orders:
    """Does orders.

    Args:
        book: the calls.
        ended: told of a call that ends between two of its ring sets, where the engine has none.
    """

    def __init__(self, book: Book, ended: Callable[[facts.CallEnded], None]) -> None:
        self._book = book
        self._ended = ended

    async def take(self, received: Received) -> Reply:
        """Does one order of policy."""
        order = received.message
        if self._book.engine is None or not self._book.engine.is_started:
            if isinstance(order, contract.TakeSipSnapshot):
                return self._book.snapshot()
            raise DoorbusError(ErrorCode.NOT_READY, "sip has no document yet, or is just starting")
        try:
            return await self._do(self._book.engine, order)
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
                known = self._book.calls.get(call)
                if known is not None:
                    known.note_mode(mode)
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
                return self._book.snapshot()
            case _:
                raise DoorbusError(ErrorCode.UNKNOWN_COMMAND, f"sip does not know {type(order).__name__}")
        return Reply()

    async def _dial(self, engine: SipEngine, order: contract.Dial) -> Reply:
        targets = tuple((target.leg, target.uri) for target in order.targets)
        known = self._book.calls.get(order.call)
        before = None if known is None else (known.final, known.limits, known.targets)
        if known is None:
            known = Known(contract.Direction.OUTGOING, age_from=self._book.bus.clock.monotonic())
            known.account, known.purpose = order.account, order.purpose
            known.hold_after_answer_s = order.hold_after_answer_s
            self._book.calls[order.call] = known
        known.final, known.limits, known.targets = order.final, order.limits, order.targets
        account = None if order.account == contract.DIRECT else order.account
        try:
            await self._give_up_ring_set(engine, order.call, known)
            silent = order.purpose == "code"
            limits = to_engine(order.limits)
            await engine.dial(order.call, account, targets, limits, silent=silent, final=order.final)
        except (LookupError, ValueError):
            if before is None:
                del self._book.calls[order.call]
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
            await engine.hangup(call, contract.EndReason.DIAL_TIMEOUT, final=False)
        finally:
            known.dialing_on = False

    async def _hang_up(self, engine: SipEngine, call: str, reason: contract.EndReason) -> None:
        known = self._book.calls.get(call)
        if known is None:
            raise UnknownCallError(f"no call {call}")
        known.final = True
        try:
            await engine.hangup(call, reason)
        except UnknownCallError:  # between two ring sets there is a call, and no leg
            if known.purpose == "call":
                engine.say_unreached(reason)
            self._ended(facts.CallEnded(call, reason, 0, 0.0))
            self._book.changed.set()
