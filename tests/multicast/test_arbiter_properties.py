"""The arbiter under any order of events: what must never happen does not."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.multicast.stage import ADDRESSES, Stage, in_words, rules

from doorbus_multicast.arbiter import deadline
from doorbus_multicast.arbiter_model import (
    Effect,
    End,
    Event,
    Heard,
    LastPacket,
    Play,
    PlayFailed,
    Replace,
    Stop,
    TellSuppressed,
    TimePassed,
)

DOCUMENTS = st.builds(
    rules,
    barge=st.integers(0, 3),
    priority=st.booleans(),
    addresses=st.permutations(ADDRESSES).map(tuple).flatmap(lambda order: st.integers(0, 3).map(lambda n: order[:n])),
    end_s=st.sampled_from([0.06, 0.5, 2.0]),
)
MOVES = st.one_of(
    st.tuples(st.just("begins"), st.sampled_from(ADDRESSES)),
    st.tuples(st.just("stops"), st.sampled_from(ADDRESSES)),
    st.tuples(st.just("call"), st.booleans()),
    st.tuples(st.just("document"), DOCUMENTS),
    st.tuples(st.just("goes_by"), st.floats(0, 1.5)),
    st.tuples(st.just("stray"), st.integers(0, 9)),
)


def do(door: Stage, what: str, value: object) -> None:
    """Makes one move; strays are events that come late, twice, or about nobody."""
    match what, value:
        case "begins", str(address):
            door.begins(address)
        case "stops", str(address):
            door.stops(address)
        case "call", bool(up):
            door.call(up)
        case "goes_by", float(seconds):
            door.goes_by(seconds)
        case "stray", int(number):
            stream, address = f"s{number // 2}", ADDRESSES[number % 3]
            again, _ = door.senders.get(address, (f"x{number}", 0.0))  # ids are fresh: no two listeners share one
            strays: list[Event] = [
                TimePassed(),
                LastPacket(stream, door.now - number / 4),
                PlayFailed(stream),
                Heard(again, address, number, "10.77.0.9:1"),
            ]
            event: Event = strays[number % 4]
            if isinstance(event, Heard):
                door.senders[event.address] = (event.id, door.now)
            door.put(event)
        case _:
            door.take(value)  # type: ignore[arg-type]


def open_pages(effects: list[Effect]) -> list[str]:
    """Returns the pages that were begun and not ended; raises where two are open, or one ends that was not begun."""
    playing: list[str] = []
    for effect in effects:
        match effect:
            case Play(page):
                assert playing == [], in_words(effects)
                playing.append(page.id)
            case End(page) | Replace(page):
                assert [page.id] == playing, in_words(effects)
                playing.clear()
    return playing


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS, st.lists(MOVES, max_size=40))
def test_at_most_one_page_plays_and_always_the_right_one(document: object, moves: list[tuple[str, object]]) -> None:
    """After every event: one page at most, never one that a call or a higher page forbids, and one if any may."""
    door = Stage()
    do(door, "document", document)
    for what, value in moves:
        do(door, what, value)
        state = door.state
        playing = open_pages(door.done)
        assert playing == ([] if state.page is None else [state.page.id])
        may = [
            stream
            for stream in state.streams.values()
            if not stream.failed and (not state.call or state.rules.outranks_calls(stream.address))
        ]
        assert (state.page is None) == (not may)
        if state.page is not None:
            heard = state.streams[state.page.address]
            assert heard in may
            if state.rules.priority_active:
                places = [state.rules.place(stream.address) or 0 for stream in may]
                assert min(places) == state.rules.place(heard.address)
        due = deadline(state)
        assert (due is None) == (not state.streams)


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS, st.lists(MOVES, max_size=40))
def test_every_page_ends(document: object, moves: list[tuple[str, object]]) -> None:
    """When nobody sends any more, nothing plays 3 s later, and nothing is armed."""
    door = Stage()
    do(door, "document", document)
    for what, value in moves:
        do(door, what, value)
    for address in ADDRESSES:
        door.stops(address)
    door.goes_by(3.0)
    assert open_pages(door.done) == []
    assert deadline(door.state) is None


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS, st.lists(MOVES, max_size=40))
def test_pages_have_one_id_each_and_silence_is_told_once(document: object, moves: list[tuple[str, object]]) -> None:
    """No id plays twice; a stream is told suppressed at most once for each reason; after the end nothing is done."""
    door = Stage()
    do(door, "document", document)
    for what, value in moves:
        if what != "stray":  # strays reuse ids
            do(door, what, value)
    ids = [effect.page.id for effect in door.done if isinstance(effect, Play)]
    assert len(ids) == len(set(ids))
    told = [(effect.ssrc, effect.because) for effect in door.done if isinstance(effect, TellSuppressed)]
    assert len(told) == len(set(told))
    door.put(Stop())
    assert open_pages(door.done) == []
    before = len(door.done)
    door.begins(ADDRESSES[0])
    assert before == len(door.done)
