"""Presses that come too fast are dropped, told once and in a sum; the door stays usable."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.policy.story import Story, document

from doorbus.contract.buttons import ButtonActivated, ButtonLimited
from doorbus.contract.document import Door as Document
from doorbus_policy.core import door, floods
from doorbus_policy.core import events as ev
from doorbus_policy.core.effects import Answer, AnswerWish, Dial
from doorbus_policy.core.memory import kept

TWO_BUTTONS = {"buttons": [{"input": "button1", "actions": ["notify"]}, {"input": "button2", "actions": ["notify"]}]}


def hammered(times: int, every_s: float, doc: Document | None = None, client: str | None = None) -> Story:
    """Button1 was pressed so often and so fast."""
    story = Story(doc)
    for _ in range(times):
        story.press(client=client)
        story.wait(every_s)
    return story


def test_a_flood_is_bounded_and_told_once() -> None:
    """500 presses in 5 s: ten and two a second are taken, one event says that it began, one the sum when it is calm."""
    story = hammered(500, 0.01, document(()))
    taken = len(story.told(ButtonActivated))
    assert 19 <= taken <= 21
    assert [ButtonLimited(input="button1", dropped=1)] == story.told(ButtonLimited)
    story.take(object)
    assert story.wait(floods.CALM_S - 0.1).told(ButtonLimited) == []
    (told,) = story.wait(0.2).told(ButtonLimited)
    assert (500 - taken, True) == (told.dropped, told.over)
    assert 4.0 <= told.over_s <= 5.0
    assert story.wait(3600).told(ButtonLimited) == [told]


def test_two_presses_a_second_are_never_limited() -> None:
    """A hundred of them, each taken."""
    story = hammered(100, 0.5)
    assert len(story.told(ButtonActivated)) == 100
    assert story.told(ButtonLimited) == []


@given(st.lists(st.floats(0.0, 3.0), max_size=120))
def test_no_presses_get_past_the_bucket(pauses: list[float]) -> None:
    """Whatever the rhythm: never more than the burst and two a second are taken, and what was dropped is told."""
    story = Story(document(()))
    began = story.now
    for pause in pauses:
        story.press()
        taken = len(story.told(ButtonActivated))
        assert taken <= floods.BURST + floods.PER_S * (story.now - began) + 1e-6
        story.wait(pause)
    dropped = len(pauses) - len(story.told(ButtonActivated))
    story.wait(60)
    sums = [told.dropped for told in story.told(ButtonLimited) if told.over]
    assert dropped == sum(sums)
    assert 2 * len(sums) == len(story.told(ButtonLimited))
    assert door.deadline(story.state) is None


def test_a_press_that_is_dropped_does_nothing_at_all() -> None:
    """It answers no call, and writes nothing to the store."""
    story = hammered(30, 0.0, document(()))
    story.asked()
    story.take(object)
    memory = kept(story.state)
    story.press()
    assert (story.orders(), story.told(ButtonActivated)) == ([], [])
    assert memory == kept(story.state)


def test_a_visitor_who_hammers_rings_and_the_door_is_usable_afterwards() -> None:
    """The first press rings; half a second after the flood a press answers the call that comes in."""
    story = hammered(40, 0.02)
    assert len(story.take(Dial)) == 1
    story.ended().wait(0.5)
    story.asked()
    story.press()
    assert [Answer] == [type(order) for order in story.orders()]


def test_a_mad_client_does_not_keep_a_finger_from_ringing() -> None:
    """Fingers and clients are counted apart, and so are buttons."""
    story = hammered(100, 0.0, document((), more=TWO_BUTTONS), client="hub")
    assert [told.virtual for told in story.told(ButtonLimited)] == [True]
    story.take(object)
    story.press()
    assert len(story.told(ButtonActivated)) == 1
    story.press("button2", client="hub")
    assert len(story.told(ButtonActivated)) == 2


def test_a_client_is_told_that_it_is_limited() -> None:
    """With a stable code, the field and the limit; each of its wishes is answered."""
    story = hammered(500, 0.0, client="hub")
    replies = [each.reply for each in story.take(AnswerWish)]
    assert len(replies) == 500
    assert {None, "rate_limited"} == {reply.code for reply in replies}
    said = "input: button1 is pressed too often: 10 times at once, then 2 a second, are taken"
    assert said == replies[-1].message


def test_repeats_and_strangers_cost_nothing() -> None:
    """The same press a hundred times, and presses of what is no button, leave the bucket full."""
    story = Story(document(()))
    for _ in range(100):
        story.press(press="same")
        story.press("exit1")
    story.take(object)
    for _ in range(floods.BURST - 1):
        story.press()
    assert len(story.told(ButtonActivated)) == floods.BURST - 1


def test_buttons_that_rest_are_forgotten() -> None:
    """What is known of a button's pace is dropped with the next press once it is calm; nothing is armed for it."""
    story = hammered(30, 0.0, document((), more=TWO_BUTTONS))
    story.wait(60)
    assert door.deadline(story.state) is None
    story.press("button2")
    assert [pace.input for pace in story.state.paces] == ["button2"]


def test_a_press_that_waits_for_sip_is_counted_once() -> None:
    """Presses held after a gap took their token when they came."""
    story = Story(document(())).tell(ev.EventsMissed())
    for _ in range(8):
        story.press()
    story.snapshot()
    for _ in range(2):
        story.press()
    assert len(story.told(ButtonActivated)) == 10
