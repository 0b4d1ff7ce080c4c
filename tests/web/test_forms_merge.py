"""Two people edit one document: neither change is lost, and what both changed is told."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from doorbus_web.forms.merge import Clash, differences, merge

LEAF = st.integers(0, 2)
ENTRY = st.fixed_dictionaries({"id": st.sampled_from("abc"), "x": LEAF, "y": LEAF})
ENTRIES = st.lists(ENTRY, max_size=3, unique_by=lambda entry: entry["id"])
PART = st.fixed_dictionaries(
    {"n": LEAF, "inside": st.fixed_dictionaries({"m": LEAF}), "list": ENTRIES, "plain": st.lists(LEAF, max_size=2)}
)
MANY = settings(max_examples=300, deadline=None)


@MANY
@given(PART, PART)
def test_a_change_of_one_alone_is_taken(base: Any, changed: Any) -> None:
    """Who edits alone gets what he did, whoever he is; and there is nothing to decide."""
    assert merge(base, changed, base).data == changed
    assert merge(base, base, changed).data == changed
    assert merge(base, changed, changed).data == changed
    assert merge(base, changed, base).clashes == merge(base, base, changed).clashes == ()


@MANY
@given(PART, PART, PART)
def test_nothing_of_either_is_lost(base: Any, mine: Any, theirs: Any) -> None:
    """Each plain field holds my change; theirs where I changed nothing; and a clash where we differ."""
    merged = merge(base, mine, theirs)
    clashes = {clash.path: clash.theirs for clash in merged.clashes}

    for path, part, name in (("n", None, "n"), ("inside.m", "inside", "m")):
        was, my, their, now = ((data[part] if part else data)[name] for data in (base, mine, theirs, merged.data))
        assert now == (their if my == was else my)
        assert (path in clashes) == (my != was and their not in (was, my))


@MANY
@given(PART, PART, PART)
def test_entries_come_and_go_by_name(base: Any, mine: Any, theirs: Any) -> None:
    """An entry that either added is there; one that one removed and the other left alone is gone; no name is twice."""
    before, ours, others = ({each["id"]: each for each in data["list"]} for data in (base, mine, theirs))
    merged = {each["id"]: each for each in merge(base, mine, theirs).data["list"]}

    assert len(merged) == len(merge(base, mine, theirs).data["list"])
    for name in "abc":
        sides = (ours.get(name), others.get(name))
        if name not in before:
            assert (name in merged) == (sides != (None, None))
        elif None in sides:
            left = next((each for each in sides if each is not None), None)
            assert (name in merged) == (left is not None and left != before[name])


def test_what_they_changed_is_named_with_its_value() -> None:
    """Changed fields by path and value, a longer list as one, and the clash beside my value."""
    base = {"a": 1, "list": [{"id": "x", "v": 1}], "dnd": {"on": False}}
    theirs = {"a": 2, "list": [{"id": "x", "v": 5}], "dnd": {"on": True}}
    merged = merge(base, {**base, "a": 3}, theirs)

    assert merged.changed == (("a", 2), ("list[0].v", 5), ("dnd.on", True))
    assert merged.clashes == (Clash("a", 2),)
    assert merged.data == {**theirs, "a": 3}
    assert differences({"list": [1]}, {"list": [1, 2]}) == (("list",),)


def test_removed_by_one_and_changed_by_the_other_stays_and_is_told() -> None:
    """My change of what they removed stays, their change of what I removed comes back; both are clashes."""
    base = {"list": [{"id": "x", "v": 1}]}
    changed = {"list": [{"id": "x", "v": 2}]}

    assert merge(base, changed, {"list": []}).data == changed
    assert merge(base, {"list": []}, changed).data == changed
    assert merge(base, changed, {"list": []}).clashes == (Clash("list[0]", None),)
    assert merge(base, {"list": []}, changed).clashes == (Clash("list[0]", {"id": "x", "v": 2}),)
