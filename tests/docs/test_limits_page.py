"""The page on limits is true as far as a test can tell."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_names_tests_that_exist() -> None:
    """Each file that `docs/limits.md` names is there."""
    named = set(re.findall(r"`(?:tests/(?:[a-z]+/))?(test_[a-z_]+\.py)`", (ROOT / "docs/limits.md").read_text()))
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert named <= there
    assert len(named) > 5
