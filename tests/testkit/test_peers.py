"""What is missing skips a test on a user's machine and fails it in continuous integration."""

import unittest

import pytest

from doorbus_testkit.netns import Namespaces
from doorbus_testkit.peers import require_program


def test_a_missing_program_skips_on_a_users_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without CI the test is skipped, with what to do about it."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(unittest.SkipTest, match="make system-deps"):
        require_program("no-such-program")


def test_a_missing_program_fails_in_continuous_integration(monkeypatch: pytest.MonkeyPatch) -> None:
    """With CI=true the same is a failure."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(AssertionError, match="no-such-program is not installed"):
        require_program("no-such-program")


def test_namespaces_without_root_skip_and_make_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who is not root gets a skip before any namespace is made."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(unittest.SkipTest, match="run as root"):
        Namespaces(1).__enter__()


def test_a_present_program_is_found() -> None:
    """A program that is there is returned with its path."""
    assert require_program("sh").name == "sh"
