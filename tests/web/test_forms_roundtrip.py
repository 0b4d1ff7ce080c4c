"""Any document survives its form: drawn, posted by a browser's rules, and read back."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from tests.web.browser_form import Page
from tests.web.documents import documents

import doorbus_web
from doorbus.contract.document import Door, to_json
from doorbus.contract.document.load import load_document
from doorbus_web.forms.controls import controls
from doorbus_web.forms.edit import edited
from doorbus_web.forms.post import KEY, read, without_keys
from doorbus_web.forms.references import references
from doorbus_web.forms.tree import tree

EXAMPLES = Path(__file__).parents[2] / "examples"
TEMPLATES = Path(doorbus_web.__file__).parent / "templates"
BOUNDED = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a whole document shrinks for minutes, and says no more
)
DRAW = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
).from_string(
    "{% from 'forms/control.html' import card %}<form>{% for c in root.children %}{{ card(c) }}{% endfor %}</form>"
)


def page_of(data: Mapping[str, Any], *parts: str) -> Page:
    """Draws the form of a document."""
    return Page(DRAW.render(root=controls(tree(*parts), data, references(without_keys(data)))))


def example(name: str = "door.yaml") -> dict[str, Any]:
    """The data of an example."""
    found: dict[str, Any] = json.loads(to_json(load_document((EXAMPLES / name).read_bytes())))
    return found


@pytest.mark.parametrize("name", ["door.yaml", "minimal.yaml"])
def test_an_example_comes_back_as_it_was(name: str) -> None:
    """Opening a form of the whole document and sending it untouched changes nothing."""
    data = example(name)

    assert data == without_keys(read(tree(), page_of(data).posted(), data))


@BOUNDED
@given(documents())
def test_any_valid_document_comes_back_as_it_was(data: dict[str, Any]) -> None:
    """Whatever a document holds, its form loses and changes nothing of it."""
    assert data == without_keys(read(tree(), page_of(data).posted(), data))


@BOUNDED
@given(documents())
def test_any_document_can_be_typed_from_an_empty_form(data: dict[str, Any]) -> None:
    """What a form posts says all by itself: read over an empty document it makes the same door, as far as HTML says.

    HTML does not tell an empty text from none, nor line ends and blanks around a word, nor the order of ticks.
    """
    typed = without_keys(read(tree(), page_of(data).posted(), {}))

    assert _plain(data) == _plain(typed)
    assert Door.model_validate_json(json.dumps(typed))


def _plain(data: Any) -> Any:
    match data:
        case dict():
            return {key: _plain(each) for key, each in data.items() if _plain(each) not in ({}, [], "", None)}
        case list():
            plain = [_plain(each) for each in data]
            return plain if any(isinstance(each, dict) for each in data) else sorted(plain, key=str)
        case str():
            return " ".join(data.split())
        case _:
            return data


@BOUNDED
@given(documents(), st.data())
def test_moving_and_removing_entries_keeps_the_others_as_they_were(data: dict[str, Any], draw: st.DataObject) -> None:
    """After any moves and removals, the entries left are those of the document, value by value."""
    changed: dict[str, Any] = copy.deepcopy(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        name = draw.draw(st.sampled_from(["actions", "buttons", "sip.accounts", "multicast.listeners", "io.relays"]))
        order = f"{draw.draw(st.sampled_from(['up', 'down', 'remove']))}:{name}:{draw.draw(st.integers(0, 2))}"
        posted = read(tree(), page_of(changed).posted(), data)
        changed, _ = edited(tree(), posted, order)
    final = read(tree(), page_of(changed).posted(), data)

    for entries, before in (
        (final.get("actions", []), data.get("actions", [])),
        (final["sip"]["accounts"], data["sip"]["accounts"]),
        (final["io"]["relays"], data["io"]["relays"]),
    ):
        assert [without_keys(each) for each in entries] == [before[int(each[KEY])] for each in entries]


def test_what_a_form_does_not_show_stays() -> None:
    """A form of two parts leaves the others alone, and fields that a newer writer put there as well."""
    data = example()
    newer = copy.deepcopy(data)
    newer["actions"][0]["priority"] = 1
    newer["calls"]["echo"] = {"enabled": True}

    posted = page_of(newer, "actions", "calls").posted()

    assert newer == without_keys(read(tree("actions", "calls"), posted, newer))
    assert newer == without_keys(read(tree("multicast"), {}, newer))
