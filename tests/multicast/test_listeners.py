"""The sockets, on real multicast between two namespaces."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pytest
from tests.multicast.hearing import GROUP, SENDER, dropped, hearing, joined, multicast, sender, two_hosts

from doorbus_multicast.page_sound import PageSound
from doorbus_testkit.page_sender import PageSender
from doorbus_testkit.polling import eventually
from doorbus_testkit.rtp import RtpPacket

pytestmark = pytest.mark.netns


@dataclass
class Clock:
    """A clock that stands where it is put."""

    at: float = field(default_factory=time.monotonic)

    def __call__(self) -> float:
        """Returns the time."""
        return self.at


def packet(sequence: int, ssrc: int = 1) -> bytes:
    """Returns a packet of PCMU."""
    return RtpPacket(0, sequence, sequence * 160, ssrc, bytes(160)).encode()


async def test_each_of_64_listeners_hears_its_own_group_and_port() -> None:
    """All are joined, and each packet comes to one of them."""
    with two_hosts() as (_, there), sender(there) as out:
        async with hearing(multicast(64)) as door:
            assert joined() == 64.0
            for index in range(64):
                out.sendto(packet(1, 100 + index), (GROUP, 5004 + 2 * index))
            await eventually(lambda: len(door.streams) == 64, what="all listeners have heard")
            told = {(stream.address, stream.ssrc) for stream in door.streams}
            assert {(f"{GROUP}:{5004 + 2 * index}", 100 + index) for index in range(64)} == told
            assert all(stream.source.startswith(f"{SENDER}:") for stream in door.streams)


async def test_another_group_on_the_same_port_is_not_heard() -> None:
    """Though this host has joined it, too, on another socket; nor is what is sent to our own address."""
    both = multicast(1)
    other = both.listeners[0].model_copy(update={"label": "other", "address": "239.1.1.2:5008"})
    with two_hosts() as (here, there), sender(there) as out:
        async with hearing(both.model_copy(update={"listeners": (*both.listeners, other)})) as door:
            out.sendto(packet(1, 7), ("239.1.1.2", 5004))
            out.sendto(packet(1, 8), (here.address, 5004))
            out.sendto(packet(1, 9), (GROUP, 5004))
            await eventually(lambda: door.streams, what="the listener hears")
            assert [stream.ssrc for stream in door.streams] == [9]


async def test_only_the_sources_named_are_heard() -> None:
    """Others are counted; an empty list hears all (shown above)."""
    before = dropped("source")
    with two_hosts() as (_, there), sender(there) as out:
        async with hearing(multicast(1, sources=("10.77.0.9/32",))) as door:

            def drops() -> bool:
                out.sendto(packet(1), (GROUP, 5004))
                return dropped("source") > before

            await eventually(drops, every_s=0.1, what="the packet is dropped")
            assert door.streams == []
            door.listeners.configure(multicast(1, sources=("10.77.0.0/24",)))
            out.sendto(packet(2), (GROUP, 5004))
            await eventually(lambda: len(door.streams) == 1, what="the listener hears")


async def test_the_group_is_joined_again_when_the_interface_comes_back() -> None:
    """Down and up, and gone and made anew; both are told."""
    with two_hosts() as (here, there), sender(there) as out:
        async with hearing(multicast(1)) as door:
            assert door.problems == []

            async def heard_again(ssrc: int) -> None:
                def hears() -> bool:
                    out.sendto(packet(1, ssrc), (GROUP, 5004))
                    return ssrc in [stream.ssrc for stream in door.streams]

                await eventually(hears, every_s=0.1, what=f"stream {ssrc} is heard")

            await heard_again(1)
            here.run("ip", "link", "set", "eth0", "down")
            await eventually(lambda: door.problems == ["the interface eth0 is down"], what="it is told")
            assert joined() == 0.0
            here.run("ip", "link", "set", "eth0", "up")
            here.run("ip", "route", "replace", "224.0.0.0/4", "dev", "eth0")
            await eventually(lambda: door.problems[1:] == [None], what="it is back")
            await heard_again(2)
            here.run("ip", "link", "set", "eth0", "down")
            here.run("ip", "link", "set", "eth0", "name", "away0")
            await eventually(lambda: door.problems[-1] == "there is no interface eth0", what="it is told")
            here.run("ip", "link", "set", "away0", "name", "eth0")
            here.run("ip", "link", "set", "eth0", "up")
            await heard_again(3)
            assert door.problems[-1] is None


async def test_without_an_interface_the_routes_choose() -> None:
    """And without a route that is told, until there is one."""
    with two_hosts() as (here, there), sender(there) as out:
        here.run("ip", "route", "del", "224.0.0.0/4")
        async with hearing(multicast(1, interface=None)) as door:
            assert door.problems == ["no route to 239.1.1.1: Network is unreachable"]
            here.run("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
            await eventually(lambda: joined() == 1.0, what="the group is joined")
            out.sendto(packet(1), (GROUP, 5004))
            await eventually(lambda: door.streams, what="the listener hears")


async def test_a_document_changes_only_what_it_changes() -> None:
    """Volume and order leave socket and stream alone; a listener that is gone hears nothing."""
    with two_hosts() as (_, there), sender(there) as out:
        async with hearing(multicast(2)) as door:
            out.sendto(packet(1, 1), (GROUP, 5004))
            await eventually(lambda: door.streams, what="the listener hears")
            changed = multicast(2).listeners[0].model_copy(update={"volume": 10, "end_ms": 5000})
            door.listeners.configure(multicast(1).model_copy(update={"listeners": (changed,)}))
            assert door.listeners.volume(f"{GROUP}:5004") == 10
            assert door.listeners.last_packet(f"{GROUP}:5004", door.streams[0].id) is not None
            assert joined() == 1.0
            out.sendto(packet(1, 2), (GROUP, 5006))
            out.sendto(packet(2, 1), (GROUP, 5004))
            before = door.listeners.last_packet(f"{GROUP}:5004", door.streams[0].id)
            await eventually(
                lambda: door.listeners.last_packet(f"{GROUP}:5004", door.streams[0].id) != before, what="it goes on"
            )
            assert len(door.streams) == 1


async def test_what_follows_a_stream_that_is_over_begins_another() -> None:
    """A process that stood still hears of a silence before it reads what came meanwhile: that is played, too."""
    with two_hosts() as (_, there), sender(there) as out:
        async with hearing(multicast(1)) as door:
            out.sendto(packet(1, 1), (GROUP, 5004))
            await eventually(lambda: len(door.streams) == 1, what="the listener hears")
            door.listeners.forget(f"{GROUP}:5004", "another")
            assert door.listeners.last_packet(f"{GROUP}:5004", door.streams[0].id) is not None
            door.listeners.forget(f"{GROUP}:5004", door.streams[0].id)
            assert door.listeners.last_packet(f"{GROUP}:5004", door.streams[0].id) is None
            out.sendto(packet(2, 1), (GROUP, 5004))
            await eventually(lambda: len(door.streams) == 2, what="it hears another stream")
            assert door.streams[0].id != door.streams[1].id


async def test_the_first_packet_is_played() -> None:
    """What came before it was decided to play is in the sound; a stream that is not heard any more has none."""
    clock = Clock()
    with two_hosts() as (_, there), PageSender(GROUP, 5004, host=there, seconds=0.02) as page:
        async with hearing(multicast(1)) as door:
            page.send(page.packet(0).encode())
            await eventually(lambda: door.streams, what="the listener hears")
            stream = door.streams[0]
            sound = PageSound(8000, 1.0, clock)
            assert door.listeners.play(stream.address, stream.id, sound) is not None
            assert sound.counts.packets == 1
            clock.at += 1
            assert max(sound.read(160)) > 0
            assert door.listeners.play(stream.address, "another", sound) is None
