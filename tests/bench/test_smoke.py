"""Each benchmark runs, on the real stack, and prints its figures beside those of its baseline.

What the figures are is not asserted: a tiny run on a busy machine means nothing.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from bench.__main__ import BENCHMARKS
from bench.figures import Figure, Result, percentile
from bench.scale import Amount, Scale

ROOT = Path(__file__).parents[2]
WITHIN_S = 150
WITHOUT_BASELINE = (
    "start until all are served",
    "memory, MB (PSS)",
    "memory of sip and workers",
    "a friend's INVITE",
    "web's processor time",
    "web's memory",
    "at the sink",
)
"""Figures that nothing is compared with."""


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    """Runs `python -m bench`."""
    argv = [sys.executable, "-m", "bench", *words]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=WITHIN_S, check=False)


IN_THE_MACHINE = "edge_to_event_kernel"
"""Boots a virtual machine: `make test-hardware` shows that it measures (`tests/hardware/test_bench.py`)."""


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name != IN_THE_MACHINE])
def test_it_prints_its_figures(name: str, tmp_path: Path) -> None:
    """A number for each figure of Doorbus, one and a ratio for its baseline, the same in the table and as JSON."""
    told = tmp_path / "figures.json"
    done = bench("--smoke", "--json", str(told), name)
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = json.loads(told.read_text())["results"]
    assert result["name"] == name
    assert result["figures"]
    for figure in result["figures"]:
        label = figure["label"]
        assert math.isfinite(figure["door"]), label
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"  {label} ")]
        if not any(words in label for words in WITHOUT_BASELINE):
            assert figure["bare"] is not None, label
            assert figure["ratio"] is None or f"{figure['ratio']:.2f} x" in line
    assert any(figure["ratio"] is not None for figure in result["figures"])


def test_an_unknown_name_is_refused() -> None:
    """The command line names those that there are."""
    done = bench("invite_999")
    assert done.returncode == 2
    assert all(name in done.stderr for name in BENCHMARKS)


def test_percentiles_are_by_nearest_rank() -> None:
    """Of 100 values p99 is the second largest, of few the largest; of none there is none."""
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0
    with pytest.raises(ValueError, match="nothing was measured"):
        percentile([], 0.5)


def test_a_table_says_whether_an_aim_was_reached() -> None:
    """The ratio is Doorbus divided by its baseline; without a baseline there is none."""
    figures = (Figure("a, ms", 3.0, 2.0, "under 4 ms", True), Figure("b, ms", 5.0, None, "under 4 ms", False))
    table = Result("x", "what", "bare", figures).as_table()
    assert [figure.ratio for figure in figures] == [1.5, None]
    assert "1.50 x   under 4 ms: reached" in table
    assert "under 4 ms: not reached" in table


def test_a_run_has_three_sizes() -> None:
    """An amount at each of them, whole where it is a count."""
    amount = Amount(4.0, 1.5, 0.2)
    assert [amount.at(scale) for scale in Scale] == [4.0, 1.5, 0.2]
    assert [amount.count(scale) for scale in Scale] == [4, 1, 0]
