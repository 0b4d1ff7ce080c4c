"""A round of editing: what a posted form becomes, without a browser."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from tests.web.documents import documents
from tests.web.test_forms_roundtrip import BOUNDED, example, page_of

from doorbus.contract.document import from_json
from doorbus.contract.document.load import load_document
from doorbus_web.forms import entries
from doorbus_web.forms.editing import Form, Submitted, opened, submitted
from doorbus_web.forms.tree import tree
from doorbus_web.forms.words import complaint, in_words
from doorbus_web.forms.yaml_text import yaml_text

PARTS = ("calls",)


def posted_of(form: Form, data: dict[str, Any], *parts: str, **typed: str) -> dict[str, list[str]]:
    """What a browser posts of a form that was opened on `data`, with some values typed over."""
    return page_of(data, *parts).posted(base=form.base, revision=str(form.revision), do="save", **typed)


def round_of(data: dict[str, Any], stored: Any = None, **typed: str) -> Submitted:
    """Opens the form of `calls` on `data`, types, and saves over `stored`."""
    form = opened(PARTS, data, 7)
    return submitted(PARTS, posted_of(form, data, *PARTS, **typed), stored or data, 8)


def test_an_untouched_form_is_the_same_document() -> None:
    """Saving without typing gives the document that is stored."""
    data = example()

    assert round_of(data).door == from_json(json.dumps(data).encode())


def test_all_mistakes_are_said_at_once_beside_their_fields() -> None:
    """Three wrong values: three sentences, each at its field, the whole list on top with the way to each."""
    typed = {"calls__max_call_s": "x", "calls__dnd__on_code": "star", "calls__refused_codes": "486\n99"}
    result = round_of(example(), **typed)
    calls = result.form.root.child("calls")

    assert result.door is None
    assert calls.child("max_call_s").problems == ("Must be a number, 0 to 86400.",)
    assert calls.child("max_call_s").value == "x"
    assert calls.child("dnd").child("on_code").problems == (
        "Must be a code of up to 32 of 0-9, * and # (like *78), or empty.",
    )
    assert calls.child("refused_codes").problems == ("Entry 2: Must be a whole number, 400 to 699.",)
    assert [each.anchor for each in result.form.said] == [
        "f-calls-dnd-on_code",
        "f-calls-max_call_s",
        "f-calls-refused_codes",
    ]
    assert result.form.said[0].where == "Calls › Do Not Disturb (DND) › DND on code"


def test_a_mistake_elsewhere_is_said_with_its_path() -> None:
    """A form that breaks another part of the document says where, as it has no such field."""
    data = example()
    form = opened(("schedule",), data, 7)
    posted = posted_of(form, data, "schedule") | {"schedule.templates#": [""]}
    result = submitted(("schedule",), posted, data, 7)

    assert result.door is None
    assert [each.where for each in result.form.said] == ["Schedule › Templates of each button › button1"]


def test_somebody_elses_change_of_this_part_is_shown_before_anything_is_saved() -> None:
    """Mine and theirs are put together, theirs is said in words, and the clash stands at its field."""
    data = example()
    stored = example()
    stored["calls"] |= {"max_call_s": 99.0, "dial_out_s": 45.0}
    result = round_of(data, stored, calls__max_call_s="100", calls__dial_in_s="30")
    calls = result.form.root.child("calls")

    assert result.door is None
    assert result.form.said == ()
    assert set(result.form.theirs) == {"Calls › Max call time: 99", "Calls › Dial out time: 45"}
    assert [calls.child(name).value for name in ("max_call_s", "dial_in_s", "dial_out_s")] == ["100", "30", "45"]
    assert calls.child("max_call_s").notes == ("Somebody else set this to: 99",)
    assert (json.loads(result.form.base), result.form.revision) == ({"calls": stored["calls"]}, 8)


def test_somebody_elses_change_of_another_part_is_kept() -> None:
    """A form of calls saved over a document whose multicast has changed meanwhile keeps that change."""
    data, stored = example(), example()
    stored["multicast"]["barge"] = 0
    door = round_of(data, stored, calls__max_call_s="100").door

    assert door is not None
    assert (door.calls.max_call_s, door.multicast.barge) == (100, 0)


def test_a_forged_base_does_no_harm() -> None:
    """A form without its base, or with nonsense for it, is read over what is stored."""
    data = example()
    for base in ("", "{", "[]", "5"):
        posted = posted_of(opened(PARTS, data, 7), data, *PARTS) | {"base": [base]}
        result = submitted(PARTS, posted, data, 7)
        assert (base, result.door is not None or bool(result.form.theirs)) == (base, True)


def test_a_new_template_gets_a_short_name_of_its_own() -> None:
    """Two templates of one name get two ids, made from the name; the numbers stand in their order."""
    data = example()
    for expected in ("office-hours", "office-hours-2"):
        posted = {"name": ["Office Hours!"], "numbers": ["202\r\n\r\n201"], "schedules": ["", "office"], "do": ["save"]}
        door = entries.submitted("templates", posted, data, 7, None).door
        assert door is not None
        data = json.loads(door.model_dump_json(by_alias=True))
        assert data["schedule"]["templates"][-1] == {
            "id": expected, "name": "Office Hours!", "numbers": ["202", "201"], "schedules": ["office"],
        }  # fmt: skip


def test_a_schedule_may_become_another_kind() -> None:
    """Weekly to daily: it keeps its name and times, and the days are gone."""
    data = example()
    door = entries.submitted("schedules", {"kind": ["daily"], "start": ["07:00"]}, data, 7, "office").door

    assert door is not None
    assert json.loads(door.schedule.schedules[0].model_dump_json()) == {
        "id": "office", "kind": "daily", "start": "07:00", "end": "18:00", "holidays": "exclude",
    }  # fmt: skip


def test_an_eleventh_template_is_refused() -> None:
    """The limit of ten is said, and nothing is written."""
    data = example()
    first = data["schedule"]["templates"][0]
    data["schedule"]["templates"] += [{**first, "id": f"t{number}"} for number in range(9)]
    posted = {"name": ["One more"], "numbers": ["1"], "schedules": ["", "office"]}
    result = entries.submitted("templates", posted, data, 7, None)

    assert result.door is None
    assert "at most 10" in result.form.said[0].message


@settings(BOUNDED, max_examples=30)
@given(documents())
def test_the_text_of_any_document_makes_the_same_document(data: dict[str, Any]) -> None:
    """What an expert gets to edit is read back as the document that is stored, value by value."""
    assert load_document(yaml_text(data)) == from_json(json.dumps(data).encode())


@pytest.mark.parametrize(
    "text", ["on", "08:00", "0101", "*78", "a: b", "# no", "é🙂", "\u2028", "", " x ", "null", "-1"]
)
def test_texts_that_yaml_takes_for_something_else_stay_texts(text: str) -> None:
    """Words, times, digits and signs that mean something to YAML come back as they were."""
    data = example()
    data["actions"][1]["body"] = text

    assert load_document(yaml_text(data)).actions[1].body == text  # type: ignore[union-attr]


def test_every_field_has_a_label_and_most_have_help() -> None:
    """No label is a name of the document with an underscore; names are said in words."""
    labels = [control.label for control in page_controls()]

    assert [label for label in labels if "_" in label or not label] == []
    assert in_words("left_open") == "Left open"
    assert complaint('must be a quoted code of up to 32 of 0-9, * and # ("*78"), or ""') == (
        "Must be a code of up to 32 of 0-9, * and # (like *78), or empty."
    )


def page_controls() -> list[Any]:
    """All controls of the example that a person reads."""
    form = opened(tuple(field.name for field in tree().fields), example(), 1)
    return [each for each in form.root.all() if each.path]
