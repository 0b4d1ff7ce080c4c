"""Each service installs alone, from its own lock, and needs nothing that it does not declare."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = ROOT / ".tools/bin/uv"
MEMBERS = {
    "sip": (
        "services/sip",
        "import doorbus_sip.app, doorbus_sip.worker.loop, doorbus.audio.device, doorbus.audio.elastic",
    ),
    "io": ("services/io", "import doorbus_io.app, doorbus_io.rest, doorbus_io.gpiod_chip"),
    "policy": ("services/policy", "import doorbus_policy.app"),
    "scheduler": ("services/scheduler", "import doorbus_scheduler.app"),
    "actions": (
        "services/actions",
        "from doorbus_actions import app, http_client, smtp_client, ftp_client",
    ),
    "multicast": ("services/multicast", "import doorbus_multicast.app, doorbus.audio.device"),
    "web": ("services/web", "import doorbus_web.app, doorbus_web.reset"),
    "cli": ("cli", "import doorbus_cli.main, doorbus_cli.page_stream, doorbus.audio.device, doorbus.audio.elastic"),
}


def run(*words: object) -> None:
    """Runs a command; its output is in the error when it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"


@pytest.mark.timeout(400)
@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_needs_only_what_it_declares(member: str, tmp_path: Path) -> None:
    """In an environment with its own locked dependencies only, the member's composition root can be imported."""
    if not UV.exists():
        pytest.skip("uv is put in place by make: run 'make test'")
    folder, statement = MEMBERS[member]
    python = tmp_path / "venv/bin/python"
    run(UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    lock = ROOT / f"requirements/{member}.txt"
    run(UV, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", lock)
    members = [ROOT / "libs/doorbus", ROOT / folder]
    run(UV, "pip", "install", "--quiet", "--python", python, "--no-deps", *members)
    run(python, "-I", "-c", statement)


def test_a_missing_declaration_is_noticed(tmp_path: Path) -> None:
    """The check can fail: an environment without dependencies cannot import a service."""
    if not UV.exists():
        pytest.skip("uv is put in place by make: run 'make test'")
    python = tmp_path / "venv/bin/python"
    run(UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    run(UV, "pip", "install", "--quiet", "--python", python, "--no-deps", ROOT / "libs/doorbus", ROOT / "services/io")
    with pytest.raises(AssertionError, match="No module named"):
        run(python, "-I", "-c", MEMBERS["io"][1])
