"""`doorbus watch --call` and `--last`: one call's story from the stream, and live until it is over."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_watch import Watch, watch

from doorbus.contract.base import Event
from doorbus.contract.buttons import ButtonActivated
from doorbus.contract.calls import (
    CallAnswered,
    CallDialing,
    CallDtmfReceived,
    CallEnded,
    CallIncoming,
    Direction,
    DtmfMethod,
    EndReason,
    LegAnswered,
    LegRinging,
    Target,
)
from doorbus.contract.envelope import Envelope
from doorbus.contract.lines import (
    Cause,
    DoorUnlocked,
    InputKind,
    InputPressed,
    RelayEnergised,
    RelayReset,
    UnlockMethod,
)
from doorbus.runtime.bus import Bus
from doorbus.runtime.seen import Seen
from doorbus_cli.exits import Exit
from doorbus_cli.story import Calls, last_call
from doorbus_testkit.polling import eventually

__all__ = ["watch"]  # the fixture

Doorbus = Callable[..., Awaitable[Any]]
MakeBus = Callable[[str], Awaitable[Bus]]

CALL = "0e9c1b7a-4a1e-4f3e-9a55-3f2d7c1b8e10"
TWIN = "0e9c1b7a-ffff-4f3e-9a55-3f2d7c1b8e11"
OTHER = "7d1f0a42-5b7c-4f0e-8a11-9c2e4d6f8a01"
T0 = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
PRESS = InputPressed(input="button1", kind=InputKind.PUSH_BUTTON)
CAUSE = Cause(kind="unlock", method=UnlockMethod.DTMF, by="101", call=CALL)


def dialing(call: str) -> CallDialing:
    """Returns the start of a call to one phone."""
    return CallDialing(call=call, account="pbx", targets=(Target(leg="l1", uri="sip:101@pbx"),))


def ended(call: str) -> CallEnded:
    """Returns the end of a call."""
    return CallEnded(call=call, direction=Direction.OUTGOING, reason=EndReason.REMOTE_HANGUP, duration_s=4.25)


def seen(event: Event, ms: int, event_id: str) -> Seen:
    """Returns an event of policy, sip or io as a reader sees it."""
    envelope = Envelope(event_id, "/door/front/sip", event.type_name(), T0 + timedelta(milliseconds=ms), 1, 1)
    return Seen("front", envelope, event.model_dump(mode="json"), event)


async def tell_story(make_bus: MakeBus) -> dict[str, Bus]:
    """Tells a call from the press to the unlock, among other calls, but not its end; all of it is kept."""
    buses = {name: await make_bus(name) for name in ("io", "sip", "policy")}
    io, sip, policy = buses["io"], buses["sip"], buses["policy"]
    pressed: list[str] = []
    number = io._outbox.put

    def note(item: Any) -> None:
        if item.subject.endswith("input.pressed"):
            pressed.append(item.envelope.id)
        number(item)

    io._outbox.put = note  # type: ignore[method-assign]
    await tell(io, PRESS)
    await tell(policy, ButtonActivated(input="button1", does="call", call=CALL, press=pressed[0]))
    await tell(sip, dialing(OTHER), dialing(CALL), LegRinging(call=CALL, leg="l1", code=180), ended(OTHER))
    await tell(io, PRESS)
    await tell(
        sip,
        LegAnswered(call=CALL, leg="l1"),
        CallAnswered(call=CALL, direction=Direction.OUTGOING, leg="l1", peer="sip:101@pbx"),
        CallDtmfReceived(call=CALL, method=DtmfMethod.RFC4733, count=1),
    )
    await tell(
        io,
        RelayEnergised(relay="gate", cause=CAUSE, for_s=3),
        DoorUnlocked(relay="gate", method=UnlockMethod.DTMF, by="101", call=CALL),
        RelayEnergised(relay="lamp", cause=Cause(kind="unlock"), for_s=3),
    )
    return buses


async def tell(bus: Bus, *events: Event) -> None:
    """Tells events and waits until the stream has them: what another service tells next, comes after them."""
    for event in events:
        bus.tell("front", event)
    await eventually(lambda: bus._outbox.empty, what="the events are kept")


TOLD = [
    *("input.pressed", "button.activated", "call.dialing", "leg.ringing", "leg.answered", "call.answered"),
    *("call.dtmf_received", "relay.energised", "door.unlocked"),
]


def types(output: str) -> list[str]:
    """Returns `<domain>.<what>` of the objects shown."""
    shown = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [".".join(each["envelope"]["type"].split(".")[1:3]) for each in shown]


def test_a_press_belongs_to_the_call_that_names_it() -> None:
    """Of several presses the one that became the call; others, and other calls, do not; repeats show nothing."""
    calls = Calls(CALL)
    assert calls.take(seen(PRESS, 0, "p1")) == []
    assert calls.take(seen(PRESS, 40, "p2")) == []
    activated = seen(ButtonActivated(input="button1", does="call", call=CALL, press="p2"), 42, "a")
    assert [each.envelope.id for each in calls.take(activated)] == ["p2", "a"]
    assert calls.take(activated) == []
    assert calls.take(seen(dialing(OTHER), 43, "d0")) == []
    rings = seen(LegRinging(call=CALL, leg="l1", code=180), 540, "r")
    calls.take(rings)
    calls.take(seen(dialing(CALL), 44, "d"))
    (story,) = calls.found()
    assert [each.envelope.id for each in story.in_order()] == ["p2", "a", "d", "r"]
    assert story.since_start_ms(rings) == 500
    assert getattr(story.in_words(rings).event, "leg", None) == "sip:101@pbx"
    assert not story.ended
    story.add(seen(ended(CALL), 39, "e"))  # told late
    assert [each.envelope.id for each in story.in_order()][-1] == "r"
    assert story.ended


def test_cause_stands_before_effect_though_clocks_differ_a_little() -> None:
    """Within what clocks may differ the stream's order holds, and no time is negative."""
    calls = Calls(CALL)
    for ms, event_id in ((5, "a"), (3, "b"), (4, "c")):
        calls.take(seen(dialing(CALL), ms, event_id))
    (story,) = calls.found()
    shown = [(each.envelope.id, story.since_start_ms(each)) for each in story.in_order()]
    assert shown == [("a", 0), ("b", 0), ("c", 0)]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(CALL[:8], {CALL, TWIN}), (CALL[:10], {CALL}), (CALL[:7], set()), (CALL, {CALL}), ("c1", {"c1"})],
)
def test_the_beginning_of_an_id_will_do(wanted: str, expected: set[str]) -> None:
    """8 characters and more find all calls that begin so; a short id is found when it is the whole of it."""
    calls = Calls(wanted)
    for number, call in enumerate((CALL, TWIN, OTHER, "c1", "c10")):
        calls.take(seen(dialing(call), number, f"e{number}"))
    assert {story.call for story in calls.found()} == expected


def test_the_last_call_is_the_one_that_began_last() -> None:
    """Whichever direction it had."""
    came = seen(CallIncoming(call=OTHER, account="ip"), 10, "i")
    assert last_call([came, seen(dialing(CALL), 5, "d")]) == OTHER
    assert last_call([]) is None


async def test_a_call_that_is_over_is_told_from_the_stream(make_bus: MakeBus, doorbus: Doorbus, run_dir: Path) -> None:
    """All of it, in order and from the press on, by a part of its id; the command ends by itself, with 0."""
    buses = await tell_story(make_bus)
    await tell(buses["sip"], ended(CALL))
    await tell(buses["io"], RelayReset(relay="gate", why="hold", on_s=3, cause=CAUSE))
    for which in (("--call", CALL[:8]), ("--call", CALL)):
        result = await doorbus("watch", "--run-dir", run_dir, "--json", *which)
        assert result.exit_code == 0, result.output
        assert types(result.stdout) == [*TOLD, "call.ended", "relay.reset"]
        first, *_, last = [json.loads(line) for line in result.stdout.splitlines()]
        assert (first["since_start_ms"], last["since_start_ms"] >= 0) == (0, True)
    said = (await doorbus("watch", "--run-dir", run_dir, "--call", CALL[:8])).stdout
    assert said.startswith(f"call {CALL} at door front, ")
    assert "leg sip:101@pbx rings (180)" in said
    assert "1 digit came (rfc4733)" in said
    assert "call over after 4.2 s: the other side hung up" in said


async def test_a_call_that_is_up_is_followed_to_its_end(
    make_bus: MakeBus, watch: Callable[..., Watch], run_dir: Path
) -> None:
    """What was kept first, then what comes, of this call only; at `call.ended` the command ends, with 0."""
    buses = await tell_story(make_bus)
    shown = watch("--json", "--call", CALL[:8])
    await shown.shows("door.unlocked")
    await tell(buses["sip"], dialing(OTHER))
    await tell(buses["io"], RelayReset(relay="gate", why="hold", on_s=3, cause=CAUSE))
    await shown.shows("relay.reset")
    assert shown.process.running
    await tell(buses["sip"], ended(CALL))
    assert await shown.process.wait_exit(within_s=20) == 0
    assert types(shown.process.log_text()) == [*TOLD, "relay.reset", "call.ended"]


async def test_the_last_call_needs_no_id(make_bus: MakeBus, doorbus: Doorbus, run_dir: Path) -> None:
    """`--last` is the call that began last, an incoming one too; where there was none, it says so."""
    result = await doorbus("watch", "--run-dir", run_dir, "--last")
    assert (result.exit_code, result.stderr.strip()) == (Exit.NOT_FOUND, "no call of door front is kept")
    sip = await make_bus("sip")
    await tell(sip, dialing(CALL), ended(CALL), CallIncoming(call=OTHER, account="ip"), ended(OTHER))
    result = await doorbus("watch", "--run-dir", run_dir, "--last", "--json")
    assert (result.exit_code, types(result.stdout)) == (0, ["call.incoming", "call.ended"])


async def test_an_unknown_call_is_said_to_be_unknown(make_bus: MakeBus, doorbus: Doorbus, run_dir: Path) -> None:
    """So is one whose id begins like that of several; each has its exit code, and its code for programs."""
    sip = await make_bus("sip")
    await tell(sip, dialing(CALL), dialing(TWIN))
    unknown = await doorbus("watch", "--run-dir", run_dir, "--call", OTHER)
    assert (unknown.exit_code, unknown.stderr.strip()) == (Exit.NOT_FOUND, f"no call {OTHER} is kept")
    short = await doorbus("watch", "--run-dir", run_dir, "--call", CALL[:6], "--json")
    assert (short.exit_code, json.loads(short.stdout)["code"]) == (Exit.NOT_FOUND, "unknown_call")
    assert "8 characters" in json.loads(short.stdout)["message"]
    several = await doorbus("watch", "--run-dir", run_dir, "--call", CALL[:8], "--json")
    told = json.loads(several.stdout)
    assert (several.exit_code, told["code"], told["calls"]) == (Exit.INVALID, "ambiguous_call", [CALL, TWIN])
    both = await doorbus("watch", "--run-dir", run_dir, "--call", CALL, "--last")
    assert both.exit_code == Exit.INVALID
