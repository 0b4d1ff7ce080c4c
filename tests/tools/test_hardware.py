"""What `make test-hardware` says where the virtual machine cannot be had."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_missing_packages_are_named(tmp_path: Path, ci: str, code: int) -> None:
    """On a machine without qemu each missing package is named with its use; only in CI is that a failure."""
    nothing_installed = tmp_path / "dpkg-query"
    nothing_installed.write_text("#!/bin/sh\nexit 1\n")
    nothing_installed.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "CI": ci}
    argv = [sys.executable, "-m", "tools.hardware", "python", "-m", "pytest"]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert code == done.returncode
    assert "NOT RUN" in done.stderr
    assert "make system-deps-hardware" in done.stderr
    assert "qemu-system-x86  the virtual machine" in done.stderr
    assert done.stdout == ""
