"""Programs and rights that a test needs and a user's machine may lack.

There, the test is skipped, visibly (pytest takes `unittest.SkipTest` as its own). In continuous integration (`CI=true`)
it fails: nobody would see the skip.
"""

import os
import shutil
import unittest
from pathlib import Path
from typing import NoReturn


def in_ci() -> bool:
    """Returns True when the environment says `CI=true`."""
    return os.environ.get("CI") == "true"


def missing(what: str) -> NoReturn:
    """Skips the running test for lack of something, or fails it with `CI=true`.

    Args:
        what: the reason, with what to do about it.
    """
    if in_ci():
        raise AssertionError(f"CI=true, and {what}")
    raise unittest.SkipTest(what)


def require_program(name: str) -> Path:
    """Returns the path of a program, or ends the test as `missing` says."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))
    if found is None:
        missing(f"{name} is not installed: as root, make system-deps")
    return Path(found)


def require_root(why: str) -> None:
    """Ends the test as `missing` says unless it runs as root; `why` says what needs it."""
    if os.geteuid() != 0:
        missing(f"{why}: run as root")
