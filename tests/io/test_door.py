"""The door's pure core: documents, orders, lost chips, and that lines move before anything is told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.io.a_door import (
    CONTACT_LINE,
    EXIT_LINE,
    GATE,
    GATE_LINE,
    LAMP,
    LAMP_LINE,
    UNLOCK,
    document,
    drives,
    order,
    ready,
    reset,
    told,
)

from doorbus.contract.base import Reply
from doorbus.contract.errors import ErrorCode
from doorbus.contract.lines import Cause, Energise, Pulse
from doorbus_io.door import deadline, snapshot, step
from doorbus_io.door_model import (
    Answer,
    Claim,
    DocumentTaken,
    Door,
    DoorEvent,
    Drive,
    InputClaimed,
    Line,
    LineEdge,
    LinesLost,
    Ordered,
    RelayClaimed,
    Stop,
    Tell,
    TimePassed,
    Warn,
)


def test_exit_button_opens_at_once() -> None:
    """An exit press drives the relay before anything is told, and is told with its unlock."""
    door, _ = step(ready(), LineEdge(EXIT_LINE, 0, 10.0), 10.0)
    assert deadline(door) == pytest.approx(10.02)
    door, effects = step(door, TimePassed(), 10.02)
    assert Drive(GATE_LINE, 1) == effects[0]
    assert told(effects) == ["input.pressed", "relay.energised", "door.unlocked"]
    unlocked = next(each.fact for each in effects if isinstance(each, Tell) and each.fact.what == "unlocked")
    assert unlocked.model_dump(exclude_none=True) == {"relay": "gate", "method": "input", "by": "exit1"}
    door, effects = step(door, TimePassed(), 13.02)
    assert [Drive(GATE_LINE, 0)] == drives(effects)
    assert told(effects) == ["relay.reset"]


def test_pulse_order_is_answered_and_told() -> None:
    """Policy's pulse moves the line, is told with its cause and command, and is accepted."""
    _, effects = step(ready(), Ordered(7, order(Pulse)), 1.0)
    assert Drive(GATE_LINE, 1) == effects[0]
    assert Answer(7, Reply()) == effects[-1]
    energised = next(each.fact for each in effects if isinstance(each, Tell))
    assert dict(energised) == {"cause": UNLOCK, "for_s": 3.0, "command": "o1", "relay": "gate"}


def test_active_low_relay_is_driven_to_its_level() -> None:
    """A relay that is active low gets 0 to energise and 1 to rest; an action opens no door."""
    cause = Cause(kind="action")
    energise = Energise(id="o", epoch=1, expires_at=datetime.now(UTC), relay="lamp", cause=cause, max_s=90.0)
    door, effects = step(ready(), Ordered(1, energise), 1.0)
    assert [Drive(LAMP_LINE, 0)] == drives(effects)
    assert told(effects) == ["relay.energised"]
    _, effects = step(door, Ordered(2, reset("lamp")), 2.0)
    assert [Drive(LAMP_LINE, 1)] == drives(effects)


def test_the_reset_for_a_call_ends_only_its_hold() -> None:
    """The order names the call: its hold ends, an unlock's pulse goes on and rests the line by itself."""
    door, _ = step(ready(), Ordered(1, order(Energise, max_s=90.0)), 1.0)
    door, _ = step(door, Ordered(2, order(Pulse)), 10.0)
    door, effects = step(door, Ordered(3, reset("gate", "call-1")), 11.0)
    assert (Answer(3, Reply()),) == effects
    assert [each.left_s for each in snapshot(door, 11.0).relays if each.energised] == [2.0]
    door, effects = step(door, Ordered(4, reset("gate", "call-1")), 12.0)
    assert (Answer(4, Reply()),) == effects
    _, effects = step(door, TimePassed(), 13.0)
    assert [Drive(GATE_LINE, 0)] == drives(effects)
    (rested,) = [each.fact.model_dump() for each in effects if isinstance(each, Tell)]
    assert (rested["why"], rested["on_s"]) == ("hold", 12.0)


def refusals(door: Door, relay: str = "gate") -> str | None:
    _, effects = step(door, Ordered(1, order(Pulse, relay)), 1.0)
    (answer,) = effects
    assert isinstance(answer, Answer)
    assert not answer.reply.ok
    return answer.reply.code


def test_orders_that_cannot_be_done_are_refused() -> None:
    """No document, an unknown relay, a line not in our hands, a process about to end: each refused, nothing moves."""
    assert refusals(Door()) == ErrorCode.NOT_READY
    assert refusals(ready(), "garage") == ErrorCode.UNKNOWN_RELAY
    assert refusals(step(Door(), DocumentTaken(document(), 1), 0.0)[0]) == ErrorCode.NOT_READY
    assert refusals(step(ready(), LinesLost(frozenset({GATE_LINE})), 0.5)[0]) == ErrorCode.NOT_READY
    assert refusals(step(ready(), Stop(), 0.5)[0]) == ErrorCode.NOT_READY


def test_a_changed_relay_rests_and_the_other_goes_on() -> None:
    """A document that changes one energised relay brings that one to rest; the other stays, with its time."""
    door, _ = step(ready(), Ordered(1, order(Pulse)), 1.0)
    door, _ = step(door, Ordered(2, order(Energise, "lamp", max_s=90.0)), 1.0)
    changed = document({**GATE, "line": 10}, LAMP)
    door, effects = step(door, DocumentTaken(changed, 2), 2.0)
    assert [Drive(GATE_LINE, 0)] == drives(effects)
    assert [each.fact.model_dump()["why"] for each in effects if isinstance(each, Tell)] == ["reconfigured"]
    assert Claim(changed.inputs, changed.relays) == effects[-1]
    relays = {each.relay: each for each in snapshot(door, 2.0).relays}
    assert (relays["gate"].energised, relays["lamp"].energised, relays["lamp"].left_s) == (False, True, 89.0)


def test_a_removed_relay_rests() -> None:
    """A relay that the document no longer names rests and is gone."""
    door, _ = step(ready(), Ordered(1, order(Energise, "lamp", max_s=90.0)), 1.0)
    door, effects = step(door, DocumentTaken(document(GATE), 2), 2.0)
    assert [Drive(LAMP_LINE, 1)] == drives(effects)
    assert [each.relay for each in snapshot(door, 2.0).relays] == ["gate"]


def test_a_claim_of_the_document_before_counts_for_nothing() -> None:
    """A line claimed for a relay as it was before does not make the changed relay usable."""
    before = document()
    door, _ = step(Door(), DocumentTaken(before, 1), 0.0)
    door, _ = step(door, DocumentTaken(document({**GATE, "active": "low"}, LAMP), 2), 0.0)
    door, _ = step(door, RelayClaimed(before.relays[0]), 0.0)
    assert refusals(door) == ErrorCode.NOT_READY


def test_a_lost_chip_makes_inputs_unknown_and_relays_rest() -> None:
    """The lines of a lost chip are unknown or at rest; those of another chip go on."""
    door, _ = step(ready(), Ordered(1, order(Pulse)), 1.0)
    door, _ = step(door, Ordered(2, order(Energise, "lamp", max_s=90.0)), 1.0)
    door, effects = step(door, LinesLost(frozenset({GATE_LINE, EXIT_LINE, Line("sim", 0)})), 2.0)
    assert drives(effects) == []
    assert told(effects) == ["relay.reset"]
    now = snapshot(door, 2.0)
    assert {each.input: each.active for each in now.inputs} == {"button1": None, "exit1": None, "contact1": False}
    assert {each.relay: each.energised for each in now.relays} == {"gate": False, "lamp": True}


def test_a_line_claimed_again_is_driven_to_rest() -> None:
    """An order that was waiting when the chip was lost and claimed again cannot leave the new line energised."""
    door, _ = step(ready(), Ordered(1, order(Pulse)), 1.0)  # drives the line of the new claim already
    door, _ = step(door, LinesLost(frozenset({GATE_LINE})), 1.0)
    _, effects = step(door, RelayClaimed(document().relays[0]), 1.0)
    assert (Drive(GATE_LINE, 0),) == effects


def test_exit_button_without_its_relay_says_so() -> None:
    """An exit press whose relay's chip is lost is told, opens nothing, and leaves a warning."""
    door, _ = step(ready(), LinesLost(frozenset({GATE_LINE})), 1.0)
    door, _ = step(door, LineEdge(EXIT_LINE, 0, 2.0), 2.0)
    _, effects = step(door, TimePassed(), 2.1)
    assert told(effects) == ["input.pressed"]
    assert drives(effects) == []
    assert any(isinstance(each, Warn) for each in effects)


def test_stop_rests_everything() -> None:
    """A stop brings every energised relay to rest, and tells it."""
    door, _ = step(ready(), Ordered(1, order(Pulse)), 1.0)
    door, _ = step(door, Ordered(2, order(Energise, "lamp", max_s=90.0)), 1.0)
    door, effects = step(door, Stop(), 2.0)
    assert {Drive(GATE_LINE, 0), Drive(LAMP_LINE, 1)} == set(drives(effects))
    assert told(effects) == ["relay.reset", "relay.reset"]
    assert deadline(door) is None


def test_a_flooded_mailbox_does_not_hold_a_relay() -> None:
    """A relay whose time is over rests with the next event, whatever that is: no tick is needed."""
    door, _ = step(ready(), Ordered(1, order(Pulse)), 1.0)
    _, effects = step(door, LineEdge(Line("sim", 0), 0, 4.5), 4.5)
    assert Drive(GATE_LINE, 0) == effects[0]
    assert told(effects) == ["relay.reset", "input.pressed"]


def lost_and_forgotten(script: list[tuple[float, DoorEvent]], door: Door) -> set[Line]:
    """Returns lines that were lost and are in no document any more: nobody can drive them."""
    lost = {line for _, event in script if isinstance(event, LinesLost) for line in event.lines}
    return (lost & {GATE_LINE, LAMP_LINE}) - {each.line for each in door.relays.values()}


IO = document()
door_events = st.one_of(
    st.builds(
        LineEdge, st.sampled_from([EXIT_LINE, CONTACT_LINE, Line("sim", 0)]), st.sampled_from([0, 1]), st.just(0.0)
    ),
    st.sampled_from(
        [
            Ordered(1, order(Pulse)),
            Ordered(2, order(Pulse, "lamp")),
            Ordered(3, order(Energise, "lamp", max_s=20.0)),
            Ordered(4, reset("gate")),
            Ordered(5, reset("gate", "call-1")),
            Ordered(6, reset("lamp", "call-1")),
            LinesLost(frozenset({GATE_LINE, EXIT_LINE})),
            LinesLost(frozenset({LAMP_LINE})),
            *(RelayClaimed(each) for each in IO.relays),
            *(InputClaimed(each, 1, chip_debounces=False) for each in IO.inputs),
            DocumentTaken(IO, 2),
            DocumentTaken(document({**GATE, "hold_s": 4.0}, LAMP), 3),
            DocumentTaken(document(LAMP | {"id": "gate", "line": 7}), 4),
            DocumentTaken(document(contact={"left_open_s": 1.0}), 5),
            TimePassed(),
            Stop(),
        ]
    ),
)


@given(st.lists(st.tuples(st.floats(0, 5), door_events), max_size=40))
def test_every_line_ends_at_rest(script: list[tuple[float, DoorEvent]]) -> None:
    """Whatever happens in whatever order, each line that is still in our hands is last driven to rest."""
    rest = {GATE_LINE: 0, LAMP_LINE: 1, Line("gpiochip0", 7): 1}
    levels = dict(rest)
    door, now = ready(), 0.0

    def take(event: DoorEvent, at: float) -> None:
        nonlocal door
        door, effects = step(door, event, at)
        for effect in effects:
            if isinstance(effect, Drive):
                levels[effect.line] = effect.level

    for pause, event in script:
        now += pause
        take(LineEdge(event.line, event.level, now) if isinstance(event, LineEdge) else event, now)
    while (due := deadline(door)) is not None:
        now = max(now, due)
        take(TimePassed(), now)
    for each in door.relays.values():  # a lost chip is found again in the end
        take(RelayClaimed(each.document), now)
    assert rest == {**levels, **{line: rest[line] for line in lost_and_forgotten(script, door)}}
