"""`python -m tools.hardware [--limit SECONDS] COMMAND…`: runs a command of the project on a kernel with GPIO chips.

`make test-hardware` runs the suite of `tests/hardware` so. The exit code is the command's; 1 when the machine cannot be
had, with what is missing. Where somebody has no qemu and CI is not set, that is said and is no failure.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import time

from doorbus_testkit.peers import in_ci
from tools.hardware import kernel, machine
from tools.hardware.disk import ROOT

CACHE = ROOT / ".hardware"
PACKAGES = ROOT / "system-deps-hardware.txt"
LIMIT_S = 420.0
"""What a machine may take that many others use, too: the suite takes a third of it."""


def missing_packages() -> dict[str, str]:
    """Returns the Debian packages that are not installed, and what each is for."""
    missing = {}
    for line in PACKAGES.read_text().splitlines():
        name, _, use = line.partition("#")
        if name.strip() and not _installed(name.strip()):
            missing[name.strip()] = use.strip()
    return missing


def why_not() -> str | None:
    """Returns why this machine cannot run it, None when it can."""
    if platform.machine() != "x86_64":
        return "it emulates an x86-64 machine with this machine's own programs, so it runs on x86-64 only"
    try:
        missing = missing_packages()
    except FileNotFoundError:
        return "it takes a kernel from Debian 12, and dpkg is not here"
    if not missing:
        return None
    width = max(map(len, missing))
    lines = "\n".join(f"  {name:{width}}  {use}" for name, use in missing.items())
    return f"these Debian packages are missing (as root: make system-deps-hardware):\n{lines}"


def main() -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="python -m tools.hardware", description=__doc__)
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="end the command after so many seconds")
    parser.add_argument("--pass", dest="passed", action="append", default=[], metavar="NAME", help="a variable for it")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    reason = why_not()
    if reason is not None:
        sys.stderr.write(f"NOT RUN on a kernel with GPIO chips: {reason}\n")
        return 1 if in_ci() else 0
    began = time.monotonic()
    try:
        booted = kernel.bring(CACHE)
    except kernel.KernelError as error:
        sys.stderr.write(f"the kernel could not be brought: {error}\n")
        return 1
    sys.stderr.write(f"kernel {booted.image.name.partition('-')[2]}, here after {time.monotonic() - began:.0f} s\n")
    sys.stderr.flush()
    code = machine.run(booted, CACHE, options.command, options.limit, options.passed)
    sys.stderr.write(f"took {time.monotonic() - began:.0f} s in all\n")
    return code


def _installed(package: str) -> bool:
    words = ["dpkg-query", "-W", "-f", "${Status}", package]
    shown = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    return "ok installed" in shown.stdout


if __name__ == "__main__":
    sys.exit(main())
