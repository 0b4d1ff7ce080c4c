"""The pure core of an input's limit: which changes are told, and that the last one always is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorbus.contract.base import TRIGGER_FRESH_S
from doorbus.contract.lines import (
    InputClosed,
    InputEvent,
    InputForced,
    InputKind,
    InputLeftOpen,
    InputLimited,
    InputOpened,
)
from doorbus_io.limit import (
    BURST,
    CALM_S,
    PER_S,
    Alarm,
    Change,
    Limit,
    LimitEvent,
    Report,
    TimePassed,
    UntoldUnlock,
    deadline,
    step,
)

OPENED = InputOpened(input="in1", kind=InputKind.DOOR_CONTACT)
CLOSED = InputClosed(input="in1", kind=InputKind.DOOR_CONTACT)
FORCED = InputForced(input="in1", kind=InputKind.DOOR_CONTACT)
LEFT_OPEN = InputLeftOpen(input="in1", kind=InputKind.DOOR_CONTACT, open_s=3.0)


class Limited:
    """A limit with its timer, and what it told when."""

    def __init__(self) -> None:
        self.limit = Limit()
        self.told: list[tuple[float, Report]] = []
        self.active = False

    def take(self, event: LimitEvent, now: float) -> None:
        """Takes an event."""
        self.limit, reports = step(self.limit, event, now)
        self.told.extend((now, report) for report in reports)

    def wait(self, until: float) -> None:
        """Lets time pass, with the timer where it is due."""
        while (due := deadline(self.limit)) is not None and due <= until:
            self.take(TimePassed(), due)

    def flip(self, at: float) -> None:
        """Has the line change."""
        self.wait(at)
        self.active = not self.active
        self.take(Change(OPENED if self.active else CLOSED, self.active, at), at)

    def facts(self) -> list[InputEvent]:
        """Returns what was told."""
        return [report.fact for _, report in self.told]

    def names(self) -> list[str]:
        """Returns the names of what was told."""
        return [fact.what for fact in self.facts()]


def flooded(flips: int = 61, every_s: float = 0.02) -> tuple[Limited, float]:
    """Returns a limit after a flood that leaves the line active, and when its last change came."""
    made = Limited()
    for count in range(flips):
        made.flip(10.0 + count * every_s)
    assert made.limit.flood is not None
    return made, 10.0 + (flips - 1) * every_s


def test_a_hundred_quick_presses_are_never_limited() -> None:
    """Two presses a second, a hundred of them, ten times over: all are told as they come."""
    made = Limited()
    for count in range(1000):
        made.flip(10.0 + count * 0.5)
        made.flip(10.25 + count * 0.5)
    assert made.names() == ["opened", "closed"] * 1000
    assert all(report.prompt and now == report.at for now, report in made.told)


def test_a_person_who_hammers_is_told_for_four_seconds() -> None:
    """Five presses a second, as fast as a finger can: the first ninteen are told, then it is a flood."""
    made = Limited()
    for count in range(20):
        made.flip(10.0 + count * 0.2)
        made.flip(10.1 + count * 0.2)
    assert made.names() == ["opened", "closed"] * 19 + ["limited"]
    assert made.facts()[-1].model_dump(include={"dropped", "over"}) == {"dropped": 1, "over": False}


def test_a_flood_is_told_twice_and_then_the_last_change() -> None:
    """The burst, one word at the beginning, silence, and in the calm the sum and where the line stands."""
    made, last = flooded()
    made.wait(last + CALM_S)
    assert made.names() == ["opened", "closed"] * BURST + ["limited", "limited", "opened"]
    over = made.facts()[-2]
    assert isinstance(over, InputLimited)
    assert (over.over, over.dropped) == (True, 61 - 2 * BURST)
    assert over.over_s == pytest.approx(0.8)
    assert (last + CALM_S, Report(OPENED, last, prompt=False)) == made.told[-1]


def test_a_last_change_that_was_told_already_is_not_repeated() -> None:
    """A flood that ends where it was believed to be ends with its sum."""
    made, last = flooded(flips=60)
    made.wait(last + CALM_S)
    assert made.names()[-2:] == ["limited", "limited"]


def test_a_press_told_so_late_rings_nobody() -> None:
    """The last change keeps its own time, and by then no trigger is fresh."""
    made, last = flooded()
    made.wait(last + CALM_S)
    now, late = made.told[-1]
    assert now - late.at > TRIGGER_FRESH_S


def test_after_the_calm_a_burst_is_told_again() -> None:
    """The end of a flood does not begin the next one."""
    made, last = flooded(flips=60)
    made.wait(last + CALM_S)
    before = len(made.told)
    for count in range(2 * BURST):
        made.flip(last + CALM_S + count * 0.02)
    assert made.names()[before:] == ["opened", "closed"] * BURST


def test_a_stalled_process_counts_by_the_lines_time() -> None:
    """Presses that were a second apart and are read all at once are not a flood."""
    made = Limited()
    for count in range(40):
        active = count % 2 == 0
        made.take(Change(OPENED if active else CLOSED, active, 10.0 + count), 60.0)
    assert made.names() == ["opened", "closed"] * 20


def test_alarms_outside_a_flood_are_told() -> None:
    """Forced and left open take nothing from the bucket."""
    made = Limited()
    for count in range(50):
        made.take(Alarm(FORCED, float(count)), float(count))
    assert made.names() == ["forced"] * 50


def test_alarms_in_a_flood() -> None:
    """The first of a kind is told at once; of the further ones only what is about the opening that lasts."""
    made, last = flooded()
    before = len(made.told)
    made.take(Alarm(FORCED, last), last)
    made.take(Alarm(LEFT_OPEN, last), last)
    assert made.names()[before:] == ["forced", "left_open"]
    made.take(Alarm(FORCED, last), last)  # of an opening that ends
    made.flip(last + 2)
    made.flip(last + 4)
    made.take(Alarm(LEFT_OPEN, last + 5), last + 5)
    made.take(Alarm(FORCED, last + 5), last + 5)
    assert made.names()[before:] == ["forced", "left_open"]
    made.wait(last + 4 + CALM_S)
    assert made.names()[before + 2 :] == ["limited", "opened", "left_open", "forced"]


def test_untold_unlocks_are_in_the_sum() -> None:
    """What an exit button over its limit opened is counted, and only within its flood."""
    made, last = flooded()
    made.take(UntoldUnlock(), last)
    made.take(UntoldUnlock(), last)
    made.wait(last + CALM_S)
    over = made.facts()[-2]
    assert isinstance(over, InputLimited)
    assert over.unlocks == 2
    assert (made.limit, ()) == step(made.limit, UntoldUnlock(), last + CALM_S)


flips = st.lists(st.one_of(st.floats(0.001, 0.3), st.floats(0.001, 12)), max_size=200)


@given(flips)
def test_what_is_told_has_a_bound_and_ends_at_the_line(pauses: list[float]) -> None:
    """Whatever a line does: few events, sums that add up, and at last everybody knows how it stands."""
    made, now = Limited(), 0.0
    for pause in pauses:
        now += pause
        made.flip(now)
    made.wait(now + CALM_S)
    facts = made.facts()
    floods = [fact for fact in facts if isinstance(fact, InputLimited)]
    assert len(floods) <= 2 * (1 + now / CALM_S)
    assert [False, True] * (len(floods) // 2) == [each.over for each in floods]
    presses = [report.fact for _, report in made.told if report.prompt and report.fact == OPENED]
    assert len(presses) <= BURST + PER_S * now + 1
    prompt = [report for _, report in made.told if report.prompt]
    assert len(pauses) == len(prompt) + sum(each.dropped for each in floods if each.over)
    changes = [fact for fact in facts if not isinstance(fact, InputLimited)]
    assert (changes[-1:] == [OPENED]) == made.active


@given(flips)
def test_a_press_is_never_told_without_its_release(pauses: list[float]) -> None:
    """While a flood lasts the line was last told as inactive: nobody sees a finger that stays on the button."""
    made, now = Limited(), 0.0
    for pause in pauses:
        now += pause
        made.flip(now)
        if made.limit.flood is not None:
            changes = [fact for fact in made.facts() if not isinstance(fact, InputLimited)]
            assert changes[-1:] == [CLOSED]
