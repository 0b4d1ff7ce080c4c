"""Guessing passwords, slowed down and locked out. Pure.

Rules:

1. A try is counted when it begins, so a hundred at the same moment are a hundred; a right password takes it back.
2. Three counters: the **address** it comes from (an IPv6 one by its /64), the **user** meant (whether there is such a
   user or not, so that nobody learns it), or, in place of the user, the **pair** of both where that user has signed in
   from that address within 30 days.
3. The first 3 tries of a user or a pair are free, and 10 of an address, which many people may share. After each
   further one the counter waits: 1 s, 2 s, 4 s … 60 s. While it waits, no try is looked at, and none is counted.
4. At 10 tries a user or a pair is locked for 15 minutes, at 30 an address. So strangers cannot lock a user out of the
   places that the user is known at, and one stranger tries at most 30 passwords in 15 minutes.
5. A right password clears the user's and the pair's counter. The address keeps its count but for that try: whoever
   has an account of their own gains no tries on others by it.
6. A counter is forgotten 15 minutes after its last try, or when its lock ends.
7. At most 5,000 counters of a kind are kept. For a new one the one that matters least goes: the fewest tries, of those
   the oldest.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

FREE: dict[str, int] = {"user": 3, "pair": 3, "address": 10}
WAIT_FIRST_S, WAIT_MOST_S = 1.0, 60.0
LOCKS_AT: dict[str, int] = {"user": 10, "pair": 10, "address": 30}
LOCK_S = 15 * 60.0
FORGET_S = 15 * 60.0
KNOWN_S = 30 * 24 * 3600.0
MOST = 5000

Kind = Literal["address", "user", "pair"]
Key = tuple[Kind, str]


@dataclass(frozen=True)
class Counter:
    """What is known of one address, user or pair.

    Attributes:
        tries: since it was last forgotten.
        last: when the last one was, in monotonic seconds.
        until: no try is looked at before.
    """

    tries: int
    last: float
    until: float


@dataclass(frozen=True)
class Guessing:
    """All counters, and where users have signed in from, with when."""

    counters: Mapping[Key, Counter] = field(default_factory=dict)
    known: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Looked:
    """The try is looked at: check the password, then say whether it was `right`."""

    keys: tuple[Key, ...]


@dataclass(frozen=True)
class TooSoon:
    """The try is not looked at.

    Attributes:
        again_in_s: seconds until one is.
        locked: it was locked, not just slowed down.
    """

    again_in_s: float
    locked: bool


def begin(state: Guessing, user: str, address: str, now: float) -> tuple[Guessing, Looked | TooSoon]:
    """A try begins: it is looked at (and counted), or it comes too soon."""
    place = network_of(address)
    pair = f"{user} {place}"
    signed_in = state.known.get(pair)
    home = signed_in is not None and now - signed_in < KNOWN_S
    keys: tuple[Key, ...] = (("address", place), ("pair", pair) if home else ("user", user))
    wait = max(((counter.until - now, key) for key in keys if (counter := _live(state, key, now))), default=None)
    if wait is not None and wait[0] > 0:
        locked = state.counters[wait[1]].tries >= LOCKS_AT[wait[1][0]]
        return state, TooSoon(wait[0], locked)
    counters = dict(state.counters)
    for key in keys:
        tries = counter.tries + 1 if (counter := _live(state, key, now)) else 1
        if key not in counters:
            _make_room(counters, key[0])
        counters[key] = Counter(tries, now, now + _pause(key[0], tries))
    return replace(state, counters=counters), Looked(keys)


def right(state: Guessing, looked: Looked, user: str, address: str, now: float) -> Guessing:
    """The password of a try was right."""
    counters = dict(state.counters)
    for key in looked.keys:
        counter = counters.get(key)
        if counter is None:
            continue
        if key[0] == "address" and counter.tries > 1:
            tries = counter.tries - 1
            counters[key] = Counter(tries, counter.last, counter.last + _pause("address", tries))
        else:
            del counters[key]
    known = {**state.known, f"{user} {network_of(address)}": now}
    if len(known) > MOST:
        del known[min(known, key=lambda pair: known[pair])]
    return Guessing(counters, known)


def network_of(address: str) -> str:
    """Returns what an address counts as: itself, an IPv6 one its /64, IPv4 written as IPv6 the IPv4 one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))


def _live(state: Guessing, key: Key, now: float) -> Counter | None:
    """Returns a counter that is not forgotten."""
    counter = state.counters.get(key)
    if counter is None:
        return None
    over = counter.until if counter.tries >= LOCKS_AT[key[0]] else counter.last + FORGET_S
    return None if now >= over else counter


def _pause(kind: Kind, tries: int) -> float:
    if tries >= LOCKS_AT[kind]:
        return LOCK_S
    over = tries - FREE[kind]
    return 0.0 if over <= 0 else min(WAIT_FIRST_S * 2.0 ** (over - 1), WAIT_MOST_S)


def _make_room(counters: dict[Key, Counter], kind: Kind) -> None:
    of_kind = [key for key in counters if key[0] == kind]
    if len(of_kind) >= MOST:
        del counters[min(of_kind, key=lambda key: (counters[key].tries, counters[key].last))]
