"""One line for each row of docs/features.md: `PASS id` or `FAIL id why`, and at the end `features: N of M`.

Rules:
- A row is a table line of the page that begins with an id like `dnd.reject`.
- A test names the rows that it shows by `@pytest.mark.feature("dnd.reject")`, one or several; a row that is not on
  the page is an error, and so is a test file that cannot be read.
- A row passes when it has a test and all its tests pass. A skip is a failure with the skip's reason.
- A test that shows a part of a row says what is missing: `@pytest.mark.feature("answer.mode", missing="video")`. Such a
  row fails, with that text once its tests pass.
- The exit code is 0 when every row passes.
- pytest's own output goes to stderr, the table to stdout.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "features.md"
ROW = re.compile(r"^\|\s*([a-z0-9_]+\.[a-z0-9_]+)(?:\s+\+)?\s*\|", re.MULTILINE)
NO_TEST = "no test yet (a later issue)"
WHY_LENGTH = 160


def rows_of(page: str) -> list[str]:
    """Returns the ids of the page's rows in its order; raises ValueError when one is there twice or there is none."""
    rows = ROW.findall(page)
    twice = sorted({row for row in rows if rows.count(row) > 1})
    if twice or not rows:
        raise ValueError(f"rows twice on the page: {', '.join(twice)}" if twice else "the page has no rows")
    return rows


@dataclass(eq=False)  # pytest keeps its plugins in sets
class Outcomes:
    """A pytest plugin: runs the tests that show a row, and keeps how each ended.

    Attributes:
        rows: the page's ids.
        tests: the tests of each row, by node id.
        missing: what no test of a row shows, in words.
        failures: why a test failed or was skipped, by node id.
        finished: tests that ran to their end.
        errors: what could not be collected, and markers with unknown ids.
    """

    rows: Sequence[str]
    tests: dict[str, list[str]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Finds the tests of each row, and leaves those of none out."""
        named: list[pytest.Item] = []
        for item in items:
            markers = list(item.iter_markers("feature"))
            ids = [str(row) for marker in markers for row in marker.args]
            for marker in markers:
                self.missing.update({str(row): marker.kwargs["missing"] for row in marker.args if marker.kwargs})
            for row in ids:
                if row in self.rows:
                    self.tests.setdefault(row, []).append(item.nodeid)
                else:
                    self.errors.append(f"{item.nodeid}: there is no row {row}")
            if ids:
                named.append(item)
        config.hook.pytest_deselected(items=[item for item in items if item not in named])
        items[:] = named

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keeps what could not be read."""
        if report.failed:
            self.errors.append(f"{report.nodeid}: {_first_line(report)}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keeps how a test ended; what fails first is why."""
        if report.failed:
            self.failures.setdefault(report.nodeid, _first_line(report))
        elif report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.failures.setdefault(report.nodeid, reason.removeprefix("Skipped: "))
        if report.when == "teardown":
            self.finished.add(report.nodeid)

    def why_not(self, row: str) -> str | None:
        """Returns why a row does not pass, None when it passes."""
        tests = self.tests.get(row, [])
        if not tests:
            return NO_TEST
        for test in tests:
            if test in self.failures:
                return " ".join(self.failures[test].split())[:WHY_LENGTH]
            if test not in self.finished:
                return "its test did not run"
        return f"missing: {self.missing[row]}" if row in self.missing else None


def _first_line(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Returns the first line of what was raised, without pytest's own words."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(crash.message) if crash is not None else str(report.longrepr)
    lines = [line.removeprefix("E").strip() for line in text.splitlines() if line.strip()]
    if crash is None and lines:  # a collection error is told by its last line
        return lines[-1]
    return lines[0] if lines else "failed without a word"


def run(tests: Path, rows: Sequence[str]) -> Outcomes:
    """Runs the tests under a folder and returns what became of them."""
    outcomes = Outcomes(rows)
    options = ["-q", "-p", "no:cacheprovider", "--continue-on-collection-errors", "-c", str(ROOT / "pyproject.toml")]
    with contextlib.redirect_stdout(sys.stderr):
        code = pytest.main([*options, "--rootdir", str(ROOT), str(tests)], plugins=[outcomes])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        outcomes.errors.append(f"pytest ended with {code!r}")
    return outcomes


def lines_of(rows: Sequence[str], outcomes: Outcomes) -> list[str]:
    """Returns the table's lines, the sum last."""
    verdicts = [(row, outcomes.why_not(row)) for row in rows]
    lines = [f"PASS {row}" if why is None else f"FAIL {row} {why}" for row, why in verdicts]
    return [*lines, f"features: {sum(why is None for _, why in verdicts)} of {len(rows)}"]


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table; returns 0 when all rows pass, else 1, and 2 when the page or a test file is wrong."""
    parser = argparse.ArgumentParser(description="PASS or FAIL for each row of the page")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page with the rows")
    parser.add_argument("--tests", type=Path, default=Path(__file__).parent, help="the folder of the tests")
    options = parser.parse_args(argv)
    rows = rows_of(options.page.read_text())
    outcomes = run(options.tests.resolve(), rows)
    lines = lines_of(rows, outcomes)
    for error in outcomes.errors:
        sys.stderr.write(f"error: {error}\n")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
    if outcomes.errors:
        return 2
    return 0 if all(line.startswith("PASS ") for line in lines[:-1]) else 1


if __name__ == "__main__":
    sys.exit(main())
