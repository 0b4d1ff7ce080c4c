"""Which slots of the library count as lost."""

from doorbus_sip.worker.held import SLOTS, Held

ALL = frozenset(range(SLOTS))


def looks_until_lost(looks: list[tuple[int, frozenset[int]]]) -> int | None:
    """Returns at which look, the first is 1, a worker with these known calls and taken slots is lost."""
    taken = iter([slots for known, slots in looks if not known])
    held = Held(lambda: next(taken))
    return next((number for number, (known, _) in enumerate(looks, start=1) if held.is_lost(known)), None)


def test_all_slots_held_are_lost_after_three_seconds() -> None:
    """Nobody can call any more, so nothing is waited for."""
    assert looks_until_lost([(0, ALL)] * 10) == 3


def test_one_slot_is_lost_when_the_ack_cannot_come_any_more() -> None:
    """Timer H takes 32 s; what is held for 40 is held for good."""
    assert looks_until_lost([(0, frozenset({2}))] * 60) == 40


def test_slots_that_come_back_are_never_lost() -> None:
    """In a storm there is always one slot held, but each for 32 s only."""
    turns = [(0, frozenset({(second // 16) % SLOTS, (second // 16 + 1) % SLOTS})) for second in range(400)]
    assert looks_until_lost(turns) is None


def test_a_worker_with_a_call_goes_on() -> None:
    """A call that is up is not ended for the sake of others; the count begins again after it."""
    assert looks_until_lost([(0, ALL), (0, ALL), (1, ALL)] * 50) is None
