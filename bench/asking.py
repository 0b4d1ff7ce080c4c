"""Asks somebody on the bus about incoming calls, at a rate or as fast as answers come, and times the answers.

Rules
- Open loop: questions go out by the clock, whether the last ones were answered or not.
- The most: `AT_ONCE` questions are always under way.
- A latency lasts from before the request to its answer in this process. Above the most that one can do, it only shows
  a growing queue.
"""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import nats.errors
import psutil
from nats.aio.client import Client

from doorbus.contract.calls import DIRECT, AskIncomingCall, IncomingDecision

AT_ONCE = 32
ANSWER_S = 2.0
FILLED_SHARE = 0.95
"""Fewer answers than this share of the rate: it was not kept up."""


@dataclass
class Asked:
    """What came of some seconds of questions.

    Attributes:
        cpu_s: what the one asked has spent on it.
    """

    latencies_s: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    took_s: float = 0.0
    cpu_s: float = 0.0

    @property
    def a_second(self) -> float:
        """Answers a second."""
        return len(self.latencies_s) / self.took_s

    @property
    def a_core_second(self) -> float:
        """Answers a second of one core that does nothing else."""
        return len(self.latencies_s) / self.cpu_s if self.cpu_s else 0.0

    def kept_up(self, rate: int) -> bool:
        """Whether as many answers came as were asked for."""
        return self.a_second >= FILLED_SHARE * rate


class Responder:
    """Somebody to ask.

    Args:
        client: the asker's connection.
        subjects: where to ask, in turns.
        process: of the one asked.
    """

    def __init__(self, client: Client, subjects: Sequence[str], process: psutil.Process) -> None:
        self._client = client
        self._subjects: Iterator[str] = itertools.cycle(subjects)
        self._process = process

    async def ask(self, asked: Asked) -> None:
        """Asks once."""
        question = _question()
        began = time.perf_counter()
        try:
            answer = await self._client.request(next(self._subjects), question, timeout=ANSWER_S)
        except (nats.errors.Error, TimeoutError) as error:
            asked.answers[type(error).__name__] += 1
            return
        asked.latencies_s.append(time.perf_counter() - began)
        decision = IncomingDecision.model_validate_json(answer.data)
        asked.answers[str(decision.refuse_code or decision.code)] += 1

    async def at_rate(self, rate: int, seconds: float) -> Asked:
        """Asks `rate` times a second."""
        asked = Asked()
        began, spent_s = time.perf_counter(), self._spent_s()
        tasks: list[asyncio.Task[None]] = []
        while len(tasks) < rate * seconds:
            due = min(int((time.perf_counter() - began) * rate) + 1, int(rate * seconds))
            tasks += [asyncio.create_task(self.ask(asked)) for _ in range(due - len(tasks))]
            await asyncio.sleep(max(0.0, began + len(tasks) / rate - time.perf_counter()))
        await asyncio.gather(*tasks)
        asked.took_s, asked.cpu_s = time.perf_counter() - began, self._spent_s() - spent_s
        return asked

    async def at_most(self, seconds: float) -> Asked:
        """Asks as fast as answers come, `AT_ONCE` at a time."""
        asked = Asked()
        began, spent_s = time.perf_counter(), self._spent_s()

        async def one_after_another() -> None:
            while time.perf_counter() - began < seconds:
                await self.ask(asked)

        await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
        asked.took_s, asked.cpu_s = time.perf_counter() - began, self._spent_s() - spent_s
        return asked

    def _spent_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


def counts(counter: Counter[str]) -> str:
    """Returns answers and how many of each, in words."""
    return ", ".join(f"{name}: {count}" for name, count in counter.items())


def _question() -> bytes:
    call = str(uuid.uuid4())
    return AskIncomingCall(
        id=call,
        expires_at=datetime.now(UTC) + timedelta(seconds=1),
        call=call,
        account=DIRECT,
        caller="bench",
        caller_uri="sip:bench@127.0.0.1:5060",
        address="127.0.0.1",
    ).to_bytes()
