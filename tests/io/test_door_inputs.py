"""What the door's core makes of its inputs: contacts and relays together, and floods of changes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.io.a_door import (
    CONTACT_LINE,
    EXIT_LINE,
    GATE,
    GATE_LINE,
    LAMP,
    UNLOCK,
    document,
    order,
    ready,
    reset,
)

from doorbus.contract.base import Event
from doorbus.contract.document.io import Io
from doorbus.contract.lines import Cause, Energise, InputLimited, Pulse
from doorbus_io.contact import UNLOCK_GRACE_S
from doorbus_io.door import deadline, snapshot, step
from doorbus_io.door_model import (
    DocumentTaken,
    DoorEvent,
    Drive,
    InputClaimed,
    Line,
    LineEdge,
    LinesLost,
    Ordered,
    RelayClaimed,
    Tell,
    TimePassed,
)
from doorbus_io.limit import BURST, CALM_S

DEBOUNCE_S = 0.02
LATER = 100.0
"""Long after the start, when the grace of a claimed relay is over."""


class Played:
    """A door with its timer, and what came of it."""

    def __init__(self, io: Io | None = None) -> None:
        self.door = ready(io)
        self.now = LATER
        self.told: list[tuple[float, Event]] = []
        self.levels: list[tuple[float, Line, int]] = []

    def take(self, *events: DoorEvent) -> None:
        """Takes events now."""
        for event in events:
            self.door, effects = step(self.door, event, self.now)
            for effect in effects:
                match effect:
                    case Tell(fact, at):
                        self.told.append((at, fact))
                    case Drive(line, level):
                        self.levels.append((self.now, line, level))

    def wait(self, seconds: float) -> None:
        """Lets time pass, with the timer where it is due."""
        until = self.now + seconds
        while (due := deadline(self.door)) is not None and due <= until:
            self.now = max(self.now, due)
            self.take(TimePassed())
        self.now = until

    def set(self, line: Line, level: int, *, still: bool = True) -> None:
        """Sets a line's level, and waits until it counts as still."""
        self.take(LineEdge(line, level, self.now))
        if still:
            self.wait(DEBOUNCE_S)

    def names(self, *without: str) -> list[str]:
        """Returns the names of what was told, in order, without these domains."""
        return [f"{fact.domain}.{fact.what}" for _, fact in self.told if fact.domain not in without]

    def open_door(self) -> list[str]:
        """Has the door open; returns what the contact told."""
        before = len(self.told)
        self.set(CONTACT_LINE, 0)
        return [fact.what for _, fact in self.told[before:] if fact.domain == "input"]


def test_forced_follows_the_opening() -> None:
    """A door that opens with its relay at rest tells opened, then forced, both with the edge's time; nothing moves."""
    played = Played()
    assert played.open_door() == ["opened", "forced"]
    assert [at for at, _ in played.told] == [LATER, LATER]
    assert played.levels == []


@pytest.mark.parametrize(
    ("after_s", "expected"),
    [(1.0, ["opened"]), (3.0 + UNLOCK_GRACE_S - 0.1, ["opened"]), (3.1 + UNLOCK_GRACE_S, ["opened", "forced"])],
)
@pytest.mark.parametrize("by", ["policy", "exit button", "action"])
def test_an_energised_relay_unlocks(by: str, after_s: float, expected: list[str]) -> None:
    """Policy's unlock, the exit button and an action (the gate holds 3 s) unlock the opening, and a while after."""
    played = Played()
    match by:
        case "policy":
            played.take(Ordered(1, order(Pulse)))
        case "exit button":
            played.set(EXIT_LINE, 0)
        case _:
            played.take(Ordered(1, order(Pulse).model_copy(update={"cause": Cause(kind="action")})))
    played.wait(after_s)
    assert played.open_door() == expected


def test_another_relay_unlocks_nothing() -> None:
    """The lamp is no strike."""
    played = Played()
    played.take(Ordered(1, order(Pulse, "lamp")))
    assert played.open_door() == ["opened", "forced"]


def test_opened_before_the_relay_was_energised() -> None:
    """Who forces the door in the moment before an unlock is told: the line's time counts, not ours."""
    played = Played()
    played.set(CONTACT_LINE, 0, still=False)
    played.wait(0.01)
    played.take(Ordered(1, order(Pulse)))
    played.wait(0.1)
    assert played.names("relay", "door") == ["input.opened", "input.forced"]


def test_a_relay_claimed_just_now_unlocks() -> None:
    """After io's start, and when a chip is back, nobody knows how long the strike was open until then."""
    played = Played()
    played.take(LinesLost(frozenset({GATE_LINE})))
    played.wait(60.0)
    played.take(RelayClaimed(document().relays[0]))
    played.wait(1.0)
    assert played.open_door() == ["opened"]


def test_a_lost_relay_unlocks_nothing_for_long() -> None:
    """A relay whose chip was lost while it was energised unlocks for the grace and no longer."""
    played = Played()
    played.take(Ordered(1, order(Energise, max_s=600.0)), LinesLost(frozenset({GATE_LINE})))
    played.wait(UNLOCK_GRACE_S + 0.1)
    assert played.open_door() == ["opened", "forced"]


def test_a_changed_relay_has_unlocked_until_now() -> None:
    """A document that brings an energised relay to rest makes nobody a burglar who is pulling the door."""
    played = Played()
    played.take(Ordered(1, order(Energise, max_s=600.0)))
    played.wait(60.0)
    played.take(DocumentTaken(document({**GATE, "hold_s": 4.0}, LAMP), 2))
    assert played.open_door() == ["opened"]


def test_left_open_on_the_timer() -> None:
    """The door's own deadline has it told after `left_open_s`, once."""
    played = Played(document(contact={"left_open_s": 30.0}))
    played.take(Ordered(1, order(Pulse)))
    played.open_door()
    played.wait(1000.0)
    at, fact = played.told[-1]
    assert at == pytest.approx(LATER + 30)
    assert fact.model_dump()["open_s"] == pytest.approx(30.0)
    assert played.names("relay", "door") == ["input.opened", "input.left_open"]


def test_a_closing_that_comes_too_late() -> None:
    """A closing read after the deadline has left open told first, the order in which things happened."""
    played = Played(document(contact={"left_open_s": 30.0, "debounce_ms": 0}))
    played.open_door()
    played.now += 40.0
    played.take(LineEdge(CONTACT_LINE, 1, played.now - 5.0))
    assert played.names() == ["input.opened", "input.forced", "input.left_open", "input.closed"]


def test_a_document_changes_the_time_while_it_is_open() -> None:
    """A shorter time that is over already is told as soon as the line is read again; the opening is not told again."""
    played = Played()
    played.take(Ordered(1, order(Pulse)))
    played.open_door()
    played.wait(20.0)
    changed = document(contact={"left_open_s": 10.0})
    played.take(DocumentTaken(changed, 2))
    assert [each.active for each in snapshot(played.door, played.now).inputs] == [False, False, None]
    played.take(InputClaimed(changed.inputs[2], 0, chip_debounces=False))
    assert played.names("relay", "door") == ["input.opened", "input.left_open"]
    assert played.told[-1][1].model_dump()["open_s"] == pytest.approx(20.0, abs=0.1)


def test_an_opening_nobody_saw_is_not_forced() -> None:
    """A contact that is found open when its chip is back tells opened, and no more."""
    played = Played()
    played.take(LinesLost(frozenset({CONTACT_LINE})))
    played.wait(20.0)
    played.take(InputClaimed(document().inputs[2], 0, chip_debounces=False))
    assert played.names() == ["input.opened"]
    played.wait(59.0)
    assert played.names() == ["input.opened"]
    played.wait(2.0)
    assert played.names() == ["input.opened", "input.left_open"]


def flap(played: Played, line: Line, seconds: float, every_s: float = 0.03) -> None:
    """Has a line change all the time, always long enough to count; it ends inactive."""
    level = 0
    until = played.now + seconds
    while played.now < until or level:
        played.set(line, level, still=False)
        played.wait(every_s)
        level = 1 - level


def test_an_exit_button_that_flaps_opens_and_floods_nothing() -> None:
    """Ten minutes of a broken wire: the relay is opened each time that it rests, and some dozen events are told."""
    played = Played()
    flap(played, EXIT_LINE, 600.0)
    opened = [now for now, _, level in played.levels if level == 1]
    assert len(opened) > 600 / (3.0 + 0.1)
    told = Counter(played.names())
    assert told["input.limited"] == 1
    assert told["input.pressed"] == told["input.released"] <= BURST + 1
    assert told["relay.energised"] == told["door.unlocked"] <= BURST + 1
    assert told["relay.reset"] == 1
    limited_at = next(at for at, fact in played.told if isinstance(fact, InputLimited))
    assert max(at for at, _ in played.told) < limited_at + 3.1
    played.wait(60.0)
    over = played.told[-1][1]
    assert isinstance(over, InputLimited)
    assert over.over
    assert over.unlocks == len(opened) - 1
    assert sum(told.values()) + 1 == len(played.told)
    assert [each.energised for each in snapshot(played.door, played.now).relays] == [False, False]


def test_an_unlock_in_an_exit_buttons_flood_is_told() -> None:
    """Somebody else's unlock on a relay that a flapping exit button opened is told, and so is its end."""
    played = Played()
    flap(played, EXIT_LINE, 20.0)
    while played.levels[-1][2] == 0:
        played.wait(0.001)
        played.set(EXIT_LINE, 0)
        played.set(EXIT_LINE, 1)
    before = len(played.told)
    played.take(Ordered(1, order(Pulse)))
    played.wait(5.0)
    assert [fact.what for _, fact in played.told[before:]] == ["energised", "unlocked", "reset"]
    assert played.told[-1][1].model_dump()["cause"] == UNLOCK.model_dump()


def test_a_flapping_contact_is_told_as_it_stands() -> None:
    """Ten minutes of flapping: the burst, the limit, one forced; then the sum and, as it stays open, all about that."""
    played = Played(document(contact={"left_open_s": 30.0}))
    flap(played, CONTACT_LINE, 600.0)
    told = Counter(played.names())
    assert (told["input.limited"], told["input.forced"]) == (1, 1)
    assert BURST <= told["input.opened"] == told["input.closed"] <= BURST + 2
    assert len(played.told) == 2 + 2 * told["input.opened"]
    before = len(played.told)
    played.set(CONTACT_LINE, 0)
    assert [each.active for each in snapshot(played.door, played.now).inputs] == [False, False, True]
    played.wait(CALM_S)
    assert [fact.what for _, fact in played.told[before:]] == ["limited", "opened"]
    played.wait(30.0)
    assert [fact.what for _, fact in played.told[before:]] == ["limited", "opened", "left_open"]


def test_forced_in_a_flood_is_told() -> None:
    """A door forced while its contact flaps, a second after it stood closed, is told at once."""
    played = Played()
    flap(played, CONTACT_LINE, 5.0)
    played.wait(2.0)
    before = len(played.told)
    assert played.open_door() == ["forced"]
    played.wait(CALM_S)
    assert [fact.what for _, fact in played.told[before:]] == ["forced", "limited", "opened"]


def test_another_input_is_told_while_one_floods() -> None:
    """Each input has a limit of its own."""
    played = Played()
    flap(played, CONTACT_LINE, 5.0)
    before = len(played.told)
    played.set(EXIT_LINE, 0)
    assert [fact.what for _, fact in played.told[before:]] == ["pressed", "energised", "unlocked"]


moves = st.one_of(
    st.tuples(st.sampled_from([EXIT_LINE, CONTACT_LINE, Line("sim", 0)]), st.sampled_from([0, 1])),
    st.sampled_from(
        [Ordered(1, order(Pulse)), Ordered(2, order(Energise, max_s=5.0)), Ordered(3, reset("gate", "call-1"))]
    ),
)


@given(st.lists(st.tuples(st.floats(0, 0.2) | st.floats(0, 12), moves), max_size=60))
def test_everybody_knows_in_the_end(script: list[tuple[float, tuple[Line, int] | Ordered]]) -> None:
    """Who follows the events knows, once all is calm, what the snapshot says: each input, and each relay at rest."""
    played = Played()
    for pause, move in script:
        played.wait(pause)
        played.take(move if isinstance(move, Ordered) else LineEdge(*move, played.now))
    played.wait(200.0)
    heard = {"button1": False, "exit1": False, "contact1": False}
    energised = False
    for _, fact in played.told:
        match fact.what:
            case "pressed" | "opened":
                heard[fact.model_dump()["input"]] = True
            case "released" | "closed":
                heard[fact.model_dump()["input"]] = False
            case "energised":
                energised = True
            case "reset":
                assert energised
                energised = False
    now = snapshot(played.door, played.now)
    assert {each.input: each.active for each in now.inputs} == heard
    assert not energised
    assert not any(each.energised for each in now.relays)
