"""Who is heard: each row of the arbiter's table, by example."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.multicast.stage import ADDRESSES, FIRE, MUSIC, NEWS, Stage, in_words, rules

from doorbus_multicast.arbiter import deadline
from doorbus_multicast.arbiter_model import Heard, PlayFailed, Stop


def stage(barge: int = 0, priority: bool = True) -> Stage:
    """Returns a door with three listeners."""
    door = Stage()
    door.take(rules(barge, priority))
    return door


def test_a_page_plays_and_ends_with_its_sender() -> None:
    """It starts with the first packet, and ends 500 ms after the last one."""
    door = stage()
    assert in_words(door.begins(NEWS)) == ["play 5006 s1 at 2"]
    assert door.goes_by(10) == []
    door.stops(NEWS)
    assert door.goes_by(0.49) == []
    assert in_words(door.goes_by(0.02)) == ["end 5006 s1 silence"]
    assert door.forgotten == ["s1"]
    assert deadline(door.state) is None


def test_each_listener_has_its_own_silence() -> None:
    """`end_ms` is the listener's."""
    door = Stage()
    door.take(rules(end_s=2.0))
    door.begins(FIRE)
    door.stops(FIRE)
    assert door.goes_by(1.9) == []
    assert in_words(door.goes_by(0.2)) == ["end 5004 s1 silence"]


def test_a_higher_page_replaces_a_lower_one_and_gives_way_again() -> None:
    """The lower one that still sends is a new page then; one that stopped meanwhile is over."""
    door = stage()
    door.begins(NEWS)
    assert in_words(door.begins(FIRE)) == ["replace 5006 s1 by s2", "play 5004 s2 at 1"]
    door.goes_by(3)
    door.stops(FIRE)
    assert in_words(door.goes_by(1)) == ["end 5004 s2 silence", "play 5006 s1-2 at 2"]
    door.begins(FIRE)
    door.stops(NEWS)
    door.goes_by(1)
    door.stops(FIRE)
    assert in_words(door.goes_by(1)) == ["end 5004 s3 silence"]


def test_a_lower_page_stays_silent() -> None:
    """That is told once, however long both send."""
    door = stage()
    door.begins(FIRE)
    assert in_words(door.begins(MUSIC)) == ["suppressed 5008 page"]
    assert door.goes_by(5) == []


def test_without_priority_the_first_plays_to_its_end() -> None:
    """A higher one stays silent, too; then the one that has sent longest is heard."""
    door = stage(priority=False)
    door.begins(MUSIC)
    assert in_words(door.begins(NEWS)) == ["suppressed 5006 page"]
    assert in_words(door.begins(FIRE)) == ["suppressed 5004 page"]
    door.goes_by(2)
    door.stops(MUSIC)
    assert in_words(door.goes_by(1)) == ["end 5008 s1 silence", "play 5006 s2 at 2"]


def test_listeners_up_to_barge_outrank_calls() -> None:
    """They play on when a call begins, and start during one."""
    door = stage(barge=1)
    assert in_words(door.begins(FIRE)) == ["play 5004 s1 at 1 over calls"]
    assert door.call(True) == []
    door.stops(FIRE)
    door.goes_by(1)
    assert in_words(door.begins(FIRE)) == ["play 5004 s2 at 1 over calls"]


def test_a_call_ends_other_pages_and_keeps_them_silent() -> None:
    """What still sends when the call ends is heard; a stream is told once for each reason."""
    door = stage(barge=1)
    door.begins(NEWS)
    assert in_words(door.call(True)) == ["end 5006 s1 call"]
    assert in_words(door.begins(MUSIC)) == ["suppressed 5008 call"]
    door.goes_by(5)
    assert in_words(door.call(False)) == ["play 5006 s1-2 at 2", "suppressed 5008 page"]
    assert in_words(door.call(True)) == ["end 5006 s1-2 call"]
    door.stops(NEWS)
    door.goes_by(1)
    assert in_words(door.call(False)) == ["play 5008 s2 at 3"]


@pytest.mark.parametrize("barge", [0, 1, 3])
def test_without_priority_calls_outrank_every_page(barge: int) -> None:
    """Whatever `barge` says."""
    door = stage(barge, priority=False)
    assert in_words(door.begins(FIRE)) == ["play 5004 s1 at 1"]
    assert in_words(door.call(True)) == ["end 5004 s1 call"]
    assert in_words(door.begins(NEWS)) == ["suppressed 5006 call"]


def test_a_page_that_outranks_calls_replaces_one_in_a_call() -> None:
    """Among those that may play in a call, the places count."""
    door = stage(barge=2)
    door.call(True)
    door.begins(NEWS)
    assert in_words(door.begins(FIRE)) == ["replace 5006 s1 by s2", "play 5004 s2 at 1 over calls"]
    assert in_words(door.begins(MUSIC)) == ["suppressed 5008 call"]


def test_another_ssrc_is_another_page() -> None:
    """The old one ends, and says why."""
    door = stage()
    door.begins(NEWS)
    assert in_words(door.begins(NEWS)) == ["end 5006 s1 new_ssrc", "play 5006 s2 at 2"]


def test_a_document_ends_only_what_it_changes() -> None:
    """Another order, label or end leaves the page; without its listener, or with other codecs, it ends."""
    door = stage()
    door.begins(NEWS)
    assert door.take(rules(barge=2, addresses=(NEWS, FIRE), end_s=0.7)) == []
    assert door.page is not None
    assert door.page.outranks_calls
    again = rules(addresses=(FIRE, NEWS))
    other = replace(again.listeners[1], codecs=((96, "L16/16000/1"),))
    assert in_words(door.take(replace(again, listeners=(again.listeners[0], other)))) == ["end 5006 s1 document"]
    door.begins(FIRE)
    assert in_words(door.take(rules(addresses=(NEWS,)))) == ["end 5004 s2 document"]
    assert door.put(Heard("late", FIRE, 1, "10.77.0.2:4000")) == []


def test_a_changed_order_counts_at_once() -> None:
    """A listener that is moved up replaces the page."""
    door = stage()
    door.begins(FIRE)
    door.begins(MUSIC)
    told = in_words(door.take(rules(addresses=(MUSIC, FIRE, NEWS))))
    assert told == ["replace 5004 s1 by s2", "play 5008 s2 at 1"]


def test_what_cannot_be_played_makes_room() -> None:
    """The page ends as failed, the next one plays, and it is not tried again while it sends."""
    door = stage()
    door.begins(MUSIC)
    door.begins(NEWS)
    assert in_words(door.put(PlayFailed("s2"))) == ["end 5006 s2 failed", "play 5008 s1-2 at 3"]
    assert door.goes_by(2) == []
    assert door.put(PlayFailed("s2")) == []


def test_an_orderly_end_ends_the_page() -> None:
    """And nothing begins after it."""
    door = stage()
    door.begins(NEWS)
    door.begins(MUSIC)
    assert in_words(door.put(Stop())) == ["end 5006 s1 shutdown"]
    assert door.begins(FIRE) == []


def test_a_repeated_beginning_is_none() -> None:
    """The same stream heard twice is one page."""
    door = stage()
    door.begins(NEWS)
    assert door.put(Heard("s1", NEWS, 1, "10.77.0.2:4000")) == []


def test_a_look_without_an_answer_is_repeated() -> None:
    """Something is armed as long as a stream is known."""
    door = stage()
    for address in ADDRESSES:
        door.begins(address)
    door.goes_by(30)
    due = deadline(door.state)
    assert due is not None
    assert door.now < due <= door.now + 0.5
