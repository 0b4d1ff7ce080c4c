"""The pure core of a door contact: forced, left open, and what nobody saw."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorbus_io.contact import (
    REBOUND_S,
    Closed,
    Contact,
    ContactEvent,
    Found,
    Lost,
    Opened,
    ReportForced,
    ReportLeftOpen,
    TimePassed,
    deadline,
    renewed,
    step,
)

Told = list[ReportForced | ReportLeftOpen]
Script = list[tuple[float, ContactEvent]]


def closed(left_open_s: float = 60.0) -> Contact:
    """Returns a contact whose door was found closed."""
    contact, effects = step(Contact(left_open_s), Found(is_open=False), 0.0)
    assert effects == ()
    return contact


def play(contact: Contact, script: Script) -> tuple[Contact, Told]:
    """Feeds events at their times, and the timer where it is due; returns all that was told."""
    told: Told = []

    def take(event: ContactEvent, at: float) -> None:
        nonlocal contact
        contact, effects = step(contact, event, at)
        told.extend(effects)

    for at, event in script:
        while (due := deadline(contact)) is not None and due < at:
            take(TimePassed(), due)
        take(event, at)
    while (due := deadline(contact)) is not None:
        take(TimePassed(), due)
    return contact, told


def test_opened_without_an_unlock_is_forced() -> None:
    """Forced is told with the opening's time, once; an unlocked opening is not forced."""
    contact, effects = step(closed(), Opened(9.98, unlocked=False), 10.0)
    assert (ReportForced(9.98),) == effects
    assert step(contact, TimePassed(), 11.0)[1] == ()
    assert step(closed(), Opened(9.98, unlocked=True), 10.0)[1] == ()


def test_left_open_is_told_once() -> None:
    """A door that stays open is told when its time is over, from the edge on, and never again."""
    contact, effects = step(closed(60.0), Opened(9.5, unlocked=True), 10.0)
    assert effects == ()
    assert deadline(contact) == 69.5
    contact, effects = step(contact, TimePassed(), 70.0)
    assert (ReportLeftOpen(60.5, 70.0),) == effects
    assert deadline(contact) is None


def test_closed_in_time_or_never_watched() -> None:
    """A door that closes in time is not told, nor one with `left_open_s` 0."""
    assert play(closed(60.0), [(10.0, Opened(10.0, unlocked=True)), (69.0, Closed(69.0))])[1] == []
    assert play(closed(0.0), [(10.0, Opened(10.0, unlocked=True)), (1e6, TimePassed())])[1] == []


def test_closed_too_late_while_nobody_looked() -> None:
    """A process that slept over the deadline still tells it, before the closing that it finds next."""
    contact, _ = step(closed(60.0), Opened(10.0, unlocked=True), 10.0)
    _, effects = step(contact, Closed(90.0), 95.0)
    assert (ReportLeftOpen(80.0, 90.0),) == effects


def test_a_rebound_is_not_forced() -> None:
    """A slammed door that swings open again was not shut; a while later it was."""
    script: Script = [(10.0, Opened(10.0, unlocked=True)), (20.0, Closed(20.0))]
    assert play(closed(0), [*script, (20.5, Opened(20.5, unlocked=False))])[1] == []
    assert play(closed(0), [*script, (22.0, Opened(22.0, unlocked=False))])[1] == [ReportForced(22.0)]


def test_open_at_the_start() -> None:
    """A door that stands open when io starts is not forced, and counts from when it was seen."""
    contact, effects = step(Contact(60.0), Found(is_open=True), 1000.0)
    assert effects == ()
    assert step(contact, TimePassed(), 1060.0)[1] == (ReportLeftOpen(60.0, 1060.0),)


def test_found_open_when_the_chip_is_back() -> None:
    """A door that was closed when its chip was lost, and is open afterwards: not forced, counted from then."""
    _, told = play(closed(60.0), [(5.0, Lost()), (100.0, Found(is_open=True))])
    assert told == [ReportLeftOpen(60.0, 160.0)]


def test_an_opening_outlives_a_lost_chip() -> None:
    """Open before and after counts on; what became due meanwhile is told when the chip is back, and only then."""
    contact, told = play(closed(60.0), [(10.0, Opened(10.0, unlocked=True)), (20.0, Lost())])
    assert told == []
    contact, effects = step(contact, Found(is_open=True), 90.0)
    assert (ReportLeftOpen(80.0, 90.0),) == effects
    contact, told = play(contact, [(95.0, Lost()), (99.0, Found(is_open=True))])
    assert told == []


def test_closed_while_the_chip_was_lost() -> None:
    """A door that is found closed is not left open any more, and its next opening is watched anew."""
    script: Script = [(10.0, Opened(10.0, unlocked=True)), (20.0, Lost()), (90.0, Found(is_open=False))]
    contact, told = play(closed(60.0), script)
    assert told == []
    assert step(contact, Opened(100.0, unlocked=False), 100.0)[1] == (ReportForced(100.0),)


@pytest.mark.parametrize(
    ("left_open_s", "expected"),
    [(30.0, [ReportLeftOpen(40.0, 50.0)]), (100.0, [ReportLeftOpen(100.0, 110.0)]), (0.0, [])],
)
def test_a_document_changes_the_time(left_open_s: float, expected: Told) -> None:
    """The new time counts from the opening: at once when it is over already, later, or never."""
    contact, _ = step(closed(60.0), Opened(10.0, unlocked=True), 10.0)
    assert play(renewed(contact, left_open_s), [(50.0, Found(is_open=True))])[1] == expected


def test_a_document_does_not_have_it_told_again() -> None:
    """A door that was told as left open stays told, whatever the new time is."""
    contact, told = play(closed(60.0), [(10.0, Opened(10.0, unlocked=True))])
    assert len(told) == 1
    assert play(renewed(contact, 10.0), [(80.0, Found(is_open=True))])[1] == []


moves = st.sampled_from(["open", "force", "close", "lose", "find open", "find closed", "wait"])


def events(script: list[tuple[float, str]]) -> Script:
    """Turns a script of moves into events that can happen: opened only when closed and seen, and so on."""
    now, is_open, seen, made = 0.0, False, True, Script()
    for pause, move in script:
        now += pause
        match move:
            case "open" | "force" if seen and not is_open:
                is_open = True
                made.append((now, Opened(now, unlocked=move == "open")))
            case "close" if seen and is_open:
                is_open = False
                made.append((now, Closed(now)))
            case "lose" if seen:
                seen = False
                made.append((now, Lost()))
            case "find open" | "find closed" if not seen:
                is_open, seen = move == "find open", True
                made.append((now, Found(is_open)))
            case _:
                made.append((now, TimePassed()))
    return made


@given(st.sampled_from([0.0, 0.5, 7.0]), st.lists(st.tuples(st.floats(0, 10), moves), max_size=60))
def test_each_is_told_at_most_once_an_opening(left_open_s: float, script: list[tuple[float, str]]) -> None:
    """Forced comes only with a forced opening, left open at most once until the door closes and never too early."""
    contact, now, since, reported = closed(left_open_s), 0.0, None, False

    def take(event: ContactEvent, at: float) -> None:
        nonlocal contact, reported, since
        contact, effects = step(contact, event, at)
        match event:
            case Opened():
                since, reported = at, False
            case Found(is_open=True) if since is None:
                since, reported = at, False
        for effect in effects:
            match effect:
                case ReportForced():
                    assert isinstance(event, Opened)
                    assert not event.unlocked
                case ReportLeftOpen(open_s=open_s):
                    assert since is not None
                    assert not reported
                    assert open_s >= left_open_s - 1e-6 > 0
                    reported = True
        match event:
            case Closed() | Found(is_open=False):
                since = None

    for at, event in events(script):
        while (due := deadline(contact)) is not None and due < at:
            assert due >= now
            take(TimePassed(), due)
        take(event, at)
        now = at
    while (due := deadline(contact)) is not None:
        take(TimePassed(), due)
    if left_open_s > 0 and since is not None and contact.readable:
        assert reported


@given(st.lists(st.floats(0.01, REBOUND_S - 0.01), min_size=2, max_size=80))
def test_a_flapping_contact_is_forced_once(pauses: list[float]) -> None:
    """However long a line flaps without standing closed, one opening of all is told as forced."""
    contact, now, forced = closed(0), 10.0, 0
    for place, pause in enumerate(pauses):
        contact, effects = step(contact, Closed(now) if place % 2 else Opened(now, unlocked=False), now)
        forced += len(effects)
        now += pause
    assert forced == 1
