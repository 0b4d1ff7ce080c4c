"""The core of actions: what becomes of a message, by example and by property."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorbus_actions.delivery import (
    TOLD_AGAIN_S,
    Came,
    Drop,
    End,
    Finish,
    GiveUp,
    Later,
    Pace,
    Result,
    Send,
    arrived,
    ended,
)
from doorbus_actions.settings import ActionsSettings
from doorbus_actions.verdicts import ftp_end, http_end, smtp_end

DEFAULTS = ActionsSettings()
PACE = Pace(DEFAULTS.actions_retry_first_s, DEFAULTS.actions_retry_most_s, DEFAULTS.actions_retry_for_s)
TAKEN, REFUSED, UNREACHED = End(Result.TAKEN), End(Result.REFUSED, "no"), End(Result.UNREACHED, "away")

paces = st.builds(Pace, st.floats(0.01, 60), st.floats(0.01, 600), st.floats(0, 7200))
ends = st.builds(End, st.sampled_from([result for result in Result if result is not Result.TAKEN]), st.just("why"))
comings = st.builds(
    Came,
    wanted=st.booleans(),
    served=st.booleans(),
    taken=st.booleans(),
    tries=st.integers(1, 10_000),
    age_s=st.floats(0, 1e7),
    told_delayed=st.booleans(),
)


def test_what_asks_for_nothing_is_dropped() -> None:
    """A press whose actions do not name this one is acknowledged and forgotten, whatever else is true."""
    assert Drop() == arrived(Came(wanted=False, served=False, taken=True))


def test_what_was_taken_is_not_sent_again() -> None:
    """A repeated delivery of a message whose taking this process has seen is only told and acknowledged."""
    assert Finish() == arrived(Came(taken=True, tries=2))


def test_an_old_message_is_tried_once_all_the_same() -> None:
    """After a day with the service down a message is tried, and given up when that fails."""
    came = Came(age_s=86_400.0)
    assert Send() == arrived(came)
    assert Finish() == ended(came, TAKEN, PACE)
    assert GiveUp("away") == ended(came, UNREACHED, PACE)


def test_an_action_that_is_gone_gives_up() -> None:
    """What waits when its action leaves the document is not sent, and not lost without a word."""
    assert GiveUp("the action is no longer in the document") == arrived(Came(served=False))


def test_pauses_grow_for_an_hour() -> None:
    """2, 4, 8 s … to 5 minutes; the last try comes when the hour is over, and only the first failure is told."""
    came, pauses, told = Came(), list[float](), 0
    while isinstance(what := ended(came, UNREACHED, PACE), Later):
        pauses.append(what.pause_s)
        told += what.tell
        came = Came(tries=came.tries + 1, age_s=came.age_s + what.pause_s, told_delayed=True)
    assert pauses[:9] == [2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert (came.age_s, came.tries, told) == (3600.0, 20, 1)
    assert GiveUp("away") == what


def test_what_is_refused_for_good_is_given_up_at_once() -> None:
    """An answer that no repetition can change ends it on the first try."""
    assert GiveUp("no") == ended(Came(), End(Result.REFUSED_FOR_GOOD, "no"), PACE)


def test_a_death_in_the_first_try_does_not_hide_that_a_message_is_late() -> None:
    """The second delivery's failure tells it where nobody has; not when the stream would keep it a second time."""
    assert ended(Came(tries=2, age_s=12), REFUSED, PACE) == Later(4, tell=True)
    assert ended(Came(tries=2, age_s=12, told_delayed=True), REFUSED, PACE) == Later(4, tell=False)
    assert ended(Came(tries=2, age_s=TOLD_AGAIN_S), REFUSED, PACE) == Later(4, tell=False)


@settings(deadline=None)  # the machine is shared
@given(came=comings)
def test_arrival_sends_only_what_is_wanted_served_and_not_taken(came: Came) -> None:
    """Nothing else is ever sent, and that always is."""
    assert isinstance(arrived(came), Send) == (came.wanted and came.served and not came.taken)


@settings(deadline=None)  # the machine is shared
@given(came=comings, end=ends, pace=paces)
def test_nothing_is_given_up_before_its_time_but_what_is_refused_for_good(came: Came, end: End, pace: Pace) -> None:
    """A failure within the time is repeated, at a pause above nothing and within its bounds; a later one is not."""
    what = ended(came, end, pace)
    for_good = end.result is Result.REFUSED_FOR_GOOD
    assert isinstance(what, GiveUp) == (for_good or came.age_s >= pace.for_s)
    if isinstance(what, Later):
        assert 0 < what.pause_s <= pace.most_s
        assert what.pause_s <= max(pace.for_s - came.age_s, pace.first_s)


@settings(deadline=None)  # the machine is shared
@given(
    pace=st.builds(Pace, st.floats(0.5, 30), st.floats(30, 600), st.floats(0, 7200)),
    took_s=st.lists(st.floats(0, 40), min_size=1, max_size=50),
)
def test_tries_end(pace: Pace, took_s: list[float]) -> None:
    """Whatever its tries take, a message that is never taken is given up soon after its time, and late is told once."""
    came, told = Came(), 0
    for tries in range(1, 1000):
        what = ended(came, UNREACHED, pace)
        if isinstance(what, GiveUp):
            break
        assert isinstance(what, Later)
        told += what.tell
        age_s = came.age_s + what.pause_s + took_s[tries % len(took_s)]
        came = Came(tries=tries + 1, age_s=age_s, told_delayed=True)
    assert isinstance(what, GiveUp)
    assert came.age_s <= pace.for_s + pace.first_s + 40
    assert told <= 1


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, Result.TAKEN),
        (204, Result.TAKEN),
        (304, Result.REFUSED),
        (400, Result.REFUSED_FOR_GOOD),
        (401, Result.REFUSED_FOR_GOOD),
        (404, Result.REFUSED_FOR_GOOD),
        (408, Result.REFUSED),
        (422, Result.REFUSED_FOR_GOOD),
        (425, Result.REFUSED),
        (429, Result.REFUSED),
        (500, Result.REFUSED),
        (503, Result.REFUSED),
    ],
)
def test_http_statuses(status: int, result: Result) -> None:
    """The table of `verdicts`: the server's bad moments are waited for, a wrong request is not."""
    assert result == http_end("hub", status).result


@pytest.mark.parametrize(
    ("codes", "result"),
    [
        ([550], Result.REFUSED_FOR_GOOD),
        ([450], Result.REFUSED),
        ([550, 553], Result.REFUSED_FOR_GOOD),
        ([550, 451], Result.REFUSED),
    ],
)
def test_smtp_codes(codes: list[int], result: Result) -> None:
    """A mail is given up where every recipient is refused for good; greylisting (4xx) is waited for."""
    assert (result, f"mail refuses the recipients: {', '.join(map(str, sorted(codes)))}") == (
        (end := smtp_end("mail", "the recipients", codes)).result,
        end.why,
    )


@pytest.mark.parametrize(
    ("code", "result"),
    [(553, Result.REFUSED_FOR_GOOD), (550, Result.REFUSED), (552, Result.REFUSED), (450, Result.REFUSED)],
)
def test_ftp_codes(code: int, result: Result) -> None:
    """A name that is not allowed never will be; a folder can be made, and room on a disk."""
    assert result == ftp_end("files", "the file", code).result
