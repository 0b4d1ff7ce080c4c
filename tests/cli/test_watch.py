"""`doorbus watch` on real events: a line each in words, or an object each for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from doorbus.contract.buttons import ButtonActivated
from doorbus.contract.calls import CallDialing, CallEnded, CallIncoming, Direction, EndReason, Target
from doorbus.contract.catalog import EVENTS
from doorbus.contract.lines import Cause, InputKind, InputPressed, RelayEnergised, RelayReset
from doorbus.contract.sentences import SENTENCES, sentence
from doorbus.contract.services import ServiceStarted
from doorbus.runtime.bus import Bus
from doorbus_cli.timeline import LINGERS_S, Timeline
from doorbus_cli.watch import parse_since
from doorbus_testkit.polling import eventually
from doorbus_testkit.processes import Process

MakeBus = Callable[[str], Awaitable[Bus]]
T0 = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
PRESS = InputPressed(input="button1", kind=InputKind.PUSH_BUTTON)
DIALING = CallDialing(call="c1", account="pbx", targets=(Target(leg="l1", uri="sip:101@pbx"),))
ENDED = CallEnded(call="c1", direction=Direction.OUTGOING, reason=EndReason.REMOTE_HANGUP, duration_s=4.25)
ACTIVATED = ButtonActivated(input="button1", does="call", call="c1", press="p1")
REST = RelayReset(relay="gate", why="hold", on_s=3)


def after(ms: int) -> datetime:
    """Returns a moment after `T0`."""
    return T0 + timedelta(milliseconds=ms)


class Watch:
    """A `doorbus watch` in a process of its own."""

    def __init__(self, run_dir: Path, folder: Path, *words: str) -> None:
        argv = [sys.executable, "-m", "doorbus_cli.main", "watch", "--run-dir", str(run_dir), *words]
        self.process = Process(argv, log=folder / "watch.log")

    def lines(self) -> list[str]:
        """Returns what it has shown, without blank lines."""
        return [line for line in self.process.log_text().splitlines() if line.strip()]

    async def watching(self) -> None:
        """Waits until it says that it watches."""
        await eventually(lambda: any("watching" in line for line in self.lines()), within_s=20, what="it watches")

    async def shows(self, text: str) -> str:
        """Waits for a line with `text` and returns it."""

        def line() -> str | None:
            return next((line for line in self.lines() if text in line), None)

        try:
            return await eventually(line, within_s=20, what=f"it shows {text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}; running {self.process.running}, it said {self.lines()}") from None


@pytest.fixture
def watch(run_dir: Path, tmp_path: Path) -> Iterator[Callable[..., Watch]]:
    """Starts `doorbus watch`."""
    made: list[Watch] = []

    def make(*words: str) -> Watch:
        made.append(Watch(run_dir, tmp_path, *words))
        return made[-1]

    yield make
    for each in made:
        each.process.stop()


def test_every_event_has_a_sentence() -> None:
    """No event of the catalogue is shown by its type's name."""
    assert set(EVENTS) == set(SENTENCES)


def test_sentences_read_like_sentences() -> None:
    """They say who, what and why, without field names."""
    assert sentence(DIALING) == "the door calls sip:101@pbx on pbx"
    assert sentence(ENDED) == "call over after 4.2 s: the other side hung up"
    incoming = CallIncoming(call="c2", account="ip", caller_uri="sip:x@192.0.2.7", decision="refuse", code=486)
    assert sentence(incoming) == "sip:x@192.0.2.7 calls on ip and is refused (486)"


def test_a_press_and_its_call_are_one_story() -> None:
    """Times count from the press, whichever of policy and sip speaks first; the relay's rest belongs to it too."""
    for second, third in ((ACTIVATED, DIALING), (DIALING, ACTIVATED)):
        timeline = Timeline()
        assert timeline.place(PRESS, T0).begins
        assert [timeline.place(second, after(2)).since_start_ms, timeline.place(third, after(4)).since_start_ms] == [
            2,
            4,
        ]
        assert timeline.place(ENDED, after(5000)).since_start_ms == 5000
        assert timeline.place(REST, after(6000)).since_start_ms == 6000


def test_a_press_in_a_call_belongs_to_it_and_a_later_one_begins_anew() -> None:
    """The press that hangs up does not start the clock again."""
    timeline = Timeline()
    timeline.place(DIALING, T0)
    assert timeline.place(PRESS, after(700)).since_start_ms == 700
    timeline.place(ENDED, after(800))
    later = timeline.place(PRESS, after(1500))
    assert (later.begins, later.since_start_ms) == (True, 0)


def test_what_belongs_to_nothing_stands_alone() -> None:
    """A service that starts has no time since anything, nor has a relay long after the last call."""
    timeline = Timeline()
    timeline.place(DIALING, T0)
    timeline.place(ENDED, after(10))
    assert timeline.place(ServiceStarted(service="io", version="1", epoch=1), after(20)).story is None
    assert timeline.place(REST, after(round(LINGERS_S * 1000) + 11)).story is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("10m", 600), ("2h", 7200), ("1d", 86400), ("10", None), ("1w", None), ("", None)],
)
def test_since_is_read(text: str, expected: int | None) -> None:
    """A number with its unit; anything else is refused."""
    if expected is None:
        with pytest.raises(ValueError, match="90s"):
            parse_since(text)
    else:
        assert parse_since(text).total_seconds() == expected


async def test_events_are_shown_as_they_happen(watch: Callable[..., Watch], make_bus: MakeBus) -> None:
    """A line each, in words, with milliseconds since the press, and no colours where there is no terminal."""
    io, sip = await make_bus("io"), await make_bus("sip")
    shown = watch()
    await shown.watching()
    io.tell("front", PRESS)
    assert "       0 ms  ▼ button1 is pressed" in await shown.shows("pressed")
    sip.tell("front", DIALING)
    assert " ms  → the door calls sip:101@pbx on pbx" in await shown.shows("calls")
    energised = RelayEnergised(relay="gate", cause=Cause(kind="unlock", call="c1"), for_s=3)
    io.tell("front", energised)
    assert " ms  + relay gate is on for 3 s (unlock)" in await shown.shows("relay gate")
    assert "\x1b" not in shown.process.log_text()


async def test_programs_get_objects(watch: Callable[..., Watch], make_bus: MakeBus) -> None:
    """Envelope and data, one object a line."""
    sip = await make_bus("sip")
    shown = watch("--json")
    await shown.watching()
    sip.tell("front", DIALING)
    told = json.loads(await shown.shows('"c1"'))
    assert (told["door"], told["envelope"]["type"]) == ("front", "doorbus.call.dialing.v1")
    assert (told["since_start_ms"], told["data"]["targets"][0]["uri"]) == (0, "sip:101@pbx")


async def test_kept_events_come_first_and_once(watch: Callable[..., Watch], make_bus: MakeBus) -> None:
    """--since shows what the stream holds, then goes on live."""
    sip = await make_bus("sip")
    sip.tell("front", DIALING)
    await eventually(lambda: sip._outbox.empty, what="the event is kept")
    shown = watch("--since", "1h", "--json")
    await shown.shows('"doorbus.call.dialing.v1"')
    sip.tell("front", ENDED)
    await shown.shows('"doorbus.call.ended.v1"')
    types = [json.loads(line)["envelope"]["type"] for line in shown.lines() if line.startswith("{")]
    assert types == ["doorbus.service.started.v1", "doorbus.call.dialing.v1", "doorbus.call.ended.v1"]


async def test_a_caller_cannot_draw_on_the_terminal(watch: Callable[..., Watch], make_bus: MakeBus) -> None:
    """Control characters in a caller's name are not sent to the terminal."""
    sip = await make_bus("sip")
    shown = watch()
    await shown.watching()
    sip.tell("front", CallIncoming(call="c1", account="ip", caller_uri="sip:\x1b[2J[red]x@192.0.2.7"))
    assert "sip:?[2J[red]x@192.0.2.7 calls on ip" in await shown.shows("calls on ip")
