"""What holds whatever happens, in whatever order, however often: searched for by Hypothesis.

The machine plays everybody else: sip (its calls are the truth; what it tells is delivered late, repeated and out of
order; orders are done, refused or lost), io, visitors, callers, clients, a dying policy and a clock. After each step:

- something is armed while something is pending;
- a call that was answered stays with the phone that answered first;
- a server is told one thing at a time;
- no order to sip names a call whose end was heard;
- a relay held for a call is reset when that call is over or answered, not before;
- while policy knows of a page that outranks calls, no call rings, is dialed or begins, and what it knows has an end;
- a call that does not fit to the page, held or not, has a time at which that is made good;
- DTMF is locked only after ten wrong codes.

And once everybody behaves again, nobody is on hold without a page, every call ends, no relay is held, nothing is left
pending, and the servers that took every code know what the door does.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.policy.paging import Paging
from tests.policy.story import Story, document

from doorbus.contract.base import COMMAND_LIFETIME_S
from doorbus.contract.calls import CallEnded as CallEndTold
from doorbus.contract.calls import CallSnapshot, CallState, Direction, IncomingDecision, LegSnapshot
from doorbus.contract.dnd import DndServerCodeSent
from doorbus.contract.document import Door as Document
from doorbus.contract.leases import LEASE_HOLDS_S
from doorbus.contract.lines import UnlockMethod
from doorbus_policy.core import barge, door, unlock
from doorbus_policy.core import events as ev
from doorbus_policy.core.effects import (
    Adopt,
    Answer,
    AnswerQuestion,
    Dial,
    DialCode,
    Energise,
    HangUp,
    Hold,
    Order,
    Pulse,
    PulseForAction,
    Refuse,
    Reset,
    Resume,
    TakeSnapshot,
    Tell,
)
from doorbus_policy.core.memory import kept
from doorbus_policy.core.state import CodeStage, DoorState, FarSide, Stage

INDEX = st.integers(0, 50)
WISHES = ("unlock", "hang up", "call", "dnd on", "dnd off")
DND = {"accounts": ["pbx", "ip"], "on_code": "*78", "off_code": "*79", "code_hold_s": 2, "schedule": "night"}
NIGHT = {"schedules": [{"id": "night", "kind": "daily", "start": "22:00", "end": "06:00"}]}
LATE = {"id": "late", "name": "Guard", "numbers": ["101", "102", "103"], "schedules": ["night"]}
SWITCHES = (("light", "lamp", "call_ended"), ("chime", "gate", "call_connected"))
TEMPLATE: dict[str, object] = {"template_enabled": True}
MORE = {"schedule": {**NIGHT, "templates": [LATE], "inputs": {"button1": ["late"]}}}


@dataclass
class SipCall:
    """A call as sip has it: the truth."""

    direction: Direction
    born: float
    legs: dict[str, tuple[str, str]] = field(default_factory=dict)
    """URI and state of each leg."""
    answered: float | None = None
    code: tuple[str, str] | None = None
    """Account and URI, where a server is told a code."""
    held: bool = False


@dataclass(frozen=True)
class Fact:
    """Something that sip told, and when it was true."""

    event: ev.Event
    at: float


class World(RuleBasedStateMachine):
    """A door, and a world that may do anything at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.sip: dict[str, SipCall] = {}
        self.over: set[str] = set()
        self.heard_over: set[str] = set()
        self.facts: list[Fact] = []
        self.orders: list[tuple[Order, float]] = []
        self.looks = 0
        self.winners: dict[str, tuple[FarSide, float]] = {}
        self.late: list[str] = []
        self.heard_over_now: set[str] = set()
        self.servers: dict[str, str] = {}
        self.apart = False
        self.held: dict[tuple[str, str], float] = {}
        self.answered: set[str] = set()
        self.ids = 0
        self.paging = Paging()

    @initialize(
        button=st.sampled_from(
            [{}, {"type": "sequence"}, {"when_refused": "do_not_call_next"}, {"directory": "all"}, TEMPLATE]
        ),
        rules=st.sampled_from(
            [{}, {"auto_answer": {"sip": {"enabled": True}}}, {"auto_answer": {"sip": {"enabled": True, "delay_s": 5}}}]
        ),
    )
    def begin(self, button: dict[str, object], rules: dict[str, object]) -> None:
        """A door with three phones, called by number, directory or template."""
        numbers = () if "directory" in button else ("101", "102", "103")
        self.call_rules: dict[str, object] = {"warn_s": 0, "dnd": DND, **rules}
        self.document = document(
            numbers,
            button,
            MORE if button is TEMPLATE else {"schedule": NIGHT},
            SWITCHES,
            max_call_s=90,
            **self.call_rules,
        )
        self.story = Story(self.document)
        self.collect()

    # --- what comes of a step ------------------------------------------------------------------------------------

    def tell(self, event: ev.Event) -> None:
        """Lets the core hear it."""
        if isinstance(event, ev.CallEnded):
            self.heard_over.add(event.call)
            self.heard_over_now.add(event.call)
        self.story.tell(event)
        self.collect()

    def collect(self) -> None:
        """Looks at what the core wants done."""
        effects, self.story.done = self.story.done, []
        for effect in effects:
            match effect:
                case Dial() if barge.plays(self.state):
                    raise AssertionError(f"{effect} while a page plays")
                case Hold(call=call) | Resume(call=call):
                    assert call not in self.heard_over, f"{effect} after the end was heard"
                    self.orders.append((effect, self.story.now))
                case Dial(call=call) | Answer(call=call) | Refuse(call=call) | HangUp(call=call) | Adopt(call=call):
                    assert call not in self.heard_over, f"{effect} after the end was heard"
                    self.orders.append((effect, self.story.now))
                case DialCode(call=call, account=account):
                    self.told_one_at_a_time(account)
                    self.orders.append((effect, self.story.now))
                case Tell(event=DndServerCodeSent(taken=False)):
                    self.apart = True
                case Reset(relay=relay, call=call):
                    self.reset_in_time(relay, call)
                    self.orders.append((effect, self.story.now))
                case Pulse() | PulseForAction() | Energise():
                    self.orders.append((effect, self.story.now))
                case TakeSnapshot():
                    self.looks += 1
                case Tell(event=CallEndTold(call=call)):
                    self.heard_over.add(call)
                case AnswerQuestion(reply=IncomingDecision(decision="refuse")):
                    self.end_at_sip(self.asked_call)
                case AnswerQuestion(reply=IncomingDecision()) if barge.plays(self.state):
                    raise AssertionError(f"{effect} while a page plays")
                case AnswerQuestion(reply=IncomingDecision(decision="answer")):
                    self.answer_at_sip(self.asked_call)

    def happened(self, event: ev.Event) -> None:
        """Sip tells; when and how often that is heard is another matter."""
        self.facts.append(Fact(event, self.story.now))

    def fresh(self, kind: str) -> str:
        """Returns a fresh id."""
        self.ids += 1
        return f"{kind}-{self.ids}"

    # --- sip -----------------------------------------------------------------------------------------------------

    def end_at_sip(self, call: str) -> None:
        """The call is over."""
        if self.sip.pop(call, None) is not None:
            self.over.add(call)
            self.happened(ev.CallEnded(call))

    def answer_at_sip(self, call: str, leg: str | None = None) -> None:
        """Somebody picked up; only one ever does."""
        known = self.sip.get(call)
        if known is not None and known.answered is None:
            known.answered = self.story.now
            self.answered.add(call)
            known.legs = {id_: (uri, "answered" if id_ == leg else "ended") for id_, (uri, _) in known.legs.items()}
            self.happened(ev.CallAnswered(call, leg))

    def reset_in_time(self, relay: str, call: str) -> None:
        """A hold ends with its call, or with the answer; or policy has ordered the end of a call that nobody owns."""
        over = call not in self.sip or (relay == "gate" and call in self.answered)
        assert over or call not in self.calls_of_policy(), f"{relay} is reset, and {call} goes on"

    def calls_of_policy(self) -> set[str]:
        """Returns the calls that policy knows to be up, or does not know to be over."""
        return {call.id for call in (self.state.call, self.state.lost) if call is not None}

    def told_one_at_a_time(self, account: str) -> None:
        """Policy has one code call of an account at most, whatever sip still has of its last life."""
        under_way = [
            code for code in self.state.server_codes if code.account == account and code.stage is CodeStage.DIALED
        ]
        assert len(under_way) <= 1

    def code_at_server(self, call: str, takes: bool) -> None:
        """A server takes a code or refuses it."""
        known = self.sip[call]
        if known.code is None or known.answered is not None:
            return
        if takes:
            account, uri = known.code
            self.servers[account] = uri
            known.answered = self.story.now
            self.happened(ev.CallAnswered(call, f"{call}-0"))
        else:
            self.apart = True
            self.end_at_sip(call)

    def execute(self, order: Order, at: float) -> tuple[bool, str | None]:
        """Does what was ordered `at` that time, unless it has expired."""
        if self.story.now > at + COMMAND_LIFETIME_S:
            return False, "expired"
        match order:
            case Dial(call=call, targets=targets):
                known = self.sip.get(call)
                if call in self.over or (known is not None and known.answered is not None):
                    return False, "busy"
                known = self.sip.setdefault(call, SipCall(Direction.OUTGOING, self.story.now))
                known.legs = {id_: (uri, "ended") for id_, (uri, _) in known.legs.items()}
                known.legs |= {target.leg: (target.uri, "dialing") for target in targets}
                self.happened(ev.CallProgressed(call))
            case DialCode(call=call, account=account, target=target):
                if call in self.sip:
                    return False, "malformed"
                legs = {target.leg: (target.uri, "dialing")}
                self.over.discard(call)
                self.heard_over.discard(call)
                self.sip[call] = SipCall(Direction.OUTGOING, self.story.now, legs, code=(account, target.uri))
            case Hold(call=call) | Resume(call=call):
                known = self.sip.get(call)
                if known is None or known.answered is None:
                    return False, "unknown_call"
                if known.held is not isinstance(order, Hold):
                    known.held = not known.held
                    self.happened(ev.HoldTold(call, known.held))
            case Pulse(relay=relay, method=method, call=pulse_call):
                self.happened(ev.DoorUnlocked(relay, method, pulse_call))
            case PulseForAction():
                pass
            case Energise(relay=relay, call=call, max_s=max_s):
                self.held[relay, call] = self.story.now + max_s
            case Reset(relay=relay, call=call):
                self.held.pop((relay, call), None)
            case Answer(call=call) if call in self.sip:
                self.answer_at_sip(call)
            case HangUp(call=call) | Refuse(call=call) if call in self.sip:
                self.end_at_sip(call)
            case Adopt():
                pass
            case _:
                return False, "unknown_call"
        return True, None

    def snapshot(self) -> tuple[CallSnapshot, ...]:
        """What sip says about its calls."""
        now = self.story.now
        return tuple(
            CallSnapshot(
                call=id_,
                direction=call.direction,
                state=CallState.ANSWERED
                if call.answered is not None
                else CallState.RINGING
                if call.direction is Direction.INCOMING
                else CallState.DIALING,
                account="pbx",
                caller="101" if call.direction is Direction.INCOMING else "",
                age_s=now - call.born,
                answered_age_s=None if call.answered is None else now - call.answered,
                purpose="call" if call.code is None else "code",
                held_locally=call.held,
                legs=tuple(
                    LegSnapshot.model_validate({"leg": leg, "uri": uri, "state": state})
                    for leg, (uri, state) in call.legs.items()
                ),
            )
            for id_, call in self.sip.items()
        )

    # --- what may happen -----------------------------------------------------------------------------------------

    @rule(again=st.booleans())
    def press(self, again: bool) -> None:
        """A press, or one that was pressed before."""
        press = "press-again" if again else self.fresh("press")
        self.tell(ev.Pressed(press, "button1", self.fresh("out")))

    @rule(index=INDEX, again=st.booleans())
    def incoming(self, index: int, again: bool) -> None:
        """Sip asks about a new call, or once more about one that waits."""
        waiting = [id_ for id_, call in self.sip.items() if call.direction is Direction.INCOMING and not call.answered]
        if again and waiting:
            self.asked_call = waiting[index % len(waiting)]
        else:
            self.asked_call = self.fresh("in")
            self.sip[self.asked_call] = SipCall(Direction.INCOMING, self.story.now)
            self.happened(ev.CallCame(self.asked_call, "pbx", "101", unheard=index % 3 == 0))
        self.tell(ev.IncomingAsked("q", self.asked_call, "pbx", "101"))

    @precondition(lambda self: self.facts)
    @rule(index=INDEX)
    def hear(self, index: int) -> None:
        """Any fact, early, late or again."""
        self.hear_fact(self.facts[-1 - index % len(self.facts)])

    def hear_fact(self, fact: Fact) -> None:
        """Policy hears of it, with its age."""
        event = fact.event
        if isinstance(event, ev.CallAnswered | ev.DoorUnlocked | ev.CallCame | ev.PageStarted):
            event = replace(event, age_s=self.story.now - fact.at)
        self.tell(event)

    @precondition(lambda self: self.facts)
    @rule(index=INDEX)
    def lose(self, index: int) -> None:
        """A fact is never heard."""
        self.facts.pop(index % len(self.facts))

    @rule(heard=st.booleans())
    def gives_up(self, heard: bool) -> None:
        """Somebody calls and gives up before the question about the call arrives."""
        call = self.fresh("late")
        self.over.add(call)
        self.late.append(call)
        if heard:
            self.tell(ev.CallEnded(call))

    @precondition(lambda self: self.late)
    @rule()
    def late_question(self) -> None:
        """The question arrives all the same."""
        self.asked_call = self.late.pop()
        self.tell(ev.IncomingAsked("q", self.asked_call, "pbx", "101"))

    @precondition(lambda self: self.orders)
    @rule(index=INDEX, done=st.booleans(), answered=st.booleans())
    def finish(self, index: int, done: bool, answered: bool) -> None:
        """An order is done or lost, its answer is heard or lost; in any order."""
        order, at = self.orders.pop(index % len(self.orders))
        ok, code = self.execute(order, at) if done else (False, "not_ready")
        self.tell(ev.CommandFinished(order, ok, code) if answered else ev.CommandFinished(order, False, "timeout"))

    @precondition(lambda self: self.looks)
    @rule(answered=st.booleans())
    def look(self, answered: bool) -> None:
        """Sip tells its calls, or does not answer."""
        self.looks -= 1
        self.tell(ev.SnapshotTaken(self.snapshot(), self.story.now) if answered else ev.SnapshotFailed())

    @precondition(lambda self: self.sip)
    @rule(index=INDEX, leg=INDEX, what=st.sampled_from(["answers", "answers", "refuses", "fails", "ends", "lies"]))
    def phone(self, index: int, leg: int, what: str) -> None:
        """A phone answers, refuses or fails, or the far side hangs up."""
        call = list(self.sip)[index % len(self.sip)]
        known = self.sip[call]
        if known.code is not None:
            self.code_at_server(call, takes=what == "answers")
            return
        ringing = [id_ for id_, (_, state) in known.legs.items() if state == "dialing"]
        if what == "lies":  # sip never says that a second phone won; if it did, the first would keep the call
            if known.direction is Direction.OUTGOING:
                self.happened(ev.CallAnswered(call, ringing[0] if ringing else f"{call}-2"))
        elif what == "ends":
            self.end_at_sip(call)
        elif ringing and known.answered is None:
            chosen = ringing[leg % len(ringing)]
            if what == "answers":
                self.answer_at_sip(call, chosen)
                return
            known.legs[chosen] = (known.legs[chosen][0], "ended")
            self.happened(ev.LegGone(call, chosen, 486 if what == "refuses" else 404))

    @precondition(lambda self: self.story.state.call is not None)
    @rule(digits=st.sampled_from(["1", "12", "1234", "9999", "9"]))
    def types(self, digits: str) -> None:
        """The far side types."""
        for digit in digits:
            if self.story.state.call is not None:
                self.tell(ev.DigitTyped("q", self.story.state.call.id, digit, "rfc4733"))

    def other_document(self) -> Document:
        """Returns a document with another limit."""
        calls = self.document.calls.model_copy(update={"max_call_s": 60.0})
        return self.document.model_copy(update={"calls": calls})

    @rule(what=st.sampled_from([*WISHES, "document", "directory", "night", "day", "lease lost", "missed"]))
    def others(self, what: str) -> None:
        """Clients, the owner, the bus."""
        events: dict[str, ev.Event] = {
            "unlock": ev.UnlockWished("h", "web", "gate", UnlockMethod.HTTP),
            "hang up": ev.HangUpWished("h", "web"),
            "call": ev.CallWished("h", "web", "104", "pbx", self.fresh("out")),
            "dnd on": ev.DndWished("h", "web", True, new_call=self.fresh("dnd")),
            "dnd off": ev.DndWished("h", "web", False, new_call=self.fresh("dnd")),
            "document": ev.DocumentTaken(
                self.other_document(), 2, self.state.codes, new_call=self.fresh("dnd"), fingerprint="doc3"
            ),
            "directory": ev.DirectoriesTold((("all", ("101", "102", "103")),)),
            "night": ev.ScheduleTold(
                self.state.fingerprint, (("night", True),), (("late", True),), 60.0, self.fresh("dnd")
            ),
            "day": ev.ScheduleTold(
                self.state.fingerprint, (("night", False),), (("late", False),), 60.0, self.fresh("dnd")
            ),
            "lease lost": ev.CallLeaseLost(),
            "missed": ev.EventsMissed(),
        }
        self.tell(events[what])

    @rule(index=INDEX)
    def lease(self, index: int) -> None:
        """Sip tells which call is up."""
        calls = [None, *self.sip]
        self.tell(ev.CallLeaseTold(calls[index % len(calls)]))

    @rule(what=st.sampled_from(["starts", "starts", "starts under calls", "ends", "dies", "lease", "lease"]))
    def page(self, what: str) -> None:
        """Pages come and go, multicast tells its lease, or dies."""
        match what:
            case "lease":
                self.tell(self.paging.lease())
            case "dies":
                self.paging.dies()
            case _:
                for event in self.paging.ends() if what == "ends" else self.paging.starts(what == "starts"):
                    self.happened(event)

    @rule(seconds=st.sampled_from([0.05, 0.5, 2.5, 3.5, 15.0, 61.0]))
    def wait(self, seconds: float) -> None:
        """Time passes; ticks come when they are due."""
        self.story.wait(seconds)
        self.collect()

    @rule()
    def restart(self) -> None:
        """Policy dies, and what it had ordered and asked is lost with it."""
        self.orders, self.looks = [], 0
        self.heard_over_now = set()
        self.heard_over -= set(self.late)
        self.late = []
        self.story = self.story.restart()
        self.collect()

    # --- what must hold ------------------------------------------------------------------------------------------

    @property
    def state(self) -> DoorState:
        """The door's state."""
        return self.story.state

    @invariant()
    def something_is_armed(self) -> None:
        """While something is pending, there is a deadline; here every call has a limit."""
        if not hasattr(self, "story"):
            return
        if self.state.call is not None or self.state.unlocks or self.state.holds:
            assert door.deadline(self.state) is not None

    @invariant()
    def a_page_keeps_calls_away(self) -> None:
        """None rings or is dialed; a page that nobody tells of any more is over soon; what does not fit yet will."""
        if not hasattr(self, "story"):
            return
        call, pages = self.state.call, self.state.pages
        if barge.plays(self.state):
            assert pages.until is not None
            assert self.story.now < pages.until <= self.story.now + LEASE_HOLDS_S
            assert call is None or call.stage not in (Stage.RINGING, Stage.DIALING)
        if call is not None and call.stage is Stage.ANSWERED and call.held is not barge.plays(self.state):
            due = barge.due(self.state)
            assert due is not None
            assert due <= self.story.now + LEASE_HOLDS_S

    @invariant()
    def a_held_relay_has_an_end(self) -> None:
        """What io holds for a call policy will reset, or io ends it by itself before long."""
        if hasattr(self, "story"):
            known = {(hold.relay, hold.call): hold.ends_at for hold in self.state.holds}
            for hold, ends_at in self.held.items():
                assert hold in known or ends_at <= self.story.now + COMMAND_LIFETIME_S
            for each in self.state.holds:
                assert self.story.now < each.ends_at
                if each.call not in self.calls_of_policy():
                    assert each.reset_at is not None, f"{each} is never reset"

    @invariant()
    def one_winner(self) -> None:
        """Who answered first keeps the call, and its time counts from that answer."""
        call = self.state.call if hasattr(self, "story") else None
        if call is not None and call.answered_at is not None:
            winner, since = self.winners.setdefault(call.id, (call.far_side, call.answered_at))
            assert winner == call.far_side
            assert abs(since - call.answered_at) < 0.01

    @invariant()
    def what_is_over_is_over(self) -> None:
        """A call whose end was heard is never the door's call again."""
        call = self.state.call if hasattr(self, "story") else None
        assert call is None or call.id not in self.heard_over_now

    @invariant()
    def locked_means_ten(self) -> None:
        """Fewer than ten wrong codes are kept, and a lock ends."""
        if hasattr(self, "story"):
            assert len(self.state.wrong.times) < unlock.WRONG_CODES
            until = self.state.wrong.locked_until
            assert until is None or until <= self.story.now + unlock.LOCKED_FOR_S

    @invariant()
    def digits_are_not_kept(self) -> None:
        """What is kept holds none."""
        if hasattr(self, "story"):
            memory = kept(self.state).call
            assert memory is None or not memory.typed

    def teardown(self) -> None:
        """Everybody behaves again: then every call ends, and nothing stays pending."""
        if not hasattr(self, "story"):
            return
        self.the_last_page_ends()
        for _ in range(400):
            self.catch_up()
            due = door.deadline(self.state)
            if due is None:
                break
            self.story.wait(due - self.story.now + 0.001)
            self.collect()
        assert self.state.call is None
        assert self.state.unlocks == ()
        assert self.state.holds == ()
        assert {hold for hold, ends_at in self.held.items() if ends_at > self.story.now + COMMAND_LIFETIME_S} == set()
        assert self.state.server_codes == ()
        assert door.deadline(self.state) is None
        if not self.apart:
            on = set(self.state.dnd.on)
            assert {uri for account, uri in self.servers.items() if account in on} <= {"sip:*78@pbx.example.com"}
            assert {uri for account, uri in self.servers.items() if account not in on} <= {"sip:*79@pbx.example.com"}

    def catch_up(self) -> None:
        """Everything that waits is done and heard."""
        while self.facts or self.orders or self.looks or self.codes_at_sip():
            if self.orders:
                order, at = self.orders.pop(0)
                self.tell(ev.CommandFinished(order, *self.execute(order, at)))
            elif self.facts:
                self.hear_next()
            elif codes := self.codes_at_sip():
                self.code_at_server(codes[0], takes=True)
                self.end_at_sip(codes[0])
            else:
                self.looks -= 1
                self.tell(ev.SnapshotTaken(self.snapshot(), self.story.now))

    def the_last_page_ends(self) -> None:
        """Multicast lives and tells so, what was missed is noticed: then the door's call is not on hold."""
        for event in self.paging.ends():
            self.happened(event)
        self.tell(ev.EventsMissed())
        for _ in range(5):
            self.catch_up()
            self.tell(self.paging.lease())
            self.story.wait(barge.AGAIN_S)
            self.collect()
        self.catch_up()
        call = self.state.call
        if call is not None and call.stage is Stage.ANSWERED:
            assert call.held is False
            assert not self.sip[call.id].held

    def codes_at_sip(self) -> list[str]:
        """Returns the code calls that sip still has."""
        return [call for call, known in self.sip.items() if known.code is not None]

    def hear_next(self) -> None:
        """The oldest fact is heard."""
        self.hear_fact(self.facts.pop(0))


TestWorld = World.TestCase
TestWorld.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
