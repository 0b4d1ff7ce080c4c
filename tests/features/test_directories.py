"""Directories: lists of numbers that another system publishes, on the wire."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import pytest
from tests.features.conftest import NewPhone
from tests.features.doors import document, press, stays

from doorbus.contract.base import new_id
from doorbus.contract.subjects import KV_DIRECTORIES
from doorbus_testkit.behaviour import Ring
from doorbus_testkit.stack import Stack
from doorbus_testkit.wire import WirePhone

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMEOUT_S = 1.5


def _document(kind: str, numbers: Sequence[str] = (), directory: str = "residents") -> str:
    call = {"type": kind, "directory": directory, "timeout_s": TIMEOUT_S, "numbers": list(numbers)}
    return document(["192.0.2.1"], call=call)


async def _publish(door: Stack, numbers: Sequence[str] | bytes, name: str = "residents") -> None:
    """Publishes a directory as another system would, and waits until policy has taken or refused it."""
    fresh = {"numbers": list(numbers), "label": new_id()}  # the same value again would be no news
    value = numbers if isinstance(numbers, bytes) else json.dumps(fresh).encode()
    bucket = await door.client.jetstream().key_value(KV_DIRECTORIES)
    since = time.monotonic()
    await bucket.put(name, value)
    await door.event("directory.changed", since=since, name=name)


async def _phones(phone: NewPhone, count: int) -> list[WirePhone]:
    return [await phone(Ring(), user=f"p{number}") for number in range(count)]


@pytest.mark.feature("group.directory")
async def test_a_group_rings_its_directory(door: Stack, phone: NewPhone) -> None:
    """With `numbers` empty all numbers of the published list ring together; a new list counts at the next press."""
    phones = await _phones(phone, 3)
    await door.apply(_document("group"))
    await _publish(door, [each.uri for each in phones[:2]])
    await press(door)
    for each in phones[:2]:
        await each.wait_call()
    await stays(lambda: phones[2].calls == [], 0.5)
    await door.wish("hangup")
    await door.event("call.ended")
    await _publish(door, [phones[2].uri])
    await press(door)
    await phones[2].wait_call()
    await stays(lambda: all(len(each.calls) == 1 for each in phones), 0.5)


@pytest.mark.feature("sequence.directory")
async def test_a_sequence_calls_its_directory_in_order(door: Stack, phone: NewPhone) -> None:
    """The list's numbers one after another, each for `timeout_s`."""
    first, second = await _phones(phone, 2)
    await door.apply(_document("sequence"))
    await _publish(door, [second.uri, first.uri])
    await press(door)
    call = await second.wait_call()
    assert first.calls == []
    ended = await call.wait("ended")
    await first.wait_call()
    assert TIMEOUT_S - 0.2 < ended - second.received("INVITE")[0].at < TIMEOUT_S + 2


@pytest.mark.feature("group.directory", "sequence.directory")
@pytest.mark.parametrize("kind", ["group", "sequence"])
async def test_local_numbers_win(door: Stack, phone: NewPhone, kind: str) -> None:
    """Where both exist, the directory is not called."""
    local, published = await _phones(phone, 2)
    await door.apply(_document(kind, [local.uri]))
    await _publish(door, [published.uri])
    await press(door)
    await local.wait_call()
    await stays(lambda: published.calls == [], TIMEOUT_S + 1)


@pytest.mark.feature("group.directory", "sequence.directory")
@pytest.mark.parametrize("kind", ["group", "sequence"])
async def test_a_directory_that_nobody_published_calls_nobody_and_says_so(door: Stack, kind: str) -> None:
    """The press dials nothing, and its event says why; an empty list likewise."""
    await door.apply(_document(kind, directory="nobody"))
    await press(door)
    assert (await door.event("button.activated")).data["why"] == "no_directory"
    await door.apply(_document(kind))
    await _publish(door, [])
    since = time.monotonic()
    await press(door)
    assert (await door.event("button.activated", since=since)).data["why"] == "no_numbers"
    assert door.told("call.dialing") == []


@pytest.mark.feature("group.directory")
@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b'{"numbers": ["not a number"]}', "numbers[0]"),
        (b'{"numbers": ["101", 102]}', "numbers[1]"),
        (json.dumps({"numbers": ["101"] * 17}).encode(), "numbers"),
        (b"rubbish", "value"),
        (b"{}", "numbers"),
    ],
)
async def test_a_value_that_cannot_be_used_is_refused_by_its_field(
    door: Stack, phone: NewPhone, value: bytes, says: str
) -> None:
    """The bus says what is wrong and where; the last good list goes on."""
    [good] = await _phones(phone, 1)
    await door.apply(_document("group"))
    await _publish(door, [good.uri])
    await _publish(door, value)
    refused = door.told("directory.changed", result="refused")[-1]
    assert refused.data["why"].startswith(says)
    await press(door)
    await good.wait_call()


async def test_a_deleted_directory_is_empty(door: Stack, phone: NewPhone) -> None:
    """The owner takes the list away: nobody is called any more."""
    [good] = await _phones(phone, 1)
    await door.apply(_document("group"))
    await _publish(door, [good.uri])
    since = time.monotonic()
    await (await door.client.jetstream().key_value(KV_DIRECTORIES)).delete("residents")
    await door.event("directory.changed", since=since, count=0)
    await press(door)
    assert (await door.event("button.activated")).data["why"] == "no_numbers"
    assert good.calls == []
