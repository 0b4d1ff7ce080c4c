"""Pages that outrank calls: hold and resume, no new calls, and nobody left on hold whoever dies."""

from __future__ import annotations

import pytest
from tests.policy.story import Story, code, document
from tests.policy.test_recover import seen

from doorbus.contract.buttons import ButtonActivated
from doorbus.contract.calls import CallState, Direction, EndReason, IncomingDecision
from doorbus.contract.errors import ErrorCode
from doorbus.contract.leases import LEASE_HOLDS_S
from doorbus.contract.status import Status
from doorbus_policy.core import door
from doorbus_policy.core import events as ev
from doorbus_policy.core.effects import (
    AnswerWish,
    Dial,
    HangUp,
    Hold,
    Pulse,
    PulseForAction,
    Refuse,
    Resume,
    TakeSnapshot,
)
from doorbus_policy.core.state import Stage


def talking(doc_calls: float = 300) -> tuple[Story, str]:
    """Returns a story with an answered call that a press made, and the call's id."""
    story = Story(document(max_call_s=doc_calls, warn_s=0))
    call = story.press()
    story.answered().take(object)
    return story, call


def test_an_answered_call_is_held_and_comes_back() -> None:
    """page.barge_over: one hold, one resume, in the very step in which the page is heard of."""
    story, call = talking()
    assert [Hold(call)] == story.page().orders()
    assert story.page_lease("page1").wait(2).orders() == []
    assert [Resume(call)] == story.page_over().orders()
    assert story.page_lease(None).wait(10).orders() == []


@pytest.mark.parametrize("told_by", ["event", "lease"])
def test_a_page_that_does_not_outrank_calls_changes_nothing(told_by: str) -> None:
    """page.barge_under and priority_active false: multicast stays silent then, the call goes on, new ones may come."""
    story, _ = talking()
    _ = story.page(outranks=False) if told_by == "event" else story.page_lease("page1", outranks=False)
    assert story.orders() == []
    story.ended()
    assert story.asked().reply.model_dump()["decision"] == "ring"


@pytest.mark.parametrize("stage", ["incoming", "answer on its way", "dialing"])
def test_a_call_that_is_not_answered_ends(stage: str) -> None:
    """page.barge_over: `page`, as a hang-up, which sip can do in whatever state the call really is by then."""
    story = Story(document(auto_answer={"sip": {"enabled": stage == "answer on its way"}}))
    if stage == "dialing":
        call = story.press()
    else:
        call = "in1"
        story.asked(call)
    story.take(object)
    assert [HangUp(call, EndReason.PAGE)] == story.page().orders()
    assert story.answered().orders() == []
    assert story.ended().page_over().orders() == []


def test_a_call_that_is_answered_before_its_end_is_held_no_more() -> None:
    """The end was ordered, the answer crossed it: it only ends."""
    story = Story()
    call = story.press()
    story.page().take(object)
    story.answered()
    assert story.call.stage is Stage.ENDING
    assert [HangUp(call, EndReason.PAGE)] == story.wait(2.5).orders()


def test_new_calls_are_refused_while_it_plays() -> None:
    """480 with `page`, before DND and busy; afterwards as ever."""
    story = Story(document(dnd={"enabled": True, "return_code": 603}))
    story.page()
    refusal = IncomingDecision(decision="refuse", refuse_code=480, reason=EndReason.PAGE)
    assert refusal == story.asked().reply
    story.page_over()
    assert story.asked("in2").reply.model_dump()["refuse_code"] == 603


def test_a_call_that_rings_at_sip_unheard_is_refused() -> None:
    """Sip rang by default while policy was dead: found in the snapshot, it gets its 480."""
    story = Story()
    story.page()
    ringing = seen("in1", direction=Direction.INCOMING, state=CallState.RINGING, answered_age_s=None, caller="101")
    assert [Refuse("in1", 480, EndReason.PAGE)] == story.snapshot(ringing).orders()


def test_a_press_dials_nothing_and_says_so() -> None:
    """Its actions run: a relay is pulsed, as there is no call to hold it for; a client is told the reason."""
    story = Story(document(switches=(("light", "lamp", "call_ended"),)))
    story.page()
    story.press(client="web")
    told = story.told(ButtonActivated)[-1]
    assert (told.does, told.why, told.actions) == ("nothing", "page", ("notify", "light"))
    answer = story.reply().reply
    assert (answer.ok, answer.message) == (True, "a page plays that outranks calls")
    assert [PulseForAction] == [type(each) for each in story.orders()]


def test_a_press_in_a_held_call_hangs_up() -> None:
    """Who stands at the door may end a call that a page silences."""
    story, call = talking()
    story.wait(5).page().page_lease("page1").take(object)
    story.press()
    assert [HangUp(call, EndReason.PUSH_BUTTON)] == story.orders()


def test_a_wish_for_a_call_is_refused_with_a_reason() -> None:
    """The code says `page`, the words say when to try again."""
    story = Story()
    story.page().tell(ev.CallWished("h", "web", "101", "pbx", "new"))
    (answer,) = [each.reply for each in story.take(AnswerWish)]
    assert (answer.ok, answer.code) == (False, ErrorCode.PAGE)
    assert story.take(Dial) == []


def test_codes_open_the_door_during_the_hold() -> None:
    """page.barge_over: the far side types as before."""
    story, call = talking()
    story.page().take(object)
    story.typed("1234")
    (pulse,) = story.orders()
    assert isinstance(pulse, Pulse)
    assert ("gate", call) == (pulse.relay, pulse.call)


def test_the_call_limit_goes_on_during_the_hold() -> None:
    """page.barge_over: `max_call_s` counts from the answer, hold or not."""
    story, call = talking(doc_calls=10)
    story.wait(8).page().take(object)
    assert [HangUp(call, EndReason.MAX_DURATION)] == story.wait(2.1).orders()


def test_a_silent_multicast_gives_the_call_back() -> None:
    """The lease counts from the last word; each word prolongs it."""
    story, call = talking()
    story.page().wait(2).page_lease("page1").take(object)
    assert story.wait(LEASE_HOLDS_S - 0.1).orders() == []
    assert [Resume(call)] == story.wait(0.2).orders()
    assert story.asked().reply.model_dump()["refuse_code"] == 486


def test_a_replaced_page_hands_its_place_on() -> None:
    """Outranking by outranking: the hold stays, whichever word comes first."""
    for order in ("replaced first", "started first"):
        story, call = talking()
        story.page("low")
        story.take(object)
        words = story.word(), story.word()
        replaced, started = ev.PageReplaced("low", "high", words[0]), ev.PageStarted("high", True, words[1])
        for event in (replaced, started) if order == "replaced first" else (started, replaced):
            story.tell(event)
        assert story.orders() == [], order
        assert [Resume(call)] == story.page_over("high").orders()


def test_old_words_change_nothing() -> None:
    """A lease from before the page, and an end or a start heard again, are old."""
    story, call = talking()
    before = ev.PageLeaseTold(None, False, ev.Word(1, 0))
    started = ev.PageStarted("page1", True, story.word())
    story.tell(started).tell(before)
    assert [Hold(call)] == story.orders()
    story.page_over().tell(started).tell(ev.PageLeaseTold("page1", True, started.word))
    assert [Resume(call)] == story.orders()


def test_a_page_told_after_an_outage_is_left_to_the_lease() -> None:
    """A fact that is older than a lease holds says nothing about now."""
    story, call = talking()
    assert story.page(age_s=LEASE_HOLDS_S).orders() == []
    assert [Hold(call)] == story.page_lease("page1").orders()


def test_another_life_of_multicast_counts_as_newer() -> None:
    """Its numbers begin anew."""
    story, call = talking()
    story.word()
    story.page().take(object)
    assert [Resume(call)] == story.tell(ev.PageLeaseTold(None, False, ev.Word(2, 0))).orders()


def test_an_order_that_sip_did_not_take_is_tried_again() -> None:
    """Each second, as long as it is wanted; a call that sip does not know is looked for."""
    story, call = talking()
    story.page().page_lease("page1").take(object)
    assert story.finished(Hold(call), ok=False, code="timeout").orders() == []
    assert [Hold(call)] == story.wait(1.1).orders()
    story.finished(Hold(call)).page_over().take(object)
    story.finished(Resume(call), ok=False, code="unknown_call")
    assert [TakeSnapshot()] == story.take(TakeSnapshot)
    assert [Resume(call)] == story.wait(1.1).orders()
    assert story.finished(Resume(call)).wait(5).orders() == []


def test_an_order_that_failed_late_is_not_repeated_against_the_newer_one() -> None:
    """The page was over before sip's refusal to hold came."""
    story, call = talking()
    story.page().page_over().take(object)
    assert story.finished(Hold(call), ok=False, code="timeout").wait(3).orders() == []


def test_what_sip_says_of_the_hold_counts() -> None:
    """A hold that sip ended by itself is ordered again while the page plays; one that nobody wants is ended."""
    story, call = talking()
    story.page().take(object)
    assert [Hold(call)] == story.tell(ev.HoldTold(call, False)).orders()
    story.page_over().take(object)
    assert [Resume(call)] == story.tell(ev.HoldTold(call, True)).orders()
    assert [Resume(call)] == story.snapshot(seen(call, held_locally=True)).orders()
    assert story.tell(ev.HoldTold("other", True)).snapshot(seen(call)).orders() == []


@pytest.mark.parametrize("plays", [True, False])
def test_a_new_life_waits_for_multicasts_word(plays: bool) -> None:
    """Restarted in mid-page: the hold found at sip stays until the lease says what plays, and ends with the page."""
    story, call = talking()
    story.page().take(object)
    story = story.restart().snapshot(seen(call, held_locally=True))
    story.take(object)
    assert story.wait(0.9).orders() == []
    orders = story.page_lease("page1" if plays else None).orders()
    assert ([] if plays else [Resume(call)]) == orders
    if plays:
        assert [Resume(call)] == story.page_over().orders()


def test_a_new_life_without_multicast_resumes() -> None:
    """Policy and multicast died both: 3 s after it finds the held call, the new life gives it back."""
    story, call = talking()
    story.page().take(object)
    story = story.restart().snapshot(seen(call, held_locally=True))
    story.take(object)
    assert story.wait(LEASE_HOLDS_S - 0.1).orders() == []
    assert [Resume(call)] == story.wait(0.2).orders()


def test_a_new_life_holds_a_call_that_was_answered_meanwhile() -> None:
    """The page began while policy was dead."""
    story, call = talking()
    story = story.restart().page_lease("page1").snapshot(seen(call))
    assert Hold(call) in story.orders()


def test_a_page_alone_leaves_nothing_pending() -> None:
    """Without a call there is nothing to do but to forget it in time."""
    story = Story()
    story.page()
    assert door.deadline(story.state) == story.now + LEASE_HOLDS_S
    assert story.wait(4).orders() == []
    assert door.deadline(story.state) is None


def test_the_status_says_it() -> None:
    """For the console: which page silences the call."""
    story, _ = talking()
    story.page().tell(ev.StatusWished("h"))
    (answer,) = [each.reply for each in story.take(AnswerWish)]
    assert isinstance(answer, Status)
    assert (answer.page, answer.held, answer.stage) == ("page1", True, "answered")


def test_a_code_call_is_left_alone() -> None:
    """It makes no sound, so it goes on while a page plays."""
    story = Story(document(dnd={"on_code": "*78", "accounts": ["pbx"]}), codes=(code(),))
    story.toggled(True).page()
    assert story.take(HangUp) == []
