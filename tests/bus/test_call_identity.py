"""One id from the press to the last event: in every event, every log line and every exemplar that concerns a call."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from tests.features.doors import BUTTON, CODE, ENV, GATE, document, press

from doorbus.contract import catalog
from doorbus.contract.buttons import ButtonActivated
from doorbus.contract.calls import CallEnded, Direction, EndReason
from doorbus.contract.identity import call_of
from doorbus.contract.lines import Cause, RelayEnergised, RelayReset, UnlockMethod
from doorbus.contract.services import ServiceStarted
from doorbus.runtime import logs
from doorbus.runtime.health import Health
from doorbus.runtime.metrics import exemplar
from doorbus_policy.core import effects as do
from doorbus_policy.core import events as ev
from doorbus_testkit.behaviour import Answer
from doorbus_testkit.polling import eventually
from doorbus_testkit.stack import Options, Stack
from doorbus_testkit.wire import WirePhone

CALL = "0e9c1b7a-4a1e-4f3e-9a55-3f2d7c1b8e10"
OTHER = "7d1f0a42-5b7c-4f0e-8a11-9c2e4d6f8a01"
ENDED = CallEnded(call=CALL, direction=Direction.OUTGOING, reason=EndReason.REMOTE_HANGUP)
CAUSE = Cause(kind="unlock", method=UnlockMethod.DTMF, by="101", call=CALL)
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
SERVICES = ("sip", "io", "policy")

CONCERN_A_CALL = frozenset(
    {
        "answered",
        "ordered",
        "an order was not accepted",
        "policy did not decide",
        "the caller gave up before the decision",
        "policy refused a digit",
        "too many digits at once",
        "a digit was not taken",
        "the server ended its call itself",
    }
)
"""Log messages that are always about a call; `told` is, where the event names one."""

NEVER_ABOUT_ONE = frozenset({"worker started", "listening", "health", "door is served", "a chip is complete"})
"""Log messages of what outlives calls: a call that it was begun for must not stick to it."""

_SOURCES = ("services", "libs/doorbus")


def test_every_message_that_names_a_call_is_known_by_it() -> None:
    """Of each event, order, wish and question with a call, or with a cause that has one, the id is found."""
    kinds = [*catalog.EVENTS, *catalog.SIP_ORDERS, *catalog.IO_ORDERS, *catalog.WISHES, *catalog.QUESTIONS]
    named = [kind for kind in kinds if {"call", "cause"} & kind.model_fields.keys()]
    assert len(named) > 20
    for kind in named:
        fields = {"call": CALL} if "call" in kind.model_fields else {"cause": CAUSE}
        assert call_of(kind.model_construct(**fields)) == CALL, kind.__name__
    assert call_of(ServiceStarted(service="io", version="1", epoch=1)) is None


def test_effects_and_events_of_a_core_are_known_by_what_they_carry() -> None:
    """An effect that tells a fact, and the end of an order, are about the call of the fact and of the order."""
    pulse = do.Pulse(1, "gate", UnlockMethod.DTMF, "101", CALL)
    assert call_of(pulse) == CALL
    assert call_of(do.Tell(ENDED)) == CALL
    assert call_of(ev.CommandFinished(pulse, ok=True, code=None)) == CALL
    assert call_of(do.TakeSnapshot()) is None
    assert call_of(RelayReset(relay="gate", why="hold", on_s=1, cause=CAUSE)) == CALL
    assert call_of(RelayEnergised(relay="gate", cause=Cause(kind="unlock"), for_s=1)) is None
    assert call_of(ButtonActivated(input="button1", does="nothing", press="p1")) is None


async def test_lines_name_the_call_that_is_taken_up_and_only_while_it_is() -> None:
    """Inside, each line has the id, also a task's that begins there; not outside, not in what is detached."""
    names: list[str | None] = []

    def note() -> None:
        names.append(structlog.contextvars.get_contextvars().get("call"))

    async def work() -> None:
        note()

    note()
    with logs.about(None, ENDED):
        note()
        task = asyncio.create_task(work())
        lasting = asyncio.create_task(work(), context=logs.detached())
        with logs.about(do.TakeSnapshot()):
            note()
        with logs.about(ENDED.model_copy(update={"call": OTHER})):
            note()
        note()
    await asyncio.gather(task, lasting)
    note()
    assert names == [None, CALL, None, OTHER, CALL, CALL, None, None]


@pytest.mark.parametrize("call", ["x" * 65, 'a"b', "a\nb", "", "é", None])
def test_an_id_that_is_none_is_no_exemplar(call: str | None) -> None:
    """What would not fit into an exemplar, or break its line, is left out; the counter counts all the same."""
    registry = CollectorRegistry()
    counter = Counter("calls", "Calls", registry=registry)
    counter.inc(1, exemplar(call))
    counter.inc(1, exemplar("x" * 64))
    assert exemplar(call) is None
    assert 'call="' + "x" * 64 in generate_latest(registry).decode()  # type: ignore[no-untyped-call]
    assert registry.get_sample_value("calls_total") == 2


def test_open_metrics_are_served_to_who_asks_for_them() -> None:
    """By the Accept header: exemplars need OpenMetrics; who does not ask gets the plain format."""
    health = Health()
    url = f"http://127.0.0.1:{health.serve('127.0.0.1', 0)}/metrics"
    try:
        for accept, kind, end in ((OPEN_METRICS, "application/openmetrics-text", True), ("*/*", "text/plain", False)):
            with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept}), timeout=5) as answer:
                assert answer.headers["Content-Type"].startswith(kind)
                assert answer.read().rstrip().endswith(b"# EOF") is end
    finally:
        health.close()


def test_the_messages_about_calls_are_those_of_the_code() -> None:
    """The list above names messages that some service or the runtime logs."""
    root = Path(__file__).parents[2]
    code = "".join(path.read_text() for source in _SOURCES for path in (root / source).rglob("*.py"))
    assert {message for message in CONCERN_A_CALL | NEVER_ABOUT_ONE if f'"{message}"' not in code} == set()


async def test_one_id_from_the_press_to_the_last_event() -> None:
    """Press, answer, unlock by code, hang up; then a call comes: each has one id everywhere, and no digit shows."""
    codes = [{"code": {"env": "DOORBUS_SECRET_GATE"}, "relay": "gate"}]
    calls = {"unlock_codes": codes, "hang_up_after_unlock": {"methods": []}}
    async with (
        WirePhone(Answer(after_s=0.1), rtp=True) as phone,
        Stack(document([phone.uri], calls=calls), Options(env=ENV)) as door,
    ):
        await press(door)
        dialed = (await door.event("call.dialing")).data["call"]
        await door.event("call.answered")
        talk = await phone.wait_call()
        talk.send_audio()
        talk.rtp.send_digits(CODE)
        await door.event("door.unlocked")
        await door.event("relay.reset")
        talk.bye()
        await door.event("call.ended", call=dialed)
        came = await phone.invite(door.uri)
        await came.wait("ringing")
        taken = (await door.event("call.incoming")).data["call"]
        came.cancel()
        await door.event("call.ended", call=taken)

        _assert_story(door, dialed)
        await eventually(lambda: _named(door, taken) == {"sip", "policy"}, what="sip and policy log the call that came")
        assert _named(door, dialed) == set(SERVICES)
        _assert_lines(door, {dialed, taken})
        await _assert_exemplars(door, {dialed, taken})
        await _assert_told_again(door, dialed)
        assert await door.chip.level(GATE) == 0
        assert await door.chip.level(BUTTON) == 1


def _assert_story(door: Stack, call: str) -> None:
    """Each event of the story names the call, the relay's too; the press is named by the event that it became."""
    story = [
        *("button.activated", "call.dialing", "leg.ringing", "leg.answered", "call.ringing", "call.answered"),
        *("call.dtmf_received", "door.unlocked", "call.ended"),
    ]
    for what in story:
        assert {told.data["call"] for told in door.told(what)[:1]} == {call}, what
    for what in ("relay.energised", "relay.reset"):
        assert [told.data["cause"]["call"] for told in door.told(what)] == [call], what
    (pressed,) = door.told("input.pressed")
    assert door.told("button.activated")[0].data["press"] == pressed.headers["ce-id"]


async def _assert_told_again(door: Stack, call: str) -> None:
    """`doorbus watch --call` tells the story from the stream: press first, each event that names the call, in order."""
    code, output = await door.cli("watch", "--call", call[:8], "--json")
    assert code == 0, output
    story = [json.loads(line) for line in output.splitlines()]
    ids = [each["envelope"]["id"] for each in story]
    (pressed,) = door.told("input.pressed")
    named = [told for told in door.events if call in (told.data.get("call"), told.data.get("cause", {}).get("call"))]
    assert ids[0] == pressed.headers["ce-id"]
    assert sorted(ids[1:]) == sorted(told.headers["ce-id"] for told in named)
    assert story[0]["since_start_ms"] == 0
    assert [each["data"]["count"] for each in story if "dtmf" in each["envelope"]["type"]] == [1] * len(CODE)
    what = [".".join(each["envelope"]["type"].split(".")[1:3]) for each in story]
    order = ["input.pressed", "button.activated", "call.dialing", "call.answered", "door.unlocked", "call.ended"]
    assert [each for each in what if each in order] == order


def _lines(door: Stack, service: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in door.log_of(service).splitlines() if line.startswith("{")]


def _named(door: Stack, call: str) -> set[str]:
    return {service for service in SERVICES if any(line.get("call") == call for line in _lines(door, service))}


def _assert_lines(door: Stack, calls: set[str]) -> None:
    seen: set[str] = set()
    for service in SERVICES:
        for line in _lines(door, service):
            told = line["event"] == "told" and line["type"].split(".")[1] in ("call", "leg", "button")
            if told or line["event"] in CONCERN_A_CALL:
                assert line.get("call") in calls, line
                seen.add(line["event"])
            if line["event"] in NEVER_ABOUT_ONE:
                assert "call" not in line, line
            elsewhere = json.dumps({key: value for key, value in line.items() if key != "call"})
            assert not any(call in elsewhere for call in calls), line
        text = door.log_of(service)
        assert CODE not in text
        assert '"digit"' not in text
    assert seen >= {"told", "ordered", "answered"}
    activated = next(line for line in _lines(door, "policy") if line.get("type") == "doorbus.button.activated.v1")
    pressed = next(line for line in _lines(door, "io") if line.get("type") == "doorbus.input.pressed.v1")
    assert activated["press"] == pressed["id"]


async def _assert_exemplars(door: Stack, calls: set[str]) -> None:
    wanted = {
        "sip": {"doorbus_sip_calls_ended_total", "doorbus_sip_call_seconds_bucket"},
        "io": {"doorbus_io_unlocks_total", "doorbus_commands_total", "doorbus_command_seconds_bucket"},
        "policy": {"doorbus_events_told_total", "doorbus_step_seconds_bucket", "doorbus_command_seconds_bucket"},
    }
    wanted["sip"] |= {"doorbus_sip_decision_seconds_bucket", "doorbus_command_seconds_bucket"}
    for service, names in wanted.items():
        (port,) = {
            line["health_port"] for line in door.progress() if line["event"] == "started" and line["service"] == service
        }
        request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": OPEN_METRICS})

        def read(request: urllib.request.Request = request) -> str:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return str(answer.read().decode())

        text = await asyncio.to_thread(read)
        families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        samples = [sample for family in families for sample in family.samples]
        carrying = {sample.name: sample.exemplar.labels for sample in samples if sample.exemplar is not None}
        assert names <= carrying.keys(), (service, names - carrying.keys())
        assert {labels["call"] for labels in carrying.values()} <= calls
        assert {tuple(labels) for labels in carrying.values()} == {("call",)}
        assert not any("call" in sample.labels for sample in samples), "a call is no label"
