"""Thousands of mutated INVITEs: no worker dies, memory stays flat, valid ones are answered, calls work afterwards.

In a network namespace: a mutation may make an outside address of a loopback one, and nothing must go there.
`DOORBUS_MUTATION_SEED` chooses other mutations; a failure says the seed, and the numbers of what was sent last.
"""

import asyncio
import os
from collections.abc import Iterator

import pytest
from tests.sip.attacked import Attacked, resident_kb, works
from tests.sip.conftest import MakeDoor
from tests.sip.talker import Talker
from tests.sip.torture.case import Place, plain
from tests.sip.torture.mutate import Mutated, mutated

from doorbus_sip.config import Listen
from doorbus_testkit.netns import Namespaces
from doorbus_testkit.polling import eventually
from doorbus_testkit.ports import free_tcp_port

pytestmark = [pytest.mark.netns, pytest.mark.timeout(240)]

SEED = os.environ.get("DOORBUS_MUTATION_SEED", "doorbus")
DOORS = 4
"""Each may refuse some 25 calls a second for good (`worker.slots`): four get through 10,000 in half a minute."""
INVITES, STREAMED = 10_000, 1_000
A_STREAM = 20
"""Messages on one connection; one whose length is wrong takes those behind it along."""
GROWN_KB = 20_000
"""A transaction lives 32 s (RFC 3261, timers H and J), so nearly all of an attack's 2,500 are there at its end, with
4 to 5 kB each: 10 to 13 MB were seen, and 1 MB more for the next 2,500. One pool of pjsip lost with each would be 10 to
20 MB more."""
GAP_S = 0.001

Wanted = dict[bytes, tuple[int, Mutated]]


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """A network namespace without a way out."""
    with Namespaces(1) as (here,), here.entered():
        yield


def made(number: int, door: str, talker: Talker) -> tuple[bytes, Mutated]:
    """The Call-ID of the INVITE before its mutation, and the mutated one."""
    place = Place(door, talker.me, talker.transport, f"m{number}from{talker.me.rpartition(':')[2]}")
    return f"{place.token}@visitors.example".encode(), mutated(SEED, number, plain(place, "INVITE"))


async def attack(target: Attacked, door: str, numbers: range) -> None:
    """Sends mutated INVITEs on one socket; those that are still valid must get a final answer."""
    wanted: Wanted = {}
    async with target, Talker(door) as talker:
        for number in numbers:
            call, one = made(number, door, talker)
            await target.room(number, one.what)
            talker.send(one.data)
            if one.harmless:
                wanted[call] = (number, one)
            await asyncio.sleep(GAP_S)

        def unanswered() -> list[tuple[int, tuple[str, ...]]]:
            got = {answer.call_id for answer in talker.answers if answer.status >= 200}
            return [(number, one.what) for call, (number, one) in wanted.items() if call not in got]

        await eventually(lambda: not unanswered(), 40, what=f"answers to what is still valid, seed {SEED}")
        talker.send(plain(Place(door, talker.me, "UDP", "last"), "OPTIONS"))  # it is read behind the others
        await eventually(lambda: talker.finals(b"last@visitors.example"), 40, what="an answer to the last message")
        await target.settled()


async def test_mutated_invites(make_door: MakeDoor) -> None:
    """10,000 mutated INVITEs, four doors: what gets through is answered, rung or refused in turn."""
    doors: list[tuple[Attacked, str]] = []
    for _ in range(DOORS):
        port = free_tcp_port()
        door = await make_door(listen=Listen(host="127.0.0.1", udp=port, tcp=None), questions_per_s=1000)
        await works(door)
        doors.append((Attacked(door), f"127.0.0.1:{port}"))
    before = [resident_kb(each.pids["front"]) for each, _ in doors]
    try:
        async with asyncio.TaskGroup() as group:
            for index, (each, address) in enumerate(doors):
                group.create_task(attack(each, address, range(index, INVITES, DOORS)))
    except* AssertionError as errors:
        raise AssertionError(f"seed {SEED}: {[str(each) for each in errors.exceptions]}") from errors
    for each, _ in doors:
        each.check()
    grown = [resident_kb(each.pids["front"]) - kb for (each, _), kb in zip(doors, before, strict=True)]
    asked = sum(each.asked for each, _ in doors)
    answered = sum(each.answered for each, _ in doors)
    print(f"measured: {asked} handed up, {answered} answered, grown by {grown} kB")  # noqa: T201  # captured by pytest
    for each, _ in doors:
        await works(each.door)
        each.check()
    assert asked > INVITES // 10
    assert answered > INVITES // 40
    assert max(grown) < GROWN_KB


async def test_mutated_streams(make_door: MakeDoor) -> None:
    """1,000 mutated INVITEs over TCP, in pieces and behind each other: connections may break, workers do not."""
    port = free_tcp_port()
    door = await make_door(listen=Listen(host="127.0.0.1", udp=port, tcp=port), questions_per_s=1000)
    await works(door)
    target, address = Attacked(door, answers=False), f"127.0.0.1:{port}"
    before = resident_kb(target.pids["front"])
    connections = 0
    async with target:
        talker: Talker | None = None
        for number in range(STREAMED):
            if talker is None or talker.closed or number % A_STREAM == 0:
                await target.settled()
                if talker is not None:
                    talker.close()
                talker = await eventually(lambda: Talker(address, "TCP"), 45, what="a connection to the door")
                connections += 1
            _, one = made(number, address, talker)
            await target.room(number, one.what)
            half = number % 7 * 40
            talker.send(one.data[:half])
            await asyncio.sleep(GAP_S)
            talker.send(one.data[half:])
            await asyncio.sleep(GAP_S)
        await target.settled()
    print(f"measured: {target.asked} handed up, {connections} connections")  # noqa: T201  # captured by pytest
    await works(door)
    await eventually(lambda: options_over_tcp(address), 20, what="an answer over TCP")
    target.check()
    assert target.asked > STREAMED // 40
    assert resident_kb(target.pids["front"]) - before < GROWN_KB


async def options_over_tcp(door: str) -> bool:
    """Whether a new connection is served."""
    async with Talker(door, "TCP") as talker:
        talker.send(plain(Place(door, talker.me, "TCP", "after"), "OPTIONS"))
        await eventually(lambda: talker.closed or talker.finals(b"after@visitors.example"), 2)
        return talker.finals(b"after@visitors.example") == [200]


def test_mutations_are_the_same_for_a_seed() -> None:
    """Number and seed make the same message again; other seeds make others, and all kinds of mutation occur."""
    base = plain(Place("127.0.0.1:5060", "127.0.0.1:5070", "UDP", "same"), "INVITE")
    one, again = ([mutated("a", number, base).data for number in range(500)] for _ in range(2))
    assert one == again
    assert one != [mutated("b", number, base).data for number in range(500)]
    assert len(set(one)) > 400
    assert len({name for number in range(2000) for name in mutated("a", number, base).what}) > 40
