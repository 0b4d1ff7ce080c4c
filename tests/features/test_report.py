"""The report of the feature rows, run on small pages with small tests."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.features.report import NO_TEST, PAGE, ROOT, rows_of

TABLE = """# A page
| id | what must be seen |
|---|---|
| dnd.reject | It refuses. |
| dnd.more + | Row `dnd.not_this` stands inside a line. |
| page.end | It ends. |
"""


@dataclass(frozen=True)
class Ran:
    """What the report said."""

    code: int
    lines: list[str]
    errors: str


def _report(folder: Path, tests: str, page: str = TABLE) -> Ran:
    """Runs the report as a program, as `make features` does."""
    (folder / "page.md").write_text(page)
    inside = folder / "tests"
    inside.mkdir()
    (inside / "conftest.py").write_text("")
    (inside / "test_rows.py").write_text("import pytest\n" + tests)
    argv = [sys.executable, "-m", "tests.features.report", "--page", str(folder / "page.md")]
    argv += ["--tests", str(inside)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return Ran(done.returncode, done.stdout.splitlines(), done.stderr)


def _test(row: str, name: str, body: str) -> str:
    return f'@pytest.mark.feature("{row}")\ndef test_{name}():\n    {body}\n'


def test_all_rows_pass(tmp_path: Path) -> None:
    """Rows print in the page's order, a test may show several, and the exit code is 0."""
    tests = _test("page.end", "end", "pass") + '@pytest.mark.feature("dnd.more", "dnd.reject")\ndef test_dnd(): pass\n'
    ran = _report(tmp_path, tests)
    assert ran.lines == ["PASS dnd.reject", "PASS dnd.more", "PASS page.end", "features: 3 of 3"]
    assert ran.code == 0


def test_a_row_passes_only_when_all_its_tests_pass(tmp_path: Path) -> None:
    """One failing test of two fails the row, with the first line of why; a row without a test fails too."""
    tests = (
        _test("dnd.reject", "one", "pass")
        + _test("dnd.reject", "two", 'raise AssertionError("rang\\nmore words")')
        + _test("page.end", "end", "pass")
    )
    ran = _report(tmp_path, tests)
    expected = [
        "FAIL dnd.reject AssertionError: rang",
        f"FAIL dnd.more {NO_TEST}",
        "PASS page.end",
        "features: 1 of 3",
    ]
    assert expected == ran.lines
    assert ran.code == 1


def test_a_row_that_is_shown_in_part_fails_and_says_what_is_missing(tmp_path: Path) -> None:
    """What is there is tested all the same, and its failure comes first."""
    marker = '@pytest.mark.feature("dnd.reject", missing="the other half")\n'
    assert _report(tmp_path, marker + "def test_half(): pass\n").lines[0] == "FAIL dnd.reject missing: the other half"
    other = tmp_path / "other"
    other.mkdir()
    ran = _report(other, marker + "def test_half(): raise AssertionError('rang')\n")
    assert ran.lines[0] == "FAIL dnd.reject AssertionError: rang"


def test_a_skip_is_a_failure_with_its_reason(tmp_path: Path) -> None:
    """A skipped test fails its row: nobody has seen it."""
    ran = _report(tmp_path, _test("dnd.reject", "skips", 'pytest.skip("run as root")'))
    assert ran.lines[0] == "FAIL dnd.reject run as root"
    assert ran.code == 1


def test_an_error_around_a_test_is_a_failure(tmp_path: Path) -> None:
    """A fixture that fails at the end fails the row, though the test itself passed."""
    fixture = '@pytest.fixture\ndef thing():\n    yield\n    raise RuntimeError("left a call up")\n'
    marker = '@pytest.mark.feature("dnd.reject")\ndef test_it(thing): pass\n'
    ran = _report(tmp_path, fixture + marker)
    assert ran.lines[0] == "FAIL dnd.reject RuntimeError: left a call up"


def test_an_unknown_row_is_an_error(tmp_path: Path) -> None:
    """A marker with an id that is not on the page is an error that names it, whatever else passes."""
    ran = _report(tmp_path, _test("dnd.rejct", "typo", "pass"))
    assert ran.code == 2
    assert "there is no row dnd.rejct" in ran.errors


def test_a_test_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A broken file does not look like rows of a later issue."""
    ran = _report(tmp_path, "raise RuntimeError('broken')\n")
    assert ran.code == 2
    assert "broken" in ran.errors


def test_tests_without_a_row_are_left_out(tmp_path: Path) -> None:
    """A failing test that shows no row does not run."""
    tests = "".join(_test(row, row.replace(".", "_"), "pass") for row in ("dnd.reject", "dnd.more", "page.end"))
    ran = _report(tmp_path, tests + "def test_other(): raise AssertionError\n")
    assert ran.code == 0


def test_a_row_twice_on_the_page_is_refused() -> None:
    """Two rows of one id could not be told apart."""
    with pytest.raises(ValueError, match=r"dnd\.reject"):
        rows_of("| dnd.reject | a |\n| dnd.reject | b |\n")


def test_the_projects_own_page_is_read() -> None:
    """Rows with and without the plus of the real page are found."""
    rows = rows_of(PAGE.read_text())
    assert {"dnd.reject", "duration.max_call_restart", "deploy.metrics"} <= set(rows)
