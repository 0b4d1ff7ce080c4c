"""The picture of a door: the rules of `doorbus_web.live.fold`, by example and by property."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.web.world import DOCUMENT

from doorbus.contract import accounts, calls, dnd, doors, lines, pages, schedules, services
from doorbus.contract.base import Event
from doorbus.contract.catalog import EVENTS
from doorbus.contract.document.load import load_document
from doorbus.contract.envelope import Envelope
from doorbus.contract.leases import Lease
from doorbus.contract.status import Status
from doorbus.runtime.seen import Seen
from doorbus_web.live.fold import EVENTS_SHOWN, State, first, step
from doorbus_web.live.inputs import BusIs, DocumentRead, Input, IoRead, PageIs, SchedulesRead, SipRead, StatusRead, Told
from doorbus_web.live.state import DoorLive

T0 = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
EPOCH = 5
DOOR = load_document(DOCUMENT)
IN, OUT = calls.Direction.INCOMING, calls.Direction.OUTGOING
GATE = lines.Cause(kind="unlock", method=lines.UnlockMethod.HTTP, by="web/anna")


def seen(event: Event, number: int = 1, service: str = "sip", at: datetime = T0, epoch: int = EPOCH) -> Seen:
    """Returns an event as the bus brings it."""
    source = f"/door/front/{service}"
    envelope = Envelope(f"{service}-{epoch}-{number}", source, event.type_name(), at, epoch, number)
    return Seen("front", envelope, event.model_dump(mode="json"), event)


def after(*happened: Input, of: State | None = None) -> State:
    """Returns the picture of a door with its document after what happened."""
    state = of or step(first("front"), DocumentRead(DOOR, 3))
    for event in happened:
        state = step(state, event)
    return state


def told(*events: Event, service: str = "sip") -> list[Told]:
    """Returns events of one life of a service, a second apart."""
    return [Told(seen(each, n + 1, service, T0 + timedelta(seconds=n))) for n, each in enumerate(events)]


DIALING = calls.CallDialing(call="c1", account="ip", targets=(calls.Target(leg="l1", uri="sip:101@pbx"),))


def test_the_document_says_what_there_is() -> None:
    """Relays and inputs of the document stand there, unknown until somebody tells."""
    live = after().live
    assert [(each.relay, each.energised) for each in live.relays] == [("gate", None), ("lamp", None)]
    assert [(each.input, each.kind, each.active) for each in live.inputs] == [("button1", "push_button", None)]
    assert live.revision == 3


def test_a_call_from_dialing_to_its_end() -> None:
    """Its stage, far side, legs and limit are shown, and after its end why it ended."""
    story: list[tuple[Event, Any]] = [
        (DIALING, ("dialing", "dialing")),
        (calls.LegRinging(call="c1", leg="l1", code=180), ("dialing", "ringing")),
        (calls.CallRinging(call="c1", direction=OUT), ("ringing", "ringing")),
        (calls.LegAnswered(call="c1", leg="l1"), ("ringing", "answered")),
        (calls.CallAnswered(call="c1", direction=OUT, leg="l1", peer="sip:101@pbx"), ("answered", "answered")),
    ]
    state = after()
    for event, (_, (stage, leg)) in zip(told(*(each for each, _ in story)), story, strict=True):
        state = step(state, event)
        call = state.live.calls[0]
        assert (call.stage, call.legs[0].state, call.far_side) == (stage, leg, "sip:101@pbx")
    more = [calls.CallHeld(call="c1", by="remote"), calls.CallEnding(call="c1", in_s=10)]
    state = after(*(Told(seen(each, 10 + n)) for n, each in enumerate(more)), of=state)
    assert (state.live.calls[0].held, state.live.calls[0].ends_in_s) == (True, 10)
    ended = calls.CallEnded(call="c1", direction=OUT, reason=calls.EndReason.BUSY, code=486, duration_s=2.5)
    state = step(state, Told(seen(ended, 20)))
    assert state.live.calls == ()
    assert state.live.last_call is not None
    assert (state.live.last_call.reason, state.live.last_call.code) == ("busy", 486)


def test_calls_that_are_none() -> None:
    """A refused call and one that tells a server a code are never up."""
    refused = calls.CallIncoming(call="c2", account="ip", decision="refuse", code=486)
    code = DIALING.model_copy(update={"purpose": "code"})
    assert after(*told(refused, code)).live.calls == ()


def test_lines_follow_their_events() -> None:
    """Relays, a button and a contact: on and off, by whom, since when; a lost chip leaves a relay unknown."""
    state = after(*told(lines.RelayEnergised(relay="gate", cause=GATE, for_s=3), service="io"))
    assert (state.live.relays[0].energised, state.live.relays[0].by) == (True, "web/anna")
    assert state.live.relays[0].since == T0
    state = after(Told(seen(lines.RelayReset(relay="gate", why="hold", on_s=3), 2, "io")), of=state)
    assert (state.live.relays[0].energised, state.live.relays[0].by) == (False, "")
    lost = lines.RelayReset(relay="gate", why="chip_lost", on_s=3)
    assert after(Told(seen(lost, 3, "io")), of=state).live.relays[0].energised is None
    kind = lines.InputKind.PUSH_BUTTON
    pressed, released = lines.InputPressed(input="button1", kind=kind), lines.InputReleased(input="button1", kind=kind)
    state = after(*told(pressed, service="io"))
    assert state.live.inputs[0].active is True
    assert after(Told(seen(released, 2, "io")), of=state).live.inputs[0].active is False


def test_dnd_schedules_accounts_and_services() -> None:
    """Each is shown as it was last told."""
    state = after(*told(dnd.DndChanged(enabled=True, by="web"), service="policy"))
    assert state.live.dnd == ("ip",)
    assert after(StatusRead(Status(dnd_accounts=())), of=state).live.dnd == ()
    day = {"kind": "schedule", "id": "day", "at": T0}
    state = after(*told(schedules.ScheduleActivated.model_validate(day), service="scheduler"))
    assert state.live.schedules == ("day",)
    read = schedules.ScheduleState(revision=3, at=T0, schedules={"night": True, "day": False}, templates={"t": True})
    assert after(SchedulesRead(read), of=state).live.schedules == ("night", "t")
    state = after(*told(accounts.AccountFailed(account="pbx", code=403, why="Forbidden")))
    assert [(each.account, each.registered, each.why) for each in state.live.accounts] == [
        ("pbx", False, "403 Forbidden")
    ]
    up = services.ServiceStarted(service="io", version="0.1.0", epoch=1)
    chip = services.ServiceDegraded(service="io", part="chip", why="gone")
    state = after(*told(up, chip, service="io"))
    assert [(each.service, each.state, each.missing) for each in state.live.services] == [("io", "up", ("chip: gone",))]
    back = chip.model_copy(update={"recovered": True})
    state = after(Told(seen(back, 3, "io")), Told(seen(services.ServiceStopped(service="io"), 4, "io")), of=state)
    assert [(each.state, each.missing) for each in state.live.services] == [("stopped", ())]


def started(page: str, listener: str) -> pages.PageStarted:
    """Returns the beginning of a page."""
    source = "192.0.2.7:40000"
    return pages.PageStarted(page=page, listener=listener, place=1, ssrc=7, source=source, outranks_calls=False)


FIRE, MUSIC = started("p1", "fire"), started("p2", "music")
MUSIC_ENDED = pages.PageEnded(page="p2", listener="music", reason="silence")
MUSIC_REPLACED = pages.PageReplaced(page="p2", listener="music", by="p1")
MUSIC_SUPPRESSED = pages.PageSuppressed(listener="music", place=2, ssrc=8, source="192.0.2.7:40002", because="page")


@pytest.mark.parametrize(
    ("story", "shown"),
    [
        ([MUSIC], MUSIC),
        ([MUSIC, MUSIC_ENDED], None),
        ([MUSIC, MUSIC_REPLACED, FIRE], FIRE),
        ([MUSIC, FIRE, MUSIC_REPLACED], FIRE),
        ([FIRE, MUSIC_ENDED, MUSIC_SUPPRESSED], FIRE),
    ],
)
def test_a_page_is_shown_while_it_plays(story: list[Event], shown: pages.PageStarted | None) -> None:
    """The one that started last, until it is over; what another page comes to does not matter."""
    begun = services.ServiceStarted(service="multicast", version="1", epoch=1)
    state = after(*told(begun, *story, service="multicast"))
    assert state.live.page == (None if shown is None else shown.model_dump(mode="json"))
    anew = seen(services.ServiceStarted(service="multicast", version="1", epoch=2), 1, "multicast", epoch=EPOCH + 1)
    assert step(state, Told(anew)).live.page is None


@pytest.mark.parametrize(
    ("subject", "sequence", "shown"),
    [("p1", 2, True), ("p1", 1, True), (None, 1, True), (None, 2, False), (None, 3, False), ("p9", 3, False)],
)
def test_a_lease_heals_what_was_missed_of_a_page(subject: str | None, sequence: int, shown: bool) -> None:
    """It names another page, or none: the one shown is over, unless the lease is older than the page's beginning."""
    begun = services.ServiceStarted(service="multicast", version="1", epoch=1)
    state = after(*told(begun, FIRE, service="multicast"))
    lease = Lease(kind="page", service="multicast", subject_id=subject, epoch=EPOCH, sequence=sequence)
    assert (step(state, PageIs(lease)).live.page is not None) == shown
    assert step(state, PageIs(None)).live.page is None


def test_a_snapshot_heals_what_was_missed() -> None:
    """Calls, accounts, relays and inputs are as their owners say, whatever events were lost."""
    state = after(*told(DIALING), *told(lines.RelayEnergised(relay="gate", cause=GATE, for_s=3), service="io"))
    call = calls.CallSnapshot(call="c9", direction=IN, state=calls.CallState.ANSWERED, account="ip", age_s=9)
    sip = calls.SipSnapshot(source_epoch=EPOCH, sequence=7, calls=(call,))
    io = lines.IoSnapshot(source_epoch=EPOCH, sequence=7, relays=(lines.RelaySnapshot(relay="gate", energised=False),))
    state = after(SipRead(sip, T0), IoRead(io, T0), of=state)
    assert [(each.call, each.since) for each in state.live.calls] == [("c9", T0 - timedelta(seconds=9))]
    assert state.live.relays[0].energised is False


def test_an_old_snapshot_changes_nothing() -> None:
    """A snapshot from before the last event of the same life is passed over; one of the next life counts."""
    state = after(*told(calls.CallsRefused(count=1, over_s=1), DIALING))
    stale = calls.SipSnapshot(source_epoch=EPOCH, sequence=1)
    assert after(SipRead(stale, T0), of=state) == state
    newer = stale.model_copy(update={"source_epoch": EPOCH + 1})
    assert after(SipRead(newer, T0), of=state).live.calls == ()


def test_an_event_that_a_snapshot_counts_is_only_listed() -> None:
    """An event that comes after the snapshot that already counts it does not bring its call back."""
    state = after(SipRead(calls.SipSnapshot(source_epoch=EPOCH, sequence=2), T0), *told(DIALING))
    assert state.live.calls == ()
    assert [each.type for each in state.live.events] == ["doorbus.call.dialing.v1"]


def test_an_old_event_is_only_listed() -> None:
    """What was read from the stream changes no call, but says how services are."""
    started = services.ServiceStarted(service="sip", version="0.1.0", epoch=1)
    state = after(Told(seen(DIALING, 1), old=True), Told(seen(started, 2), old=True))
    assert (state.live.calls, len(state.live.events)) == ((), 2)
    assert [(each.service, each.state) for each in state.live.services] == [("sip", "up")]


def test_events_are_listed_in_words_and_bounded() -> None:
    """The newest first, each with its sentence and tone; the oldest go."""
    denied = doors.UnlockDenied(relay="gate", method=lines.UnlockMethod.HTTP, by="web/anna", why="io_silent")
    state = after(*told(*[denied] * (EVENTS_SHOWN + 10), service="policy"))
    assert len(state.live.events) == EVENTS_SHOWN
    newest = state.live.events[0]
    assert newest.words == "gate stays locked for web/anna: io silent"
    assert (newest.tone, newest.time) == ("bad", T0 + timedelta(seconds=EVENTS_SHOWN + 9))


def test_while_the_bus_is_gone_the_rest_stays() -> None:
    """`bus` says so, and nothing else changes."""
    state = after(*told(DIALING))
    gone = after(BusIs(False), of=state)
    assert gone.live == state.live.model_copy(update={"bus": False})


IDS = st.sampled_from(["c1", "c2"])


def _events() -> st.SearchStrategy[Event]:
    """Events about two calls, two relays and an input."""
    call = IDS.flatmap(
        lambda name: st.sampled_from(
            [
                DIALING.model_copy(update={"call": name}),
                calls.CallIncoming(call=name, account="ip"),
                calls.CallRinging(call=name, direction=OUT),
                calls.CallAnswered(call=name, direction=OUT),
                calls.CallHeld(call=name, by="local"),
                calls.CallEnded(call=name, direction=OUT, reason=calls.EndReason.REMOTE_HANGUP),
            ]
        )
    )
    line = st.sampled_from(
        [
            lines.RelayEnergised(relay="gate", cause=GATE, for_s=3),
            lines.RelayReset(relay="gate", why="hold", on_s=3),
        ]
    )
    return st.one_of(call, line)


@given(st.lists(_events(), max_size=30))
def test_a_repeat_changes_nothing(events: list[Event]) -> None:
    """Each event twice gives the same picture as once."""
    once = told(*events)
    twice = list(itertools.chain.from_iterable((each, each) for each in once))
    assert after(*twice).live == after(*once).live


@given(st.lists(_events(), max_size=30), st.data())
def test_whatever_was_missed_a_snapshot_puts_right(events: list[Event], data: st.DataObject) -> None:
    """With any of the events lost, the owners' snapshots give the calls and relays that all events give."""
    all_told = told(*events)
    kept = [each for each in all_told if data.draw(st.booleans())]
    whole = after(*all_told)
    snapshots = _snapshots(whole.live, len(events))
    missed = after(*kept, *snapshots)
    assert _names(missed.live) == _names(whole.live)


def _snapshots(live: DoorLive, number: int) -> Iterable[Input]:
    up = tuple(
        calls.CallSnapshot(
            call=each.call,
            direction=calls.Direction(each.direction),
            state=calls.CallState(each.stage),
            account="ip",
            age_s=0,
        )
        for each in live.calls
    )
    relays = tuple(lines.RelaySnapshot(relay=each.relay, energised=each.energised) for each in live.relays)
    yield SipRead(calls.SipSnapshot(source_epoch=EPOCH, sequence=number, calls=up), T0)
    yield IoRead(lines.IoSnapshot(source_epoch=EPOCH, sequence=number, relays=relays), T0)


def _names(live: DoorLive) -> object:
    return (
        sorted((each.call, each.stage) for each in live.calls),
        [(each.relay, each.energised) for each in live.relays],
    )


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.type_name())
def test_every_type_can_be_shown(kind: type[Event]) -> None:
    """Every event of the contract, with the least that it can say, stands in the list in words."""
    event = kind.model_validate(_least(kind))
    assert after(Told(seen(event, 1, "io"))).live.events[0].words


def _least(kind: type[Event]) -> dict[str, Any]:
    """Returns values for the required fields of an event."""
    values: dict[str, Any] = {}
    for name, each in kind.model_json_schema().get("properties", {}).items():
        if name in kind.model_json_schema().get("required", ()):
            values[name] = _value(each, kind.model_json_schema().get("$defs", {}))
    return values


def _value(schema: dict[str, Any], defs: dict[str, Any]) -> Any:
    if "$ref" in schema:
        schema = defs[schema["$ref"].rsplit("/", 1)[-1]]
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    match schema.get("type"):
        case "string":
            return T0.isoformat() if schema.get("format") == "date-time" else "x"
        case "integer" | "number":
            return 1
        case "boolean":
            return True
        case "array":
            return []
        case "object":
            return {each: _value(schema["properties"][each], defs) for each in schema.get("required", ())}
        case _:
            raise AssertionError(f"no example for {schema}")
