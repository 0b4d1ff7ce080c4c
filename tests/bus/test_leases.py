"""Leases on a real NATS server."""

from __future__ import annotations

import asyncio

from tests.bus.support import MakeBus

from doorbus.contract.leases import Lease
from doorbus_testkit.nats_server import NatsServer
from doorbus_testkit.polling import eventually


class Heard:
    """Collects leases and losses."""

    def __init__(self) -> None:
        self.leases: list[Lease] = []
        self.lost: list[tuple[str, str]] = []

    def on_lease(self, door: str, lease: Lease) -> None:
        """Takes a lease."""
        self.leases.append(lease)

    def on_lost(self, door: str, kind: str) -> None:
        """Takes a loss."""
        self.lost.append((door, kind))


async def test_a_lease_is_told_again_and_ends_with_silence(make_bus: MakeBus) -> None:
    """A lease is told each second and at once on a change; when its holder is gone it runs out within seconds."""
    heard = Heard()
    policy = await make_bus("policy")
    await policy.keep_leases(heard.on_lease, heard.on_lost)
    sip = await make_bus("sip")
    call: list[str | None] = [None]
    teller = sip.tell_lease("front", lambda: Lease(kind="call", service="sip", subject_id=call[0]))
    await eventually(lambda: len(heard.leases) >= 2, what="two leases")
    call[0] = "c1"
    teller.changed()
    await eventually(lambda: heard.leases[-1].subject_id == "c1", what="the change", within_s=0.9)
    assert heard.lost == []
    await sip.connection.close()
    await eventually(lambda: heard.lost == [("front", "call")], what="the loss", within_s=8)


async def test_an_outage_of_the_bus_loses_no_lease(make_bus: MakeBus, server: NatsServer) -> None:
    """While the bus is gone silence means nothing: no lease runs out for that."""
    heard = Heard()
    policy = await make_bus("policy")
    await policy.keep_leases(heard.on_lease, heard.on_lost)
    sip = await make_bus("sip")
    sip.tell_lease("front", lambda: Lease(kind="call", service="sip", subject_id="c1"))
    await eventually(lambda: heard.leases, what="a lease")
    server.kill()
    await eventually(lambda: not policy.connected, what="the outage is noticed")
    await asyncio.sleep(3.5)  # the very time in which a lease would run out
    server.restart()
    before = len(heard.leases)
    await eventually(lambda: len(heard.leases) > before, what="a lease after the outage", within_s=20)
    assert heard.lost == []
