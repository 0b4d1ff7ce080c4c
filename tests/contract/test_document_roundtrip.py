"""The examples are valid, the stored form is canonical, and no text whatever makes reading fail in another way."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from doorbus.contract.document import DocumentError, Door, check, from_json, json_schema, to_json
from doorbus.contract.document.load import load_document

EXAMPLES = Path(__file__).parents[2] / "examples"
TEXT = (EXAMPLES / "door.yaml").read_text(encoding="utf-8")
DATA: dict[str, Any] = json.loads(to_json(load_document(TEXT)))
BOUNDED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", ["door.yaml", "minimal.yaml"])
def test_an_example_loads_and_survives_the_store(name: str) -> None:
    """Both examples are valid, and the bus gives back the document that was stored."""
    door = load_document((EXAMPLES / name).read_bytes())

    assert door == from_json(to_json(door))
    assert check(door) == ()


def test_the_full_example_has_every_field_of_every_part() -> None:
    """The example names each part of the document and is read as it is written."""
    door = load_document(TEXT)

    assert set(Door.model_fields) == {line.partition(":")[0] for line in TEXT.splitlines() if line[:1].isalpha()}
    assert door.sip.accounts[0].aor == "sip:door@pbx.example.com"
    assert door.buttons[0].call.numbers == ("101", "sip:102@192.0.2.7")  # type: ignore[union-attr]
    assert door.multicast.listeners[1].codecs == {96: "L16/16000/1"}
    assert [(day.year, day.month, day.day) for day in door.schedule.holidays] == [(2026, 12, 25)]
    assert [action.type for action in door.actions] == ["http", "email", "ftp", "relay"]


def test_a_door_needs_nothing_but_its_id() -> None:
    """All defaults are there, fit together, and are those of the design."""
    door = load_document("door: front")

    assert check(door) == ()
    assert door.timezone == "UTC"
    assert (
        door.calls.max_call_s,
        door.calls.warn_s,
        door.calls.dial_in_s,
        door.calls.dial_out_s,
    ) == (300, 10, 60, 60)
    assert (
        door.calls.dnd.return_code,
        door.calls.auto_answer.sip.enabled,
        door.calls.push_to_hang_up.enabled,
    ) == (486, False, True)


def test_the_stored_form_is_the_same_for_the_same_document() -> None:
    """Neither the order of fields nor defaults that are written out change the bytes."""
    short = load_document("door: front\ncalls: {warn_s: 10, max_call_s: 300}\n")
    other = load_document("calls: {max_call_s: 300.0}\ndoor: 'front'\ntimezone: UTC\n")

    assert to_json(short) == to_json(other)
    assert b" " not in to_json(short)


def test_fields_of_a_newer_writer_are_ignored_on_reading() -> None:
    """A stored document with unknown fields anywhere reads as if they were not there."""
    newer = copy.deepcopy(DATA)
    newer["hologram"] = {"enabled": True}
    newer["actions"][0]["priority"] = 1
    newer["io"]["inputs"][0]["colour"] = "red"
    newer["sip"]["accounts"][0]["password"]["version"] = 2

    assert load_document(TEXT) == from_json(json.dumps(newer).encode())


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"calls": {"max_call_s": "300"}}, "calls.max_call_s"),
        ({"calls": {"max_call_s": float("nan")}}, "calls.max_call_s"),
        ({"buttons": [{"input": "b9"}]}, "buttons[0].input"),
        ({"actions": [{"id": "a", "type": "http", "url": 5}]}, "actions[0].url"),
        ({"door": None}, "door"),
    ],
)
def test_a_stored_document_is_validated_again(change: dict[str, Any], path: str) -> None:
    """Nobody vouches for what a bucket holds: wrong values and loose references are refused on reading."""
    with pytest.raises(DocumentError) as refused:
        from_json(json.dumps({"door": "front", **change}).encode())

    assert [path] == [problem.path for problem in refused.value.problems]


@pytest.mark.parametrize("data", [b"", b"{", b"null", b"[]", b"\xff", b'{"door": "\xff"}'])
def test_stored_bytes_that_are_no_document_are_refused(data: bytes) -> None:
    """What is no JSON, or no mapping, is a DocumentError like any other mistake."""
    with pytest.raises(DocumentError):
        from_json(data)


def test_the_schema_names_every_part_and_is_json() -> None:
    """The JSON Schema can be published: it serialises, closes its mappings and tells the bounds."""
    schema = json.loads(json.dumps(json_schema()))

    assert set(DATA) == set(schema["properties"])
    assert tuple(schema["$defs"]["Calls"]["properties"]["dial_in_s"][key] for key in ("minimum", "maximum")) == (1, 170)
    assert schema["$defs"]["Dnd"]["properties"]["return_code"]["enum"] == [404, 480, 486, 603]
    assert all(part["additionalProperties"] is False for part in schema["$defs"].values())


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 100000),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["0101", "*78", "#1", "on", "08:00", "2026-02-30", "ip", "gate", "239.1.1.1:5004", "$door", "9" * 99]
    ),
    st.lists(st.integers(0, 3), max_size=20),
    st.dictionaries(st.text(max_size=6), st.integers(), max_size=2),
)


def _paths(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = node.keys() if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    return [path] * bool(path) + [each for key in keys for each in _paths(node[key], (*path, key))]


@st.composite
def mutated_documents(draw: st.DrawFn) -> Any:
    """The full example with up to four nodes dropped, replaced, doubled or renamed."""
    data = copy.deepcopy(DATA)
    for _ in range(draw(st.integers(1, 4))):
        paths = _paths(data)
        if not paths:
            break
        *outer, key = draw(st.sampled_from(paths))
        parent: Any = data
        for part in outer:
            parent = parent[part]
        match draw(st.sampled_from(["drop", "replace", "replace", "double", "rename"])):
            case "drop":
                del parent[key]
            case "replace":
                parent[key] = draw(JUNK)
            case "double" if isinstance(parent, list):
                parent.append(copy.deepcopy(parent[key]))
            case "rename" if isinstance(parent, dict):
                parent[draw(st.text(max_size=8))] = parent.pop(key)
            case _:
                parent[key] = [parent[key]]
    return data


def _refused(error: DocumentError) -> None:
    assert error.problems
    assert all(problem.message for problem in error.problems)


def _accepted(source: str) -> Door | None:
    try:
        return load_document(source)
    except DocumentError as error:
        _refused(error)
        return None


@BOUNDED
@given(mutated_documents())
def test_a_mutated_document_is_valid_or_refused_and_nothing_else(data: Any) -> None:
    """Whatever stands in place of parts of the example, reading ends with a door or with a DocumentError."""
    if (door := _accepted(json.dumps(data))) is not None:
        assert door == from_json(to_json(door))
        assert check(door) == ()


@BOUNDED
@given(mutated_documents())
def test_a_mutated_stored_document_is_valid_or_refused_and_nothing_else(data: Any) -> None:
    """The same for the bytes in the bucket; what is read there fits together."""
    try:
        door = from_json(json.dumps(data).encode())
    except DocumentError as error:
        _refused(error)
    else:
        assert check(door) == ()


@BOUNDED
@given(
    st.integers(0, len(TEXT) - 1),
    st.integers(0, 8),
    st.one_of(
        st.text(alphabet="[]{}:,-#*&!|>'\"%@`\t\n ?0.<~\\x", max_size=4),
        st.text(max_size=3),
    ),
)
@example(0, 0, "? ")
@example(10, 1, '"\\x')
def test_a_slip_of_the_fingers_is_valid_or_refused_and_nothing_else(at: int, removed: int, added: str) -> None:
    """Any run of characters removed from or put into the YAML text never gets another exception out of the parser."""
    _accepted(TEXT[:at] + added + TEXT[at + removed :])


@settings(BOUNDED, max_examples=60)
@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbfdoor: front")
@example(b"%TAG ! tag:x,2000:\n---\ndoor: !x y")
def test_any_bytes_are_valid_or_refused_and_nothing_else(source: bytes) -> None:
    """Arbitrary bytes never get another exception out of the parser."""
    try:
        load_document(source)
    except DocumentError as error:
        _refused(error)


@pytest.mark.parametrize(
    "source",
    [
        "door: " + "[" * 200_000,
        "door: " + "{a: " * 60_000,
        "- " * 100_000,
        "a: &a [x, x]\n" + "".join(f"{chr(98 + n)}: &b{n} [*a, *a, *a, *a, *a, *a]\n" for n in range(20)),
        "door: front\n" + "".join(f"x{n}: 1\n" for n in range(20_000)),
        "io: {inputs: [" + "{}, " * 60_000 + "]}",
        "buttons: [" + "0x1, " * 50_000 + "]",
        "schedule: {holidays: [" + "2026-01-01, " * 20_000 + "]}",
        "? " * 50_000,
        "door: " + "!" * 200_000,
    ],
    ids=["lists", "mappings", "dashes", "laughs", "fields", "entries", "traps", "dates", "keys", "tags"],
)
@pytest.mark.timeout(30)
def test_a_hostile_text_is_refused_in_bounded_time(source: str) -> None:
    """Deep nesting, a billion laughs and thousands of mistakes end in a refusal, within the timeout."""
    with pytest.raises(DocumentError):
        load_document(source)
