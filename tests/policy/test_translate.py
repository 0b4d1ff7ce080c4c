"""The edges of the core: no message without an entry, what is kept, and codes that cannot be resolved."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.policy.story import Story, document

from doorbus.contract import calls, lines, pages
from doorbus.contract.base import Wish, new_id
from doorbus.contract.calls import AskDtmf, AskIncomingCall, DtmfMethod
from doorbus.contract.catalog import EVENTS, IO_ORDERS, QUESTIONS, SIP_ORDERS, WISHES
from doorbus.contract.envelope import Envelope
from doorbus.contract.leases import Lease
from doorbus.contract.lines import UnlockMethod
from doorbus.contract.wishes import WishUnlock
from doorbus.runtime.endpoints import Received
from doorbus_policy import codes, keep, translate
from doorbus_policy.core import effects as do
from doorbus_policy.core import events as ev
from doorbus_policy.core.memory import Kept, kept

STAMPS = {"id": "1", "expires_at": "2026-01-01T00:00:00Z", "epoch": 3}
NOT_ORDERED = {calls.TakeSipSnapshot, lines.TakeIoSnapshot}
"""The shell asks for snapshots."""
ENVELOPE = Envelope("id", "/door/front/multicast", "", datetime(2026, 1, 1, tzinfo=UTC), epoch=3, sequence=8)
ORIGIN = do.Origin("light", "press", "button1", "hub")


def test_every_event_has_its_entry_once() -> None:
    """It is heard, or said to be nothing to policy."""
    assert set(EVENTS) == set(translate.HEARD) | translate.NOT_HEARD
    assert not set(translate.HEARD) & translate.NOT_HEARD


@pytest.mark.parametrize("kind", WISHES)
def test_every_wish_has_an_entry(kind: type[Wish]) -> None:
    """And keeps its handle, by which it is answered."""
    fields = {**STAMPS, "to": "101", "input": "button1", "enabled": True}
    message = kind.model_validate(fields)
    assert getattr(translate.wished(Received("front", message, "cli", "gate"), "h"), "handle") == "h"  # noqa: B009


@pytest.mark.parametrize(
    ("client", "says", "method", "by"),
    [
        ("web", {"method": "http", "person": "anna"}, "http", "web/anna"),
        ("web", {"method": "http"}, "http", "web"),
        ("web", {"method": "dtmf", "person": "anna"}, "bus", "web"),
        ("hub", {"method": "http", "person": "anna"}, "bus", "hub"),
        ("hub", {"method": "input"}, "bus", "hub"),
        ("hub", {}, "bus", "hub"),
    ],
)
def test_only_the_web_service_speaks_for_others(client: str, says: dict[str, str], method: str, by: str) -> None:
    """That an unlock came by HTTP, and of whom, counts from the user `web` alone; everybody else is the bus."""
    wish = WishUnlock.model_validate({**STAMPS, **says})
    heard = translate.wished(Received("front", wish, client, "gate"), "h")
    assert heard == ev.UnlockWished("h", by, "gate", UnlockMethod(method))


def test_every_question_has_an_entry() -> None:
    """And keeps its handle."""
    base = {"id": "1", "expires_at": "2026-01-01T00:00:00Z", "call": "c"}
    asked = (
        AskIncomingCall.model_validate({**base, "account": "pbx"}),
        AskDtmf.model_validate({**base, "digit": "1", "method": "rfc4733"}),
    )
    assert set(QUESTIONS) == {type(each) for each in asked}
    assert isinstance(translate.asked(Received("front", asked[0]), "h"), ev.IncomingAsked)
    assert ev.DigitTyped("h", "c", "1", DtmfMethod.RFC4733) == translate.asked(Received("front", asked[1]), "h")


def test_every_order_is_the_contracts() -> None:
    """The core's orders cover the contract's, but for those of other issues."""
    effects: tuple[do.Order, ...] = (
        do.Dial("c", "pbx", (calls.Target(leg="l", uri="sip:1@e"),), calls.Limits(), True),
        do.Answer("c", calls.AutoAnswerMode.AUDIO, calls.Limits()),
        do.Refuse("c", 486, calls.EndReason.BUSY),
        do.HangUp("c", calls.EndReason.PUSH_BUTTON),
        do.Hold("c"),
        do.Resume("c"),
        do.Adopt("c", calls.Limits()),
        do.Pulse(1, "gate", lines.UnlockMethod.DTMF, "101", "c"),
        do.Energise("lamp", "c", 100.0, ORIGIN),
        do.Reset("lamp", "c"),
    )
    ordered = {type(translate.ordered(each, {**STAMPS, "id": new_id()})) for each in effects}
    assert {*SIP_ORDERS, *IO_ORDERS} - NOT_ORDERED == ordered


def test_a_relay_that_an_action_moves_is_no_unlock() -> None:
    """The cause says action, and who pressed; without a method io tells no unlock."""
    for effect in (do.PulseForAction("lamp", "c", ORIGIN), do.Energise("lamp", "c", 100.0, ORIGIN)):
        order = translate.ordered(effect, STAMPS)
        assert isinstance(order, lines.Pulse | lines.Energise)
        assert lines.Cause(kind="action", by="hub", call="c") == order.cause


def test_an_exit_button_is_not_pressed() -> None:
    """Io does its part alone; policy hears nothing."""
    pressed = lines.InputPressed(input="exit1", kind=lines.InputKind.EXIT_BUTTON)
    assert translate.heard(pressed, ENVELOPE, 0.0) is None


def test_what_multicast_says_is_put_in_order() -> None:
    """Events and leases carry the same numbers, so that the newest of them counts."""
    page = {"page": "p", "listener": "fire", "place": 1, "ssrc": 7, "source": "192.0.2.7:4000", "outranks_calls": True}
    started = translate.heard(pages.PageStarted.model_validate(page), ENVELOPE, 0.5)
    assert ev.PageStarted("p", True, ev.Word(3, 8), 0.5) == started
    lease = Lease(kind="page", service="multicast", subject_id="p", outranks_calls=True, epoch=3, sequence=8)
    assert ev.PageLeaseTold("p", True, ev.Word(3, 8)) == translate.leased(lease)
    assert ev.CallLeaseTold("c") == translate.leased(Lease(kind="call", service="sip", subject_id="c"))


def test_only_the_doors_own_hold_is_heard() -> None:
    """The far side may hold as it likes; that is no business of pages."""
    assert ev.HoldTold("c", True) == translate.heard(calls.CallHeld(call="c", by="local"), ENVELOPE, 0.0)
    assert ev.HoldTold("c", False) == translate.heard(calls.CallResumed(call="c", by="local"), ENVELOPE, 0.0)
    assert translate.heard(calls.CallHeld(call="c", by="remote"), ENVELOPE, 0.0) is None


def test_what_is_kept_comes_back_in_another_clock() -> None:
    """Times travel as bus time, so the next life's monotonic clock may begin anywhere."""
    story = Story(document(("101", "102"), {"type": "sequence"}, switches=(("light", "lamp", "call_ended"),)))
    story.press()
    story.wait(5).answered().opened().typed("99").tell(ev.DndWished("h", "cli", True, "pbx", new_call="dnd")).wait(3.1)
    story.tell(ev.HangUpWished("h", "cli"))
    memory = kept(story.state)
    assert memory.call is not None
    assert memory.wrong.times
    back = keep.from_json(keep.to_json(memory, 0.0), 0.0)
    assert memory == back
    elsewhere = keep.from_json(keep.to_json(memory, 500.0), 400.0)
    assert elsewhere is not None
    assert elsewhere.call is not None
    assert elsewhere.call.began_at == pytest.approx(memory.call.began_at + 100)
    assert elsewhere.wrong.times[0] == pytest.approx(memory.wrong.times[0] + 100)
    (hold,) = memory.holds
    assert (hold.ordered_at + 100, hold.ends_at + 100) == pytest.approx(
        (elsewhere.holds[0].ordered_at, elsewhere.holds[0].ends_at)
    )
    assert keep.from_json(b'{"call": 5}', 0.0) is None
    assert Kept() == keep.from_json(keep.to_json(Kept(), 1.0), 2.0)


def test_typed_digits_are_not_kept() -> None:
    """Neither in the clear nor hidden."""
    story = Story()
    story.press()
    story.answered().typed("73")
    memory = kept(story.state)
    assert memory.call is not None
    assert not memory.call.typed
    assert b'"digits":""' in keep.to_json(memory, 0.0)


def test_a_code_that_cannot_be_used_disables_only_itself(tmp_path: Path) -> None:
    """Missing, malformed and doubled codes are named by their place, never by their value."""
    names = ("OK", "MISSING", "WORD", "PREFIX")
    entries = [{"code": {"env": f"DOORBUS_SECRET_{name}"}, "relay": "gate"} for name in names]
    environ = {"DOORBUS_SECRET_OK": "12", "DOORBUS_SECRET_WORD": "open", "DOORBUS_SECRET_PREFIX": "12#4"}
    usable, problems = codes.resolved(document(unlock_codes=entries), tmp_path, environ)
    assert [each.digits.get_secret_value() for each in usable] == ["12"]
    assert [int(each.partition("[")[2][0]) for each in problems] == [1, 2, 3]
    assert not any(secret in problem for problem in problems for secret in ("open", "12#4"))
