"""Engines on loopback with ports of their own, and what they told."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import pytest

from doorbus_sip.config import EngineConfig, Listen
from doorbus_sip.engine import SipEngine
from doorbus_sip.facts import Fact, WorkerStarted
from doorbus_testkit.polling import eventually
from doorbus_testkit.ports import free_port_block, free_udp_port, give_back

RTP_PORTS = 72  # nine workers with four legs of two
F = TypeVar("F")

MakeDoor = Callable[..., Awaitable["Door"]]


class Door:
    """A running engine and its facts, in order."""

    def __init__(self, config: EngineConfig) -> None:
        self.facts: list[Fact] = []
        self.engine = SipEngine(config, self.facts.append)

    @property
    def uri(self) -> str:
        """Where it is called."""
        return f"sip:door@127.0.0.1:{self.engine.ports.udp}"

    def told(self, kind: type[F]) -> list[F]:
        """The facts of one kind so far."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    async def wait(self, kind: type[F], count: int = 1, within_s: float = 15) -> F:
        """Waits for the `count`-th fact of one kind and returns it."""
        await eventually(lambda: len(self.told(kind)) >= count, within_s, 0.005, f"{kind.__name__} ({count})")
        return self.told(kind)[count - 1]


@pytest.fixture
async def make_door() -> AsyncIterator[MakeDoor]:
    """Starts doors with other settings than the default ones, and stops them at the test's end."""
    doors: list[Door] = []
    ports: list[tuple[int, int]] = []

    async def make(**fields: object) -> Door:
        first, listen = free_port_block(RTP_PORTS, even=True), free_udp_port()
        ports.extend(((first, RTP_PORTS), (listen, 1)))
        values = {
            "listen": Listen(host="127.0.0.1", udp=listen, tcp=None),
            "rtp": (first, first + RTP_PORTS - 1),
            "spare_dialers": 0,
        }
        door = Door(EngineConfig.model_validate(values | fields))
        doors.append(door)
        await door.engine.start()
        await door.wait(WorkerStarted, 1 + door.engine.config.spare_dialers)
        return door

    yield make
    for door in doors:
        await door.engine.stop()
    for first, count in ports:
        give_back(first, count)
