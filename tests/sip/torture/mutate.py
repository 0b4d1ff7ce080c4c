"""Mutated messages, the same ones for a seed each time: `mutated(seed, number, base)`.

Message `number` of a seed does not depend on the others, so that one that does harm can be made again alone.
A message has one to three mutations: of its session description, its head, or its bytes.
"""

import random
from dataclasses import dataclass

from tests.sip.torture.draft import NOISE, Draft, splice
from tests.sip.torture.mutate_head import HARMLESS, HEAD
from tests.sip.torture.mutate_sdp import SDP

MAX_BYTES = 60_000


@dataclass(frozen=True, slots=True)
class Mutated:
    """A message. `harmless`: it is still valid, and must be answered. `what`: the mutations' names."""

    data: bytes
    what: tuple[str, ...]
    harmless: bool


def drafted(data: bytes) -> Draft:
    """A well-formed message in parts."""
    head, _, body = data.partition(b"\r\n\r\n")
    start, *lines = head.split(b"\r\n")
    headers = [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
    return Draft(start, [each for each in headers if each[0].lower() != b"content-length"], body)


def mutated(seed: str, number: int, base: bytes) -> Mutated:
    """The message `number` of a seed, made from a well-formed one."""
    rng = random.Random(f"{seed}/{number}")
    draft = drafted(base)
    kind = rng.choices(("harmless", "sdp", "head", "both", "bytes", "all"), (10, 30, 25, 10, 15, 10))[0]
    tables = {
        "harmless": (HARMLESS,),
        "sdp": (SDP, SDP),
        "head": (HEAD, HEAD),
        "both": (SDP, HEAD, HARMLESS),
        "bytes": (),
        "all": (SDP, HEAD),
    }[kind]
    what = []
    for table in tables[: rng.randint(1, 3)]:
        name, change = rng.choice(tuple(table.changes.items()))
        if draft.headers:
            change(rng, draft)
            what.append(name)
    data = draft.encode()
    if kind in ("bytes", "all"):
        name = rng.choice(tuple(_BYTES))
        data = _BYTES[name](rng, data)
        what.append(name)
    return Mutated(data[:MAX_BYTES], tuple(what), kind == "harmless")


def _flip(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _delete(rng: random.Random, data: bytes) -> bytes:
    for _ in range(rng.choice((1, 1, 3))):
        at = rng.randrange(len(data))
        data = data[:at] + data[at + rng.choice((1, 2, 10, 50)) :]
        data = data or b"x"
    return data


def _insert(rng: random.Random, data: bytes) -> bytes:
    for _ in range(rng.choice((1, 1, 3))):
        data = splice(
            rng, data, rng.choice((*NOISE, b"\r\n", b"\r\n\r\n", b"\n", b" ", rng.randbytes(20), b"\x00" * 100))
        )
    return data


def _repeat(rng: random.Random, data: bytes) -> bytes:
    a, b = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
    return data[:b] + data[a:b] * rng.choice((1, 2, 10)) + data[b:]


def _swap(rng: random.Random, data: bytes) -> bytes:
    a, b, c = sorted(rng.randrange(len(data)) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(1, len(data))]


_BYTES = {"flip": _flip, "delete": _delete, "insert": _insert, "repeat": _repeat, "swap": _swap, "cut": _cut}
