"""Whether a call is up: events and leases of sip, in any order."""

from __future__ import annotations

from doorbus.contract.calls import CallDialing, CallEnded, CallIncoming, Direction, EndReason, Target
from doorbus.contract.leases import Lease
from doorbus_multicast.calls import Calls


def incoming(call: str, decision: str = "ring") -> CallIncoming:
    """Somebody calls."""
    return CallIncoming.model_validate({"call": call, "account": "ip", "decision": decision})


def dialing(call: str, purpose: str = "call") -> CallDialing:
    """The door calls."""
    targets = (Target(leg="l", uri="sip:a@b"),)
    return CallDialing.model_validate({"call": call, "account": "ip", "targets": targets, "purpose": purpose})


def ended(call: str) -> CallEnded:
    """It is over."""
    return CallEnded(call=call, direction=Direction.INCOMING, reason=EndReason.REMOTE_HANGUP)


def lease(call: str | None, sequence: int, epoch: int = 7) -> Lease:
    """What sip tells each second."""
    return Lease(kind="call", service="sip", subject_id=call, epoch=epoch, sequence=sequence)


def test_calls_begin_and_end() -> None:
    """In and out."""
    for begins in (incoming("a"), dialing("a")):
        up = Calls().told(begins, 7, 1)
        assert frozenset({"a"}) == up.up
        assert frozenset() == up.told(ended("a"), 7, 2).up


def test_calls_that_are_none_do_not_count() -> None:
    """Codes for a server, and callers who are refused, even where the lease names them."""
    assert frozenset() == Calls().told(dialing("a", "code"), 7, 1).up
    refused = Calls().told(incoming("a", "refuse"), 7, 1)
    assert frozenset() == refused.up
    assert frozenset() == refused.leased(lease("a", 1)).up


def test_the_lease_is_the_truth() -> None:
    """It brings calls whose beginning was missed, and takes those whose end was."""
    assert frozenset({"a"}) == Calls().leased(lease("a", 5)).up
    up = Calls().told(incoming("a"), 7, 1)
    assert frozenset() == up.leased(lease(None, 9)).up
    assert frozenset() == up.lost().up


def test_old_words_say_nothing_new() -> None:
    """A lease from before the event, and an event from before the lease."""
    up = Calls().told(incoming("a"), 7, 4)
    assert up == up.leased(lease(None, 3))
    over = up.leased(lease(None, 5))
    assert over == over.told(incoming("a"), 7, 4)


def test_another_life_of_sip_begins_anew() -> None:
    """Its numbers begin at 1 again, and it knows no calls of the last."""
    up = Calls().told(incoming("a"), 7, 40)
    assert frozenset({"b"}) == up.told(incoming("b"), 8, 1).up
    assert frozenset() == up.leased(lease(None, 1, epoch=8)).up
