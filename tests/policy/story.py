"""Tells stories to the core: what happens, second by second, and what it wants done.

A story reads like the manual: `story.press(); story.answered(); story.typed("12#")`. What the core wants done collects
in `story.done`; `story.take(kind)` returns and forgets what it did of one kind since the last look.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import SecretStr

from doorbus.contract.calls import CallSnapshot
from doorbus.contract.document import Door as Document
from doorbus.contract.lines import UnlockMethod
from doorbus_policy.core import door
from doorbus_policy.core import events as ev
from doorbus_policy.core.effects import AnswerQuestion, AnswerWish, Dial, Effect, Order, Tell
from doorbus_policy.core.events import Code
from doorbus_policy.core.memory import Kept, kept, restored
from doorbus_policy.core.state import Call, DoorState

T = TypeVar("T")
GATE = "1234"
ACCOUNTS = [{"id": "pbx", "aor": "sip:door@pbx.example.com"}, {"id": "trunk", "aor": "sip:door@trunk.example.com"}]
RELAYS = [{"id": "gate", "chip": "sim", "line": 8}, {"id": "lamp", "chip": "sim", "line": 9}]
INPUTS = [
    {"id": "button1", "kind": "push_button", "chip": "sim", "line": 0},
    {"id": "button2", "kind": "push_button", "chip": "sim", "line": 1},
    {"id": "exit1", "kind": "exit_button", "chip": "sim", "line": 2, "relay": "gate"},
]


def document(
    numbers: tuple[str, ...] = ("101",),
    button: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
    switches: tuple[tuple[str, str, str], ...] = (),
    **calls: Any,
) -> Document:
    """Returns a door's document: button1 calls `numbers` on `pbx` and runs an action; button2 does nothing.

    Args:
        numbers: of button1.
        button: other fields of its call.
        more: other sections of the document.
        switches: button1's relay actions: id, relay and reset.
        calls: the section `calls`.
    """
    call = {"account": "pbx", "numbers": list(numbers), **(button or {})}
    notify = {"id": "notify", "type": "http", "method": "GET", "url": "http://hub.example.com/ring"}
    actions = [notify, *({"id": id_, "type": "relay", "relay": to, "reset": reset} for id_, to, reset in switches)]
    return Document.model_validate_json(
        _json(
            {
                "door": "front",
                "sip": {"accounts": ACCOUNTS},
                "calls": calls,
                "io": {"inputs": INPUTS, "relays": RELAYS},
                "buttons": [{"input": "button1", "call": call, "actions": [each["id"] for each in actions]}],
                "actions": actions,
                **(more or {}),
            }
        )
    )


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data)


def code(digits: str = GATE, relay: str = "gate", callers: tuple[str, ...] = ("*",)) -> Code:
    """Returns a resolved unlock code."""
    return Code(SecretStr(digits), relay, callers)


class Story:
    """One door's core, with a clock that only the story moves."""

    def __init__(
        self, doc: Document | None = None, codes: tuple[Code, ...] = (code(),), memory: Kept | None = None
    ) -> None:
        self.now = 1000.0
        self.state: DoorState = restored("front", memory or Kept())
        self.done: list[Effect] = []
        self._ids = 0
        self.told_by_multicast = 0
        self.tell(ev.DocumentTaken(doc or document(), 1, codes, new_call="dnd", fingerprint="doc"))

    # --- what happens --------------------------------------------------------------------------------------------

    def tell(self, event: ev.Event) -> Story:
        """Lets the core hear an event now."""
        self.state, effects = door.step(self.state, event, self.now)
        self.done += effects
        return self

    def wait(self, seconds: float) -> Story:
        """Lets time pass; the core gets its ticks at its deadlines."""
        end = self.now + seconds
        for _ in range(100):
            due = door.deadline(self.state)
            if due is None or due > end:
                break
            self.now = max(self.now, due)
            self.tell(ev.Tick())
        else:
            raise AssertionError("the deadline does not move on")
        self.now = end
        return self

    def fresh(self, kind: str) -> str:
        """Returns a fresh id."""
        self._ids += 1
        return f"{kind}{self._ids}"

    def press(self, input_id: str = "button1", press: str | None = None, client: str | None = None) -> str:
        """A finger, or a client, presses a button; returns the id of the call that it would make."""
        call = self.fresh("call")
        handle = None if client is None else self.fresh("h")
        self.tell(ev.Pressed(press or self.fresh("press"), input_id, call, handle, client))
        return call

    def answered(self, leg: str | None = None) -> Story:
        """The first phone, or `leg`, picks up the door's call; or the door's own answer stands."""
        return self.tell(ev.CallAnswered(self.call.id, leg or f"{self.call.id}-0"))

    def scheduled(self, active: bool, *, valid_for_s: float | None = 3600.0, **templates: bool) -> Story:
        """The scheduler says whether the schedule `night` is active, and which templates are."""
        told = (("night", active),)
        about = self.state.fingerprint
        return self.tell(ev.ScheduleTold(about, told, tuple(templates.items()), valid_for_s, self.fresh("dnd")))

    def toggled(self, enabled: bool, account: str | None = None) -> Story:
        """A client turns DND on or off."""
        return self.tell(ev.DndWished("h", "cli", enabled, account, new_call=self.fresh("dnd")))

    def ended(self) -> Story:
        """Sip tells the end of the door's call."""
        return self.tell(ev.CallEnded(self.call.id))

    def asked(self, call: str = "in1", account: str = "pbx", caller: str = "101", **more: Any) -> AnswerQuestion:
        """Sip asks about an incoming call; returns the answer."""
        address = more.pop("address", "192.0.2.7")
        self.tell(ev.IncomingAsked("q", call, account, caller, address, **more))
        return self.take(AnswerQuestion)[-1]

    def typed(self, digits: str, method: str = "rfc4733") -> Story:
        """The far side types, a digit each tenth of a second."""
        for digit in digits:
            self.tell(ev.DigitTyped("q", self.call.id, digit, method)).wait(0.1)
        return self

    def opened(self, method: UnlockMethod = UnlockMethod.DTMF, call: str | None = None, age_s: float = 0.0) -> Story:
        """Io tells that it energised the gate."""
        return self.tell(ev.DoorUnlocked("gate", method, call, age_s))

    def page(self, page: str = "page1", outranks: bool = True, age_s: float = 0.0) -> Story:
        """Multicast tells that a page plays."""
        return self.tell(ev.PageStarted(page, outranks, self.word(), age_s))

    def page_over(self, page: str = "page1") -> Story:
        """Multicast tells that it is over."""
        return self.tell(ev.PageOver(page, self.word()))

    def page_lease(self, page: str | None, outranks: bool = True) -> Story:
        """Multicast tells its lease; it numbers no event."""
        return self.tell(ev.PageLeaseTold(page, outranks and page is not None, ev.Word(1, self.told_by_multicast)))

    def word(self) -> ev.Word:
        """Returns the number of multicast's next event."""
        self.told_by_multicast += 1
        return ev.Word(1, self.told_by_multicast)

    def finished(self, order: Order, ok: bool = True, code: str | None = None) -> Story:
        """An order was answered."""
        return self.tell(ev.CommandFinished(order, ok, code))

    def snapshot(self, *calls: CallSnapshot, asked_at: float | None = None) -> Story:
        """Sip says what calls there are."""
        return self.tell(ev.SnapshotTaken(calls, self.now if asked_at is None else asked_at))

    def restart(self, codes: tuple[Code, ...] = (code(),), away_s: float = 0.5) -> Story:
        """Policy dies and comes back with what it kept."""
        document_, memory = self.state.document, kept(self.state)
        again = Story(document_, codes, memory)
        again.state = restored("front", memory)
        again.now, again._ids = self.now + away_s, self._ids
        again.told_by_multicast = self.told_by_multicast
        assert document_ is not None
        again.tell(ev.DocumentTaken(document_, 1, codes, new_call="dnd", fingerprint="doc")).tell(ev.EventsMissed())
        return again

    # --- what came of it -----------------------------------------------------------------------------------------

    @property
    def call(self) -> Call:
        """The door's call."""
        assert self.state.call is not None, "the door has no call"
        return self.state.call

    @property
    def idle(self) -> bool:
        """Whether the door has no call."""
        return self.state.call is None

    def take(self, kind: type[T]) -> list[T]:
        """Returns what was done of one kind since the last look, and forgets everything."""
        found: list[T] = [each for each in self.done if isinstance(each, kind)]
        self.done = []
        return found

    def told(self, kind: type[T]) -> list[T]:
        """Returns the facts of one kind that were told since the last look; forgets nothing."""
        return [each.event for each in self.done if isinstance(each, Tell) and isinstance(each.event, kind)]

    def orders(self) -> list[Order]:
        """Returns the orders since the last look, and forgets everything."""
        return [each for each in self.take(object) if isinstance(each, Order)]

    def reply(self) -> AnswerWish:
        """Returns the last answer to a wish; forgets nothing."""
        return [each for each in self.done if isinstance(each, AnswerWish)][-1]

    def rings(self) -> list[str]:
        """Returns the URIs of the last ring set that was dialed; forgets nothing."""
        dials = [each for each in self.done if isinstance(each, Dial)]
        return [target.uri for target in dials[-1].targets] if dials else []
