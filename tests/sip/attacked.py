"""A door under mutated messages: decides about the calls that come of them, paces the sender, and says what broke."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.sip.conftest import Door

from doorbus_sip import facts
from doorbus_sip.engine import UnknownCallError
from doorbus_sip.facts import Reason
from doorbus_sip.limits import Limits
from doorbus_testkit.polling import eventually
from doorbus_testkit.wire import WirePhone

COOL_S, COOLING = 0.65, 15
"""So many calls within so long leave the worker's sockets in peace (`worker.slots`): refusals go out at once."""
_MOST_RUNNING = 2
_LOOK_S = 0.002
_TALK_S = 0.5
_RING_S = 0.05
TIMER_H_S = 32
"""So long the library keeps the slot of a call hung up between 200 and an ACK that never came (RFC 3261, 17.2.1)."""
_MOST_WITHOUT_ACK = 3
"""With a fourth the worker would have no slot left, and let itself be replaced (`worker.held`, `test_held`)."""
ORDERS_THAT_MAY_FAIL = ("Not Acceptable Here", "Address already in use")
"""pjsip's own 488, found when the door answers; RTP ports that still cool (`worker.slots`), or that a description with
many media has taken: the worker tells that the order failed, and refuses the call."""


class Attacked:
    """Takes the door's calls: of three it answers one, rings one and hangs it up, and refuses one.

    It answers only while few ACKs are missing: many a mutated INVITE is answered to somebody who cannot say ACK.

    Args:
        door: as `make_door` made it.
        answers: it rings in place of answering where this is off: a broken connection never brings the ACK, and pjsua
            keeps the slot then (`worker.held`).

    Attributes:
        asked: calls that were handed up.
        answered: calls that were up.
        last: what was sent last, number and mutations.
    """

    def __init__(self, door: Door, *, answers: bool = True) -> None:
        self.door = door
        self.answers = answers
        self.pids = door.engine.workers
        self.asked = 0
        self.answered = 0
        self.last: deque[tuple[int, tuple[str, ...]]] = deque(maxlen=12)
        self._recent: deque[float] = deque()
        self._without_ack: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._seen = 0

    async def __aenter__(self) -> Self:
        self._spawn(self._decide())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()

    async def room(self, number: int, what: tuple[str, ...]) -> None:
        """Waits until the door can take a call, and notes what is sent next.

        Raises:
            AssertionError: as `check`.
        """
        self.check()
        self.last.append((number, what))
        await eventually(lambda: not self._is_busy(), 40, _LOOK_S, "room for a call")

    def check(self) -> None:
        """Looks whether all workers live, and nothing failed in one.

        Raises:
            AssertionError: says what was sent last; the number and the seed make it again.
        """
        lost = self.door.told(facts.WorkerLost)
        failed = [
            each
            for each in self.door.told(facts.CallbackFailed)
            if not any(why in each.error for why in ORDERS_THAT_MAY_FAIL)
        ]
        if lost or failed or not self.pids.items() <= self.door.engine.workers.items():
            raise AssertionError(f"lost {lost}, failed {failed[:3]} ({len(failed)}); sent last: {list(self.last)}")

    async def settled(self, within_s: float = 20) -> None:
        """Waits until no call is left."""
        await eventually(lambda: not self.door.engine.snapshot(), within_s, what="the door is idle")
        self.check()

    def _is_busy(self) -> bool:
        now = time.monotonic()
        while self._recent and self._recent[0] <= now - COOL_S:
            self._recent.popleft()
        return len(self._recent) >= COOLING or len(self.door.engine.snapshot()) > _MOST_RUNNING

    def _has_slots(self) -> bool:
        since = time.monotonic() - _TALK_S - TIMER_H_S - 1
        self._without_ack = {call: at for call, at in self._without_ack.items() if at > since}
        return len(self._without_ack) < _MOST_WITHOUT_ACK

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _decide(self) -> None:
        while True:
            for fact in self.door.facts[self._seen :]:
                self._seen += 1
                if isinstance(fact, facts.IncomingCall):
                    self.asked += 1
                    self._recent.append(time.monotonic())
                    await self._take(fact.call)
                elif isinstance(fact, facts.CallAnswered):
                    self.answered += 1
                    self._without_ack.pop(fact.call, None)
                    self._recent.append(time.monotonic())
            await asyncio.sleep(_LOOK_S)

    async def _take(self, call: str) -> None:
        engine = self.door.engine
        with contextlib.suppress(UnknownCallError):
            match self.asked % 3:
                case 0 if self.answers and self._has_slots():
                    self._without_ack[call] = time.monotonic()
                    await engine.answer(call, Limits())
                    self._spawn(self._end(call, _TALK_S))
                case 0 | 1:
                    await engine.ring(call)
                    self._spawn(self._end(call, _RING_S))
                case _:
                    await engine.refuse(call, 486, Reason.DND)

    async def _end(self, call: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        with contextlib.suppress(UnknownCallError):
            await self.door.engine.hangup(call)


async def works(door: Door) -> None:
    """Waits until a friend gets through: for a moment after an attack there may be no socket left for a call."""
    await eventually(lambda: _talks(door), TIMER_H_S + 20, 0.2, "a friend talks")


async def _talks(door: Door) -> bool:
    async with WirePhone(user="friend") as phone:
        call = await phone.invite(door.uri)

        def handed_up() -> list[facts.IncomingCall]:
            return [each for each in door.told(facts.IncomingCall) if each.source_port == phone.port]

        await eventually(lambda: call.final or handed_up(), 5, what="an answer, or the question what to do")
        if call.final:
            return False
        theirs = handed_up()[0].call
        await door.engine.answer(theirs, Limits())
        await call.wait("answered", 5)
        call.bye()

        def is_over() -> bool:
            return theirs not in {each.call for each in door.engine.snapshot()}  # a late one may ring: nobody decides

        await eventually(is_over, 5, what="the end of the call")
        return True


def resident_kb(pid: int) -> int:
    """The memory of a process in kB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0])
