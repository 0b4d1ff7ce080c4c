"""Whom a press calls: numbers, directories, templates; and what the scheduler's silence changes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.policy.story import Story, document

from doorbus.contract.buttons import ButtonActivated
from doorbus.contract.dnd import DndChanged
from doorbus.contract.document import Door
from doorbus.contract.services import ServiceDegraded
from doorbus_policy.core import events as ev
from doorbus_policy.core.effects import DialCode
from doorbus_policy.core.schedule import SILENT_S

SCHEDULES = [
    {"id": "night", "kind": "daily", "start": "22:00", "end": "06:00"},
    {"id": "office", "kind": "daily", "start": "08:00", "end": "18:00"},
]
TEMPLATES = [
    {"id": "day", "name": "Office", "numbers": ["201", "202"], "schedules": ["office"]},
    {"id": "late", "name": "Guard", "numbers": ["301"], "schedules": ["night"]},
]
SCHEDULE = {
    "schedule": {"schedules": SCHEDULES, "templates": TEMPLATES, "inputs": {"button1": ["day", "late"]}},
}


def by_template(**button: Any) -> Door:
    """Returns a document whose button1 goes by templates; its own numbers are there too, and not used."""
    return document(("101",), {"template_enabled": True, **button}, SCHEDULE)


def pressed(story: Story) -> tuple[str | None, list[str]]:
    """Presses; returns why nobody is called, and who is rung at once."""
    story.take(object)
    story.press()
    return story.told(ButtonActivated)[-1].why, story.rings()


def test_numbers_win_over_a_directory() -> None:
    """group.directory: the local ones, when both exist."""
    story = Story(document(("101",), {"directory": "residents"}))
    story.tell(ev.DirectoriesTold((("residents", ("109",)),)))
    assert pressed(story) == (None, ["sip:101@pbx.example.com"])


@pytest.mark.parametrize("kind", ["group", "sequence"])
def test_a_directory_is_called_the_buttons_way(kind: str) -> None:
    """group.directory, sequence.directory: all at once, or one after another with the button's timeout."""
    story = Story(document((), {"directory": "residents", "type": kind, "timeout_s": 5}))
    story.tell(ev.DirectoriesTold((("residents", ("101", "102")),)))
    first, second = "sip:101@pbx.example.com", "sip:102@pbx.example.com"
    assert pressed(story) == (None, [first, second] if kind == "group" else [first])
    if kind == "sequence":
        assert story.wait(5.1).rings() == [second]


def test_a_directory_that_is_not_there_or_empty_says_so() -> None:
    """The press dials nothing and says why."""
    story = Story(document((), {"directory": "residents"}))
    assert pressed(story) == ("no_directory", [])
    story.tell(ev.DirectoriesTold((("residents", ()),)))
    assert pressed(story) == ("no_numbers", [])


def test_a_directory_of_digits_needs_an_account() -> None:
    """Numbers that cannot be called are left out, the others ring."""
    story = Story(document((), {"directory": "residents", "account": None}))
    story.tell(ev.DirectoriesTold((("residents", ("101", "192.0.2.7")),)))
    assert pressed(story) == (None, ["sip:192.0.2.7"])


def test_the_schedule_decides_where_templates_are_enabled() -> None:
    """group.template: the active template's numbers, never the button's own; the first active one of the list wins."""
    story = Story(by_template())
    assert pressed(story.scheduled(True, late=True)) == (None, ["sip:301@pbx.example.com"])
    story.ended()
    both = pressed(story.scheduled(True, day=True, late=True))
    assert both == (None, ["sip:201@pbx.example.com", "sip:202@pbx.example.com"])


def test_a_sequence_goes_by_templates_too() -> None:
    """sequence.template."""
    story = Story(by_template(type="sequence", timeout_s=5)).scheduled(False, day=True)
    assert pressed(story) == (None, ["sip:201@pbx.example.com"])
    assert story.wait(5.1).rings() == ["sip:202@pbx.example.com"]


def test_outside_every_template_nobody_is_called() -> None:
    """And the press says so; also while the scheduler has not spoken."""
    story = Story(by_template())
    assert pressed(story) == ("no_schedule", [])
    assert pressed(story.scheduled(False, day=False, late=False)) == ("no_template", [])


def test_a_silent_scheduler_is_said_and_its_last_word_goes_on() -> None:
    """After its time and 10 s more, once; and when it is heard again."""
    story = Story(by_template()).scheduled(True, valid_for_s=60, day=True).wait(60 + SILENT_S - 0.1)
    assert story.told(ServiceDegraded) == []
    story.wait(3600)
    assert [(each.part, each.recovered) for each in story.told(ServiceDegraded)] == [("schedule", False)]
    assert pressed(story) == (None, ["sip:201@pbx.example.com", "sip:202@pbx.example.com"])
    story.take(object)
    story.scheduled(False)
    assert [(each.part, each.recovered) for each in story.told(ServiceDegraded)] == [("schedule", True)]


def test_a_scheduler_that_never_speaks_is_missed_only_where_it_is_needed() -> None:
    """A document without schedules needs none."""
    assert Story(by_template()).wait(SILENT_S + 1).told(ServiceDegraded) != []
    assert Story().wait(3600).told(ServiceDegraded) == []


NIGHT = {"enabled": False, "schedule": "night", "on_code": "*78", "off_code": "*79", "accounts": ["pbx"]}


def night() -> Story:
    """A door whose DND follows the schedule `night`."""
    return Story(document(more=SCHEDULE, dnd=NIGHT))


def test_dnd_follows_its_schedule_and_sends_the_codes() -> None:
    """dnd.schedule: on at its begin, off at its end, the servers told at both."""
    story = night().scheduled(False)
    assert story.take(DialCode) == []
    story.scheduled(True)
    assert [DndChanged(enabled=True, by="schedule")] == story.told(DndChanged)
    [code] = story.take(DialCode)
    assert code.target.uri == "sip:*78@pbx.example.com"
    story.tell(ev.CallAnswered(code.call)).tell(ev.CallEnded(code.call)).take(object)
    story.scheduled(False)
    assert [DndChanged(enabled=False, by="schedule")] == story.told(DndChanged)
    assert [each.target.uri for each in story.take(DialCode)] == ["sip:*79@pbx.example.com"]


def test_a_toggle_holds_until_the_schedules_next_boundary() -> None:
    """dnd.toggle: repeated words of the scheduler change nothing, its boundary does; kept over a restart."""
    story = night().scheduled(True).toggled(False)
    assert list(story.state.dnd.on) == []
    story = story.scheduled(True).restart().scheduled(True)
    assert list(story.state.dnd.on) == []
    story.scheduled(False)
    assert list(story.state.dnd.on) == []
    story.scheduled(True)
    assert list(story.state.dnd.on) == ["pbx"]


def test_a_boundary_while_policy_was_down_counts() -> None:
    """The schedule ended meanwhile: DND is off, and the server is told."""
    story = night().scheduled(True)
    [code] = story.take(DialCode)
    story.tell(ev.CallAnswered(code.call)).tell(ev.CallEnded(code.call))
    story = story.restart()
    assert list(story.state.dnd.on) == ["pbx"]
    story.take(object)
    story.scheduled(False)
    assert list(story.state.dnd.on) == []
    assert [each.target.uri for each in story.take(DialCode)] == ["sip:*79@pbx.example.com"]


def test_without_its_schedule_dnd_is_as_the_document_says() -> None:
    """A document that takes the schedule away leaves `enabled`."""
    story = night().scheduled(True)
    story.tell(
        ev.DocumentTaken(
            document(more=SCHEDULE, dnd={**NIGHT, "schedule": None}), 2, new_call="dnd", fingerprint="doc1"
        )
    )
    assert list(story.state.dnd.on) == []


def test_what_was_said_of_another_document_turns_nothing() -> None:
    """A new document that follows `night` waits for the scheduler's word on its own hours: no blip, no code."""
    story = Story(document(more=SCHEDULE)).scheduled(True)
    story.tell(ev.DocumentTaken(document(more=SCHEDULE, dnd=NIGHT), 2, new_call="dnd", fingerprint="doc2"))
    assert (story.told(DndChanged), list(story.state.dnd.on)) == ([], [])
    story.scheduled(True)
    assert list(story.state.dnd.on) == ["pbx"]
